// What binding.d.ts promises, asked of every implementation alike.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Binding, ConvGeometry, PoolGeometry } from '../../binding.js';
import { ABI } from '../../lib/backend/native.js';
import { implementations } from '../support/bindings.js';
import { callOf, difference, solve } from '../support/conformance.js';
import { naiveConv, naivePool, naiveSum, naiveWeightGradient } from '../support/naive.js';
import { type Problem, problemOf } from '../support/problems.js';

const conv3x3: ConvGeometry = {
  inChannels: 2,
  outChannels: 3,
  groups: 1,
  inputSize: [1, 5, 6],
  kernelSize: [1, 3, 3],
  stride: [1, 1, 1],
  dilation: [1, 1, 1],
  padBegin: [0, 1, 1],
  padEnd: [0, 1, 1],
  outputSize: [1, 5, 6],
  paddingMode: 'zeros',
  activation: { kind: 'none', negativeSlope: 0 },
  algorithm: 'direct',
  transposed: false,
  inputLayout: 'channelsLast',
  outputLayout: 'channelsLast',
};

const pool2: PoolGeometry = {
  kind: 'max',
  channels: 2,
  inputSize: [1, 1, 4],
  outputSize: [1, 1, 2],
  dilation: [1, 1, 1],
  begin: [Int32Array.of(0), Int32Array.of(0), Int32Array.of(0, 2)],
  end: [Int32Array.of(1), Int32Array.of(1), Int32Array.of(2, 4)],
  span: [Int32Array.of(1), Int32Array.of(1), Int32Array.of(2, 2)],
};

/** One channel of values pooled by one window over all of it. */
function poolAll(binding: Binding, kind: 'max' | 'average', values: readonly number[]): number {
  const all = Int32Array.of(values.length);
  const pool = binding.createPool({
    ...pool2,
    kind,
    channels: 1,
    inputSize: [1, 1, values.length],
    outputSize: [1, 1, 1],
    begin: [Int32Array.of(0), Int32Array.of(0), Int32Array.of(0)],
    end: [Int32Array.of(1), Int32Array.of(1), all],
    span: [Int32Array.of(1), Int32Array.of(1), all],
  });
  const y = new Float32Array(1).fill(Number.NaN);
  binding.pool(pool, Float32Array.from(values), y, 1);
  return y[0];
}

/** A 1x1 convolution of one position: a chain over channels. */
function chain(
  binding: Binding,
  x: readonly number[],
  weight: readonly number[],
  bias: number | null,
): number {
  const unit = [1, 1, 1] as const;
  const conv = binding.createConv({
    ...conv3x3,
    inChannels: x.length,
    outChannels: 1,
    inputSize: unit,
    kernelSize: unit,
    padBegin: [0, 0, 0],
    padEnd: [0, 0, 0],
    outputSize: unit,
  });
  const filter = binding.packFilter(
    conv,
    Float32Array.from(weight),
    bias === null ? null : Float32Array.of(bias),
  );
  const y = new Float32Array(1).fill(Number.NaN);
  binding.conv(conv, filter, Float32Array.from(x), y, 1);
  return y[0];
}

/** [batch, rows, columns] to [batch, columns, rows]. */
function transposed(x: Float32Array, batch: number, rows: number, columns: number): Float32Array {
  const y = new Float32Array(x.length);
  for (let n = 0; n < batch; n++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) y[(n * columns + c) * rows + r] = x[(n * rows + r) * columns + c];
  return y;
}

/** Small problems, and what the plain loops make of them. */
const judged: { problem: Problem; answer: Float32Array }[] = [];

