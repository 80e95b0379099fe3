// Taps and windows as far apart as options allow: an answer in the time and memory of the taps themselves.

import { beforeAll, describe, expect, it } from 'vitest';
import { ops, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';

const FAR = 2 ** 31 - 1;
const square = (channels: number, size: number) => Tensor.ones([1, channels, size, size]);

describe.each(contenders())('$name', ({ use }) => {
  beforeAll(use);

  // In between lie two thousand million rows of padding, which nobody may copy.
  it.each([1, 3, 18, 24])('reads rows a stride of 2^31 - 1 apart, %i channels', (channels) => {
    const y = ops.conv2d(square(channels, 3), Tensor.ones([1, channels, 2, 3]), null, {
      stride: [FAR, 1],
      padding: [[FAR, 0], 0],
    });
    expect([...y.data]).toEqual([0, 6 * channels]);
  });

  it('reads taps a dilation of 2^31 - 1 apart along the height', () => {
    const y = ops.conv2d(square(4, 3), Tensor.ones([1, 4, 2, 3]), null, {
      dilation: [FAR, 1],
      padding: [[FAR, 0], 1],
    });
    expect([...y.data]).toEqual([8, 12, 8, 8, 12, 8, 8, 12, 8]);
  });

  it('reads taps a dilation of 2^31 - 1 apart along the width', () => {
    const y = ops.conv2d(square(4, 3), Tensor.ones([1, 4, 3, 2]), null, {
      dilation: [1, FAR],
      padding: [1, [FAR, 0]],
    });
    expect([...y.data]).toEqual([8, 8, 8, 12, 12, 12, 8, 8, 8]);
  });

  it.each([
    [2, 1],
    [8, 1],
    [8, 2],
  ])('does so with %i channels, %i a group', (channels, groupInputs) => {
    const y = ops.conv2d(square(channels, 3), Tensor.ones([channels, groupInputs, 2, 5]), null, {
      groups: channels / groupInputs,
      stride: [FAR, 1],
      padding: [[FAR, 0], 1],
    });
    expect([...y.data]).toEqual(Array.from({ length: channels }, () => [0, 6 * groupInputs]).flat());
  });

  it('averages over a window of 2^31 - 1 positions along three dimensions', () => {
    const y = ops.avgPool3d(Tensor.ones([1, 2, 5, 5, 5]), { kernelSize: FAR, padding: 2 ** 30 - 1 });
    expect([...y.data]).toEqual(Array(2).fill(Math.fround(125 / Math.fround(FAR * FAR * FAR))));
  });
});
