// Small results of one layer lie side by side in memory that the library took for several. Nobody can tell: what is handed out
// is the result's own, and no result is written over while somebody holds it.

import { describe, expect, test } from 'vitest';
import { nn, noGrad, ops, Tensor } from '../../lib/index.js';
import { storageOf } from '../../lib/tensor/tensor.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

const image = (seed: number, width: number) => Tensor.randn([1, 1, 1, width], { seed });
const identity = Tensor.ones([1, 1, 1, 1]);
const CALLS = 40;

/** Results of as many elements as `width`, each of another image, whose elements they are. */
const results = (width: number) =>
  Array.from({ length: CALLS }, (_, seed) => ops.conv2d(image(seed, width), identity));

describe.each(contenders())('$name', (contender) => {
  test.each([1, 16, 17, 18, 192, 1023, 1024, 1025])(
    '%i elements stay what they are as others follow',
    (width) => {
      contender.use();
      for (const [seed, result] of results(width).entries())
        expect(bits(result)).toEqual(bits(image(seed, width)));
    },
  );
});

/** Whether a tensor lies beside others. */
const isShared = (tensor: Tensor) => {
  const { data } = storageOf(tensor);
  return data.byteLength < data.buffer.byteLength;
};

test('results are small ones side by side: else the tests here would hold of anything', () => {
  const shared = (width: number) => results(width).filter(isShared).length;
  expect([16, 1025].map(shared)).toEqual([0, 0]);
  for (const width of [17, 1024]) expect(shared(width)).toBe(CALLS - 1); // not the first, which finds the sizes
});

test('what is handed out has memory of its own, and stays the tensor', () => {
  const all = results(20);
  const buffers = new Set(all.map(({ data }) => data.buffer));
  expect(buffers.size).toBe(CALLS);
  for (const tensor of all) {
    const { data } = tensor;
    expect(data.byteOffset).toBe(0);
    expect(data.buffer.byteLength).toBe(80);
    expect(tensor.data).toBe(data);
    data[3] = 7;
    expect(tensor.reshape([20]).toArray()).toEqual([...data]);
  }
});

test('memory that is transferred away takes no other result along', () => {
  const all = results(20);
  const { data } = all[5];
  structuredClone(null, { transfer: [data.buffer as ArrayBuffer] });
  expect(() => all[5].toArray()).toThrow('detached');
  for (const [seed, result] of all.entries())
    if (seed !== 5) expect(bits(result)).toEqual(bits(image(seed, 20)));
});

test('a result that becomes a parameter as it is lies in memory of its own', () => {
  const layer = new nn.Linear(20, 1, { bias: false });
  const weight = results(20)[7].reshape([1, 20]);
  layer.loadStateDict({ weight }, { assign: true });
  expect(isShared(weight)).toBe(true);
  expect(isShared(layer.weight)).toBe(false);
});

test('channels-last results are handed out rearranged, as ever', () => {
  const layer = new nn.Conv2d(2, 3, 1);
  const x = Tensor.randn([1, 2, 4, 4], { seed: 1 });
  const [want] = [bits(layer.forward(x))];
  noGrad(() => {
    for (let i = 0; i < CALLS; i++) {
      const y = layer.forward(x.channelsLast());
      expect(bits(y)).toEqual(want);
      expect(y.data.buffer.byteLength).toBe(y.data.byteLength);
    }
  });
});