beforeAll(() => {
  for (let seed = 900_000; judged.length < 260; seed++) {
    const problem = problemOf(seed);
    if (problem.family === 'pool') judged.push({ problem, answer: naivePool(problem) });
    if (problem.family === 'sumPositions') judged.push({ problem, answer: naiveSum(problem) });
    if (problem.family === 'weightGradient' && problem.geometry.algorithm === 'direct') {
      const { geometry, x, images } = problem;
      const positions = geometry.outputSize.reduce((product, size) => product * size, images);
      const weights = geometry.inChannels * geometry.outChannels * geometry.kernelSize[1];
      if (x.length > 0 && weights * positions < 1_000_000)
        judged.push({ problem, answer: naiveWeightGradient(problem) });
    }
    // Winograd rounds otherwise than the loops; test/ops/winograd.test.ts judges it.
    if (problem.family !== 'conv' || problem.geometry.algorithm !== 'direct') continue;
    const { geometry, weight, batch } = problem;
    const positions = geometry.outputSize.reduce((product, size) => product * size);
    if (weight.length * positions * batch > 60_000) continue;
    const plain = { ...problem, geometry: { ...geometry, activation: conv3x3.activation } };
    judged.push({ problem: plain, answer: naiveConv(plain) });
  }
});

describe.each(implementations)('$name', ({ get }) => {
  let binding: Binding;
  beforeAll(() => {
    binding = get();
  });

  it('computes every convolution, weight gradient, pool and sum over positions as the plain loops do', () => {
    expect(judged.length).toBeGreaterThan(200);
    for (const { problem, answer } of judged)
      expect(difference(solve(binding, problem), answer), `seed ${problem.seed}`).toBeNull();
  });

  it('rounds each fused multiply-add once', () => {
    const tiny = 2 ** -60;
    expect(chain(binding, [tiny, 1 + 2 ** -12], [1, 1 + 2 ** -12], null)).toBe(1 + 2 ** -11 + 2 ** -23);
    expect(chain(binding, [-tiny, 1 + 2 ** -12], [1, 1 + 2 ** -12], null)).toBe(1 + 2 ** -11);
    expect(chain(binding, [1, 2 ** 127, -(2 ** 127)], [1, 1, 1], null)).toBe(0);
  });

  it('keeps subnormal numbers', () => {
    expect(chain(binding, [2 ** -100], [2 ** -49], null)).toBe(2 ** -149);
    expect(chain(binding, [2 ** -100], [2 ** -50], null)).toBe(0);
    expect(chain(binding, [2 ** -100], [1.5 * 2 ** -50], null)).toBe(2 ** -149);
    expect(chain(binding, [0], [1], 2 ** -149)).toBe(2 ** -149);
  });

  it('gives no -0 where a sum vanishes', () => {
    for (const bias of [null, 0, -0]) {
      expect(chain(binding, [-(2 ** -100)], [2 ** -100], bias)).toBe(0);
      expect(chain(binding, [-0], [1], bias)).toBe(0);
    }
    expect(poolAll(binding, 'average', [-0, -0])).toBe(0);
  });

  it('overflows to infinity and carries NaN', () => {
    expect(chain(binding, [2 ** 127], [2], null)).toBe(Infinity);
    expect(chain(binding, [2 ** 127, Number.NaN], [2, 1], null)).toBe(Number.NaN);
    expect(chain(binding, [3.4028234663852886e38, 2 ** 103], [1, 1], null)).toBe(Infinity);
    expect(chain(binding, [3.4028234663852886e38, 1.5 * 2 ** 102], [1, 1], null)).toBe(3.4028234663852886e38);
  });

  it('is exact on small whole numbers', () => {
    const whole = (values: Float32Array) => values.map((_, i) => ((i * 7919) % 17) - 8);
    const [x, weight] = [whole(new Float32Array(60)), whole(new Float32Array(54))];
    const problem = {
      seed: 0,
      flavour: 'coarse',
      family: 'conv',
      geometry: conv3x3,
      batch: 1,
      x,
      weight,
      bias: null,
      residual: null,
    } as const;
    const y = solve(binding, problem);
    expect(difference(y, naiveConv(problem))).toBeNull();
    expect(y.every(Number.isInteger)).toBe(true);
  });

  it('takes the first of equal maxima, and any NaN', () => {
    expect(poolAll(binding, 'max', [-0, 0])).toBe(-0);
    expect(poolAll(binding, 'max', [0, -0])).toBe(0);
    expect(poolAll(binding, 'max', [1, Number.NaN, 2])).toBe(Number.NaN);
    expect(poolAll(binding, 'max', [-Infinity, -Infinity])).toBe(-Infinity);
  });

  it('averages in chunks of 256 taps, dividing once', () => {
    const values = Array.from({ length: 600 }, (_, i) => Math.fround(1 / (i + 1)));
    let total = 0;
    for (const begin of [0, 256, 512]) {
      let part = 0;
      for (const value of values.slice(begin, begin + 256)) part = Math.fround(part + value);
      total = Math.fround(total + part);
    }
    expect(poolAll(binding, 'average', values)).toBe(Math.fround(total / 600));
  });

  it('lets one filter serve images of another size', () => {
    const conv = binding.createConv(conv3x3);
    const wide = binding.createConv({ ...conv3x3, inputSize: [1, 5, 9], outputSize: [1, 5, 9] });
    const filter = binding.packFilter(conv, new Float32Array(54).fill(1), null);
    const y = new Float32Array(135).fill(Number.NaN);
    binding.conv(wide, filter, new Float32Array(90).fill(1), y, 1);
    expect(y[0]).toBe(8);
    expect(y[3 * (9 + 1)]).toBe(18);
  });

  it('lets a layout change no bit, Winograd included', () => {
    const drawn = Array.from({ length: 400 }, (_, i) => problemOf(800_000 + i));
    const moved = drawn.filter(
      (problem) => problem.family === 'conv' && problem.geometry.inputLayout === 'channelsFirst',
    );
    expect(moved.length).toBeGreaterThan(50);
    for (const problem of moved) {
      if (problem.family !== 'conv') continue;
      const { geometry, batch } = problem;
      const [pixels, positions] = [geometry.inputSize, geometry.outputSize].map(([d, h, w]) => d * h * w);
      const last = { inputLayout: 'channelsLast', outputLayout: 'channelsLast' } as const;
      const x = transposed(problem.x, batch, geometry.inChannels, pixels);
      const first = geometry.outputLayout === 'channelsFirst';
      const added = problem.residual;
      const residual =
        added !== null && first ? transposed(added, batch, geometry.outChannels, positions) : added;
      const y = solve(binding, { ...problem, geometry: { ...geometry, ...last }, x, residual });
      const wanted = first ? transposed(y, batch, positions, geometry.outChannels) : y;
      expect(difference(solve(binding, problem), wanted), `seed ${problem.seed}`).toBeNull();
    }
  });

  it('adds a residual after the bias and before the activation, and refuses one that does not fit', () => {
    const relu = { kind: 'relu', negativeSlope: 0 } as const;
    for (const algorithm of ['direct', 'winograd2', 'winograd4'] as const) {
      const conv = binding.createConv({ ...conv3x3, activation: relu, algorithm });
      const filter = binding.packFilter(conv, new Float32Array(54), Float32Array.of(1, -1, 0));
      const [x, y] = [new Float32Array(60), new Float32Array(90)];
      const residual = new Float32Array(90).map((_, i) => i - 45);
      binding.conv(conv, filter, x, y, 1, residual);
      expect(y).toEqual(residual.map((value, i) => Math.max(0, value + [1, -1, 0][i % 3])));
      binding.conv(conv, filter, x, y, 1, null);
      expect([...y.subarray(0, 3)]).toEqual([1, 0, 0]);
      binding.program(binding.createProgram([['conv', conv, filter, x, y, 1, residual]]), 0, 1);
      expect(y[89]).toBe(44);
      const fits = (added: unknown) => () =>
        Reflect.apply(binding.conv, binding, [conv, filter, x, y, 1, added]);
      expect(fits(undefined)).not.toThrow();
      expect(fits(new Float32Array(0))).toThrow('residual must have 90 elements, got 0');
      expect(fits(new Float32Array(91))).toThrow(RangeError);
      expect(fits(new Float64Array(90))).toThrow('residual must be a Float32Array');
      expect(fits(y)).toThrow(RangeError);
      expect(fits(false)).toThrow(TypeError);
    }
  });

  it('copies weights and bias when it packs them', () => {
    const conv = binding.createConv(conv3x3);
    const weight = new Float32Array(54).fill(1);
    const bias = new Float32Array(3).fill(5);
    const filter = binding.packFilter(conv, weight, bias);
    weight.fill(9);
    bias.fill(9);
    const y = new Float32Array(90);
    binding.conv(conv, filter, new Float32Array(60).fill(1), y, 1);
    expect(y[0]).toBe(13);
  });

  it('knows a released filter no more, but for what had it already', async () => {
    const conv = binding.createConv(conv3x3);
    const filter = binding.packFilter(conv, new Float32Array(54).fill(1), null);
    const [x, y] = [new Float32Array(60).fill(1), new Float32Array(90)];
    const program = binding.createProgram([['conv', conv, filter, x, y, 1]]);
    const job = binding.submit('conv', conv, filter, x, y, 1);
    binding.releaseFilter(filter);
    binding.releaseFilter(filter);
    await job.finished;
    expect(y[0]).toBe(8);
    y.fill(0);
    binding.program(program, 0, 1);
    expect(y[0]).toBe(8);
    expect(() => binding.conv(conv, filter, x, y, 1)).toThrow(TypeError);
    expect(() => binding.submit('conv', conv, filter, x, y, 1)).toThrow(TypeError);
    expect(() => Reflect.apply(binding.releaseFilter, binding, [conv])).toThrow(TypeError);
    expect(() => Reflect.apply(binding.releaseFilter, binding, [{}])).toThrow(TypeError);
  });

  it('packs filters into a room until it is full, and refuses what is none', () => {
    const conv = binding.createConv(conv3x3);
    const room = binding.createFilterRoom([conv, conv]);
    const [x, y] = [new Float32Array(60).fill(1), new Float32Array(90)];
    // The third has memory of its own
    const filters = [1, 2, 3].map((value) =>
      binding.packFilter(conv, new Float32Array(54).fill(value), null, room),
    );
    binding.releaseFilter(filters[0]);
    for (const at of [1, 2]) {
      binding.conv(conv, filters[at], x, y, 1);
      expect(y[0]).toBe(8 * (at + 1));
    }
    const empty = binding.createFilterRoom([]);
    binding.conv(conv, binding.packFilter(conv, new Float32Array(54).fill(4), null, empty), x, y, 1);
    expect(y[0]).toBe(32);
    for (const other of [conv, filters[1], {}, 1, [room]]) {
      const pack = () =>
        Reflect.apply(binding.packFilter, binding, [conv, new Float32Array(54), null, other]);
      expect(pack).toThrow(/^packFilter: room must /);
      if (other === conv) continue;
      expect(() => Reflect.apply(binding.createFilterRoom, binding, [[conv, other]])).toThrow(TypeError);
    }
    expect(() => Reflect.apply(binding.createFilterRoom, binding, [conv])).toThrow(TypeError);
  });

  it('treats elements in place', () => {
    const x = Float32Array.of(-1, 0.5, 7);
    binding.activate({ kind: 'relu6', negativeSlope: 0 }, x, x);
    expect([...x]).toEqual([0, 0.5, 6]);
    binding.binary('add', x, x, x);
    expect([...x]).toEqual([0, 1, 12]);
    const upstream = Float32Array.of(5, 6, 7);
    binding.activateGradient({ kind: 'relu', negativeSlope: 0 }, x, upstream, upstream);
    expect([...upstream]).toEqual([0, 6, 7]);
  });

  it('refuses what the contract rules out, with the right class', () => {
    const pool = binding.createPool(pool2);
    const conv = binding.createConv(conv3x3);
    const filter = binding.packFilter(conv, new Float32Array(54), null);
    const other = binding.createConv({ ...conv3x3, outChannels: 4 });
    const minimal = binding.createConv({ ...conv3x3, algorithm: 'winograd4' });
    const back = binding.createConv({ ...conv3x3, transposed: true });
    const transposed = binding.createConv({ ...conv3x3, transposed: true });
    const winograd = binding.createConv({ ...conv3x3, algorithm: 'winograd2' });
    const [x, y] = [new Float32Array(60), new Float32Array(90)];
    const wrongValues: (() => unknown)[] = [
      () => binding.createConv({ ...conv3x3, outputSize: [1, 5, 5] }),
      () => binding.createConv({ ...conv3x3, groups: 2 }),
      () => binding.createConv({ ...conv3x3, inChannels: 0 }),
      () => binding.createConv({ ...conv3x3, inChannels: 1.5 }),
      () => binding.createConv({ ...conv3x3, stride: [1, 0, 1] }),
      () => binding.createConv({ ...conv3x3, padBegin: [0, -1, 1] }),
      () => binding.createConv({ ...conv3x3, inputSize: [1, 5, 2 ** 40] }),
      () => binding.createConv({ ...conv3x3, kernelSize: [1, 9, 3] }),
      () => Reflect.apply(binding.createConv, binding, [{ ...conv3x3, inputLayout: 'NCHW' }]),
      () => Reflect.apply(binding.createConv, binding, [{ ...conv3x3, outputLayout: 'last' }]),
      () =>
        binding.createConv({
          ...conv3x3,
          paddingMode: 'reflect',
          padBegin: [0, 5, 1],
          outputSize: [1, 9, 6],
        }),
      () =>
        binding.createConv({
          ...conv3x3,
          paddingMode: 'circular',
          padBegin: [0, 6, 1],
          outputSize: [1, 10, 6],
        }),
      () =>
        binding.createConv({
          ...conv3x3,
          paddingMode: 'replicate',
          inputSize: [1, 0, 6],
          padBegin: [0, 3, 1],
          outputSize: [1, 2, 6],
        }),
      () => binding.createPool({ ...pool2, channels: 0 }),
      () => binding.createPool({ ...pool2, end: [pool2.end[0], pool2.end[1], Int32Array.of(2, 5)] }),
      () => binding.createPool({ ...pool2, end: [pool2.end[0], pool2.end[1], Int32Array.of(2, 2)] }),
      () => binding.createPool({ ...pool2, begin: [pool2.begin[0], pool2.begin[1], Int32Array.of(0)] }),
      () => binding.createPool({ ...pool2, span: [pool2.span[0], pool2.span[1], Int32Array.of(2, 0)] }),
      () => binding.packFilter(conv, new Float32Array(53), null),
      () => binding.packFilter(conv, new Float32Array(54), new Float32Array(2)),
      () => binding.conv(other, filter, x, new Float32Array(120), 1),
      () => binding.conv(minimal, filter, x, y, 1),
      () => binding.conv(back, filter, x, y, 1),
      () => binding.conv(conv, filter, x.subarray(1), y, 1),
      () => binding.conv(conv, filter, x, y, 2),
      () => binding.conv(conv, filter, x, y, -1),
      () => binding.conv(conv, filter, y.subarray(0, 60), y, 1),
      () => binding.pool(pool, new Float32Array(8), new Float32Array(5), 1),
      () => binding.convWeightGradient(conv, x, y, new Float32Array(53), null, 1),
      () => binding.convWeightGradient(conv, x, y, new Float32Array(54), new Float32Array(2), 1),
      () => binding.convWeightGradient(conv, x, y, new Float32Array(54), null, 2),
      () => binding.convWeightGradient(conv, x, y, y.subarray(0, 54), null, 1),
      () => binding.convWeightGradient(conv, x, y, new Float32Array(54), x.subarray(0, 3), 1),
      () => binding.convWeightGradient(transposed, x, y, new Float32Array(54), null, 1),
      () => binding.convWeightGradient(winograd, x, y, new Float32Array(54), null, 1),
      () => binding.activate({ kind: 'relu', negativeSlope: 0 }, x, y),
      () => binding.activate({ kind: 'relu', negativeSlope: 0 }, x.subarray(0, 40), x.subarray(1, 41)),
      () => binding.activateGradient({ kind: 'relu', negativeSlope: 0 }, x, y, x),
      () => binding.activateGradient({ kind: 'relu', negativeSlope: 0 }, x, x, y),
      () =>
        binding.activateGradient(
          { kind: 'relu', negativeSlope: 0 },
          x.subarray(0, 40),
          y.subarray(0, 40),
          x.subarray(1, 41),
        ),
      () => binding.binary('add', x, y, x),
      () => binding.modulus(x, y),
      () => binding.concat([x], [1, 2], y, 1),
      () => binding.concat([x], [61], y, 1),
      () => binding.toChannelsLast(x, new Float32Array(60), 1, 7, 9),
      () => binding.sumPositions(x, new Float32Array(7), 8),
      () => binding.sumPositions(x, x.subarray(0, 20), 3),
      () => binding.broadcast('add', { sizes: [60], aSteps: [1], bSteps: [1] }, x, x, x),
      () => binding.broadcast('add', { sizes: [60], aSteps: [1], bSteps: [0] }, x, x, new Float32Array(60)),
      () => binding.broadcast('add', { sizes: [30], aSteps: [2], bSteps: [1] }, x, x, new Float32Array(30)),
      () => binding.broadcast('add', { sizes: [60], aSteps: [1], bSteps: [] }, x, x, new Float32Array(60)),
      () => binding.broadcast('add', { sizes: [60, -1], aSteps: [1, 1], bSteps: [1, 1] }, x, x, y),
      () => {
        const nine = new Array<number>(9).fill(1);
        binding.broadcast('add', { sizes: nine, aSteps: nine, bSteps: nine }, x, x, new Float32Array(1));
      },
      () => {
        const large = [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1];
        binding.broadcast('mul', { sizes: large, aSteps: [0, 0, 0], bSteps: [0, 0, 0] }, x, x, y);
      },
      () => binding.sum(x, new Float32Array(3), 3, 21, 1, 1),
      () => binding.sum(x, new Float32Array(4), 3, 20, 1, 1),
      () => binding.sum(x, x.subarray(0, 3), 3, 20, 1, 1),
      () => binding.sum(x, new Float32Array(3), 3, -20, 1, 1),
      () => binding.modulusGradient(x, x.subarray(0, 30), x),
      () => binding.modulusGradient(x, y.subarray(0, 29), new Float32Array(60)),
      () => Reflect.apply(binding.binary, binding, ['pow', x, x, x]),
      () => Reflect.apply(binding.submit, binding, ['nothing']),
      () => Reflect.apply(binding.activate, binding, [{ kind: 'step', negativeSlope: 0 }, x, x]),
      () => {
        const map = { channels: 60, inputSize: [1, 1, 1], value: 0 } as const;
        const zero = Int32Array.of(0);
        binding.remapGradient({ ...map, source: [zero, zero, Int32Array.of(0, 0)] }, x, y.subarray(0, 60), 1);
      },
      () => binding.setThreads(0),
      () => binding.setThreads(2.5),
    ];
    const shared = new Float32Array(new SharedArrayBuffer(240));
    const gone = new Float32Array(60);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const wrongTypes: (() => unknown)[] = [
      () => Reflect.apply(binding.createConv, binding, [null]),
      () => Reflect.apply(binding.createConv, binding, [{ ...conv3x3, stride: 1 }]),
      () => Reflect.apply(binding.createConv, binding, [{ ...conv3x3, groups: '1' }]),
      () => Reflect.apply(binding.createConv, binding, [{ ...conv3x3, activation: 'relu' }]),
      () => Reflect.apply(binding.createPool, binding, [{ ...pool2, begin: [[0], [0], [0, 2]] }]),
      () => Reflect.apply(binding.conv, binding, [{}, filter, x, y, 1]),
      () => Reflect.apply(binding.conv, binding, [pool, filter, x, y, 1]),
      () => Reflect.apply(binding.conv, binding, [conv, conv, x, y, 1]),
      () => Reflect.apply(binding.conv, binding, [conv, filter, [...x], y, 1]),
      () => Reflect.apply(binding.conv, binding, [conv, filter, x, new Float64Array(90), 1]),
      () => Reflect.apply(binding.conv, binding, [conv, filter, x, y]),
      () => Reflect.apply(binding.concat, binding, [x, [60], y, 1]),
      () => Reflect.apply(binding.activate, binding, [null, x, x]),
      () => binding.activate({ kind: 'elu', negativeSlope: 0 }, x, x),
      () => binding.activate({ kind: 'softplus', negativeSlope: 0, beta: 1 }, x, x),
      () => Reflect.apply(binding.activateGradient, binding, [{ kind: 'relu', negativeSlope: 0 }, x, x, [0]]),
      () => Reflect.apply(binding.setThreads, binding, ['2']),
      () => binding.conv(conv, filter, shared, y, 1),
      () => binding.conv(conv, filter, gone, y, 1),
    ];
    for (const attempt of wrongValues) expect(attempt, String(attempt)).toThrow(RangeError);
    for (const attempt of wrongTypes) expect(attempt, String(attempt)).toThrow(TypeError);
  });

  it('computes in the background what it computes at once', async () => {
    const calls = Array.from({ length: 120 }, (_, i) => problemOf(700_000 + i)).map((problem) => ({
      wanted: solve(binding, problem),
      call: callOf(binding, problem),
      problem,
    }));
    // All at once, so that the jobs interleave.
    const jobs = calls.map(({ call }) => call.submit());
    for (const [i, job] of jobs.entries())
      expect(await job.finished, `seed ${calls[i].problem.seed}`).toBe('done');
    for (const { call, wanted, problem } of calls)
      expect(difference(call.output, wanted), `seed ${problem.seed}`).toBeNull();
  });

  // Times on a machine that others share: once in three tries must do
  it('keeps the event loop free while a job runs, and cancels it', { retry: 2 }, async () => {
    const conv = binding.createConv({
      ...conv3x3,
      inChannels: 64,
      outChannels: 64,
      inputSize: [1, 32, 32],
      outputSize: [1, 32, 32],
    });
    const filter = binding.packFilter(conv, new Float32Array(64 * 64 * 9).fill(0.1), null);
    const image = 32 * 32 * 64;
    const x = new Float32Array(64 * image).fill(0.3);
    const y = new Float32Array(x.length);

    // Enough images for 150 ms, by how long one takes
    const once = () => binding.conv(conv, filter, x.subarray(0, image), y.subarray(0, image), 1);
    once();
    const start = performance.now();
    once();
    const batch = Math.min(64, Math.ceil(150 / (performance.now() - start)));
    const [input, output] = [x.subarray(0, batch * image), y.subarray(0, batch * image)];

    let turns = 0;
    let running = true;
    const turn = () => {
      turns++;
      if (running) setTimeout(turn, 1);
    };
    turn();
    binding.expectJob();
    binding.expectJob();
    const began = performance.now();
    const job = binding.submit('conv', conv, filter, input, output, batch);
    const late = Array.from({ length: 8 }, () => binding.submit('conv', conv, filter, input, output, batch));
    const submitted = performance.now() - began;
    for (const other of late) other.cancel();
    expect(await job.finished).toBe('done');
    const took = performance.now() - began;
    running = false;
    expect(submitted).toBeLessThan(took / 2);
    expect(turns).toBeGreaterThan(3);
    const ends = await Promise.all(late.map((other) => other.finished));
    expect(ends.filter((end) => end === 'cancelled').length).toBeGreaterThan(0);
    job.cancel();
    expect(output.every((value) => value > 0)).toBe(true);
  });

  it('measures itself, and says what it is', () => {
    expect(binding.abi).toBe(ABI);
    expect(binding.measurePeak(0.02)).toBeGreaterThan(1e7);
    expect(binding.measureBandwidth(1 << 20, 0.02)).toBeGreaterThan(1e7);
    expect(binding.cpu().supported[0]).toBe('scalar');
    expect(binding.threads()).toBeGreaterThanOrEqual(1);
    const before = binding.beforeLine(new Float32Array(1024));
    expect(before).toBeGreaterThanOrEqual(0);
    expect(before).toBeLessThan(16);
    const array = Float32Array.from({ length: 2 ** 21 }, (_, i) => i);
    binding.largePages(array);
    expect(array.every((value, i) => value === i)).toBe(true);
    binding.releaseScratch();
    binding.expectJob(); // none comes
    binding.nothing();
  });
});
