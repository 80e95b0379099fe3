// Random problems of the operations that move or add elements along windows, maps and sparse rows.
import type { RemapGeometry, Triple, WindowGeometry } from '../../binding.js';
import type { Random } from './random.js';

type Draw = (length: number) => Float32Array;

export type Rearranging =
  | {
      readonly family: 'unfold' | 'fold';
      readonly window: WindowGeometry;
      readonly batch: number;
      readonly x: Float32Array;
    }
  | {
      readonly family: 'remap' | 'remapGradient';
      readonly map: RemapGeometry;
      readonly batch: number;
      readonly x: Float32Array;
    }
  | {
      readonly family: 'sparse';
      readonly starts: Int32Array;
      readonly columns: Int32Array;
      readonly values: Float32Array;
      readonly x: Float32Array;
      readonly width: number;
    };

const CHANNELS = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33];
const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100];

const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);
const triple = <T>(items: readonly T[]): [T, T, T] => [items[0], items[1], items[2]];

export function drawRearranging(random: Random, draw: Draw): Rearranging {
  const family = random.of(['unfold', 'fold', 'remap', 'sparse'] as const);
  if (family === 'remap') return drawRemap(random, draw);
  if (family === 'sparse') return drawSparse(random, draw);
  const batch = random.between(0, 3);
  const window = drawWindow(random);
  const length = family === 'unfold' ? imageLength(window) : columnLength(window);
  return { family, window, batch, x: draw(batch * length) };
}

export const imageLength = (window: WindowGeometry) => window.channels * product(window.inputSize);

export const columnLength = (window: WindowGeometry) =>
  window.channels * product(window.kernelSize) * product(window.outputSize);

function drawWindow(random: Random): WindowGeometry {
  const dimensions = random.of([1, 2, 2, 3]);
  const axes = [3, 2, 1].map((axis) => {
    if (axis > dimensions)
      return { input: 1, kernel: 1, stride: 1, dilation: 1, padBegin: 0, padEnd: 0, output: 1 };
    for (;;) {
      const input = random.between(1, 17);
      const kernel = random.between(1, 4);
      const stride = random.of([1, 1, 2, 3]);
      const dilation = random.of([1, 1, 2, 3]);
      const padBegin = random.between(0, 3);
      const padEnd = random.once(2) ? padBegin : random.between(0, 3);
      const room = input + padBegin + padEnd - dilation * (kernel - 1) - 1;
      if (room >= 0)
        return { input, kernel, stride, dilation, padBegin, padEnd, output: Math.floor(room / stride) + 1 };
    }
  });
  const each = (of: (axis: (typeof axes)[number]) => number): Triple => triple(axes.map(of));
  return {
    channels: random.of(CHANNELS),
    inputSize: each((axis) => axis.input),
    kernelSize: each((axis) => axis.kernel),
    stride: each((axis) => axis.stride),
    dilation: each((axis) => axis.dilation),
    padBegin: each((axis) => axis.padBegin),
    padEnd: each((axis) => axis.padEnd),
    outputSize: each((axis) => axis.output),
  };
}

/** Runs of neighbours, as padding and cropping make them, and jumps. */
function drawRemap(random: Random, draw: Draw) {
  const inputSize = triple([0, 1, 2].map(() => random.between(1, 9)));
  const source = triple(
    inputSize.map((size) => {
      const sources = new Int32Array(random.between(0, 12));
      let next = random.between(-1, size - 1);
      for (let i = 0; i < sources.length; i++) {
        sources[i] = next;
        next = next + 1 < size && !random.once(4) ? next + 1 : random.between(-1, size - 1);
      }
      return sources;
    }),
  );
  const map = { channels: random.of(CHANNELS), inputSize, source, value: random.of([0, -1.5, 0.1]) };
  const batch = random.between(0, 3);
  if (random.once(2)) {
    const outputs = product(source.map((axis) => axis.length));
    return { family: 'remapGradient' as const, map, batch, x: draw(batch * map.channels * outputs) };
  }
  return { family: 'remap' as const, map, batch, x: draw(batch * map.channels * product(inputSize)) };
}

function drawSparse(random: Random, draw: Draw) {
  const inputs = random.between(1, 40);
  const width = random.of(WIDTHS);
  const entries: number[] = [];
  const starts = [0];
  for (let row = random.of([0, 1, 5, 63, 64, 65, 150]); row > 0; row--) {
    for (let e = random.between(0, 6); e > 0; e--) entries.push(random.between(0, inputs - 1));
    starts.push(entries.length);
  }
  return {
    family: 'sparse' as const,
    starts: Int32Array.from(starts),
    columns: Int32Array.from(entries),
    values: draw(entries.length),
    x: draw(inputs * width),
    width,
  };
}
