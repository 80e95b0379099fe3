// Convolutions cut into strips of rows: the bits of the eager layers for every kernel, stride and padding, no product twice,
// and only where nobody else sees what lies between.
import { describe, expect, it } from 'vitest';
import type { SessionSummary } from '../../lib/graph/summary.js';
import { compile, nn, noGrad, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';

interface Sizes {
  readonly kernel?: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly height?: number;
  readonly channels?: number;
}

const WIDTH = 48;

/** Makes 4 channels of 3, widens them, filters one by one, and narrows to 3; by default 1,105,920 numbers lie between the first two. */
class Block extends nn.Module {
  stem = new nn.Conv2d(3, 4, 1);
  wide: nn.Conv2d;
  deep: nn.Conv2d;
  narrow: nn.Conv2d;

  constructor({ kernel = 3, stride = 1, padding = 1, channels = 96 }: Sizes) {
    super();
    this.wide = new nn.Conv2d(4, channels, 1, { activation: 'silu' });
    this.deep = new nn.Conv2d(channels, channels, kernel, {
      stride,
      padding,
      groups: channels,
      activation: 'relu6',
    });
    this.narrow = new nn.Conv2d(channels, 3, 1);
  }

  override forward(x: Tensor): Tensor {
    return this.narrow.forward(this.deep.forward(this.wide.forward(this.stem.forward(x))));
  }
}

const imageOf = ({ height = 240 }: Sizes, images = 1): Tensor =>
  Tensor.randn([images, 3, height, WIDTH], { seed: 5 });

const stepsAt = (session: { summary(): SessionSummary }, wanted: string): number =>
  session.summary().steps.filter(({ path }) => path === wanted).length;

describe.each(contenders())('$name', ({ use }) => {
  it.each<Sizes>([
    {},
    { stride: 2 },
    { kernel: 5, padding: 2, height: 241 },
    { kernel: 5, stride: 2, padding: 2 },
    { kernel: 3, stride: 3, padding: 0 },
    { kernel: 3, stride: 2, padding: 2, height: 229 },
    { kernel: 7, stride: 1, padding: 6, height: 231 },
    { height: 120, channels: 208 },
  ])('gives the bits of the eager layers: %j', async (sizes) => {
    use();
    const net = new Block(sizes).eval();
    const x = imageOf(sizes);
    const session = await compile(net, { inputShape: x.shape });
    expect(bits(session.runSync(x))).toEqual(bits(noGrad(() => net.forward(x))));
    expect(stepsAt(session, 'wide')).toBeGreaterThan(2);
    await session.close();
  });

  it('gives the bits of the eager layers for several images', async () => {
    use();
    const net = new Block({ stride: 2 }).eval();
    const x = imageOf({}, 3);
    const session = await compile(net, { inputShape: x.shape });
    expect(bits(session.runSync(x))).toEqual(bits(noGrad(() => net.forward(x))));
    expect(stepsAt(session, 'wide')).toBeGreaterThan(2 * 3);
    await session.close();
  });
});

it('computes no product twice, in less memory', async () => {
  const session = await compile(new Block({}), { inputShape: [1, 3, 240, WIDTH] });
  const { macs, arenaBytes } = session.summary();
  expect(macs).toBe(240 * WIDTH * (3 * 4 + 4 * 96 + 9 * 96 + 3 * 96));
  const outputs = 4 * 240 * WIDTH * 96;
  expect(arenaBytes).toBeGreaterThan(outputs);
  expect(arenaBytes).toBeLessThan(1.5 * outputs);
});

it('keeps together what is small, what is an output, and rows too long to be copied', async () => {
  const small = await compile(new Block({}), { inputShape: [1, 3, 100, WIDTH] });
  expect(stepsAt(small, 'wide')).toBe(1);
  const seen = await compile(new Block({}), { inputShape: [1, 3, 240, WIDTH], outputs: ['wide', 'output'] });
  expect(stepsAt(seen, 'wide')).toBe(1);
  const long = await compile(new Block({ kernel: 7, padding: 3 }), { inputShape: [1, 3, 12, 1024] });
  expect(stepsAt(long, 'wide')).toBe(1);
});
