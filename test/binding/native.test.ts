// What only the addon has to withstand: handles, arrays and structs that TypeScript would never pass.
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Activation, Binding, Conv, ConvGeometry, Operations, PackedFilter } from '../../binding.js';
import { nativeEngine } from '../../lib/backend/native.js';

const engine = nativeEngine();
if (engine.binding === null) throw new Error(engine.reason);
const binding: Binding = engine.binding;

const geometry: ConvGeometry = {
  inChannels: 3,
  outChannels: 8,
  groups: 1,
  inputSize: [1, 8, 8],
  kernelSize: [1, 3, 3],
  stride: [1, 1, 1],
  dilation: [1, 1, 1],
  padBegin: [0, 1, 1],
  padEnd: [0, 1, 1],
  outputSize: [1, 8, 8],
  paddingMode: 'zeros',
  activation: { kind: 'none', negativeSlope: 0 },
  algorithm: 'direct',
  transposed: false,
  inputLayout: 'channelsLast',
  outputLayout: 'channelsLast',
};
const large: ConvGeometry = {
  ...geometry,
  inChannels: 64,
  outChannels: 64,
  inputSize: [1, 96, 96],
  outputSize: [1, 96, 96],
};
const relu: Activation = { kind: 'relu', negativeSlope: 0 };

const floats = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => ((i * 37) % 19) - 9);

function detached(n: number): Float32Array {
  const array = new Float32Array(n);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

function resizable(n: number): Float32Array {
  const options = { maxByteLength: n * 8 };
  return new Float32Array(Reflect.construct(ArrayBuffer, [n * 4, options]));
}

/** Calls a member with arguments of any kind, as JavaScript can. */
function call(member: keyof Binding, ...args: unknown[]): unknown {
  const target: unknown = binding[member];
  if (typeof target !== 'function') throw new Error(`${member} is no function`);
  return Reflect.apply(target, binding, args);
}

let conv: Conv;
let filter: PackedFilter;
beforeAll(() => {
  conv = binding.createConv(geometry);
  filter = binding.packFilter(conv, floats(8 * 27), floats(8));
});

describe('handles', () => {
  const x = floats(192);
  const y = new Float32Array(512);

  it('refuses what createConv and packFilter did not give', () => {
    for (const forged of [
      undefined,
      null,
      1,
      'conv',
      {},
      [],
      Symbol('conv'),
      x,
      () => conv,
      Object.create(null),
    ]) {
      expect(() => call('conv', forged, filter, x, y, 1)).toThrow(/^conv: conv must be what createConv gave/);
      expect(() => call('conv', conv, forged, x, y, 1)).toThrow(/^conv: filter must be what packFilter gave/);
    }
  });

  it('refuses a handle in the place of another kind', () => {
    expect(() => call('conv', filter, conv, x, y, 1)).toThrow(TypeError);
    expect(() => call('pool', conv, x, y, 1)).toThrow(/^pool: pool must be what createPool gave/);
    expect(() => call('packFilter', filter, x, null)).toThrow(TypeError);
    expect(() => call('createFilterRoom', [conv, filter])).toThrow(/each conv must be what createConv gave/);
  });

  it('refuses a filter packed for another convolution, and takes one that differs in image size', () => {
    const wider = binding.createConv({ ...geometry, inputSize: [1, 4, 5], outputSize: [1, 4, 5] });
    binding.conv(wider, filter, floats(60), new Float32Array(160), 1);
    const strided = binding.createConv({ ...geometry, outChannels: 16 });
    expect(() => binding.conv(strided, filter, x, new Float32Array(1024), 1)).toThrow(RangeError);
  });

  it('is not confused by a getter that replaces or detaches what was read before', () => {
    const victim = new Float32Array(16);
    const trap = {
      get kind() {
        structuredClone(victim.buffer, { transfer: [victim.buffer] });
        return 'relu';
      },
      negativeSlope: 0,
    };
    expect(() => call('activate', trap, victim, new Float32Array(16))).toThrow(/detached/);
  });
});

describe('arrays', () => {
  const y = new Float32Array(512);

  it('must be Float32Arrays of exactly the expected length over memory of their own', () => {
    const wrong: [unknown, RegExp][] = [
      [[1, 2, 3], /x must be a Float32Array, got an array/],
      [new Float64Array(192), /x must be a Float32Array/],
      [new DataView(new ArrayBuffer(768)), /x must be a Float32Array/],
      [new Float32Array(191), /x must have 192 elements, got 191/],
      [new Float32Array(193), /x must have 192 elements, got 193/],
      [detached(192), /x lies in a detached ArrayBuffer/],
      [new Float32Array(new SharedArrayBuffer(768)), /x must not lie in a SharedArrayBuffer/],
    ];
    for (const [x, sentence] of wrong) {
      expect(() => call('conv', conv, filter, x, y, 1)).toThrow(sentence);
      expect(() => call('submit', 'conv', conv, filter, x, y, 1)).toThrow(sentence);
    }
  });

  it('may be resizable in the foreground and not in the background', () => {
    const x = resizable(192);
    expect(() => binding.conv(conv, filter, x, y, 1)).not.toThrow();
    expect(() => binding.submit('conv', conv, filter, x, y, 1)).toThrow(/resizable/);
  });

  it('must not overlap where the contract does not say so', () => {
    const memory = floats(1024);
    const [a, shifted] = [memory.subarray(0, 512), memory.subarray(64, 576)];
    expect(() => binding.conv(conv, filter, memory.subarray(0, 192), memory.subarray(100, 612), 1)).toThrow(
      /must not share memory/,
    );
    expect(() => binding.toChannelsLast(a, a, 1, 2, 256)).toThrow(/must not share memory/);
    expect(() => binding.modulus(memory.subarray(0, 512), memory.subarray(0, 256))).toThrow(/must not share/);
    expect(() => binding.concat([a], [512], a, 1)).toThrow(/must not share memory/);
    expect(() => binding.activate(relu, a, shifted)).toThrow(/not overlap in part/);
    expect(() => binding.binary('add', shifted, a, a)).toThrow(/not overlap in part/);
    binding.activate(relu, a, a);
    expect(a.every((value) => value >= 0)).toBe(true);
    binding.binary('add', a, a, a);
  });

  it('may be empty', () => {
    const none = new Float32Array(0);
    binding.conv(conv, filter, none, none, 0);
    binding.activate(relu, none, none);
    binding.binary('mul', none, none, none);
    binding.modulus(none, none);
    binding.concat([], [], none, 3);
    binding.toChannelsFirst(none, none, 0, 3, 4);
  });
});

describe('structs', () => {
  const wrong: [Record<string, unknown>, ErrorConstructor, RegExp][] = [
    [{ inChannels: '3' }, TypeError, /inChannels must be a number, got '3'/],
    [{ inChannels: NaN }, RangeError, /inChannels must be an integer/],
    [{ outChannels: 2 ** 31 }, RangeError, /outChannels must be an integer/],
    [{ groups: 2 }, RangeError, /divisible by groups/],
    [{ stride: [1, 0, 1] }, RangeError, /stride must be an integer/],
    [{ stride: [1, 1] }, TypeError, /stride must be an array of 3/],
    [{ padBegin: [0, -1, 0] }, RangeError, /padBegin must be an integer/],
    [{ outputSize: [1, 9, 8] }, RangeError, /outputSize/],
    [{ inputSize: [2 ** 30, 2 ** 30, 2 ** 30] }, RangeError, /./],
    [{ paddingMode: 'mirror' }, RangeError, /paddingMode must be one of/],
    [{ activation: null }, TypeError, /activation must be an object/],
    [{ algorithm: 'winograd' }, RangeError, /algorithm must be one of/],
  ];
  it.each(wrong)('createConv refuses %j', (change, kind, sentence) => {
    const refused = () => call('createConv', { ...geometry, ...change });
    expect(refused).toThrow(kind);
    expect(refused).toThrow(sentence);
  });

  it('createPool refuses windows outside the input, empty ones, and lists of another length', () => {
    const one = Int32Array.of(1);
    const zero = Int32Array.of(0);
    const pool = (change: Record<string, unknown>) =>
      call('createPool', {
        kind: 'max',
        channels: 4,
        inputSize: [1, 1, 2],
        outputSize: [1, 1, 1],
        dilation: [1, 1, 1],
        begin: [zero, zero, zero],
        end: [one, one, one],
        span: [one, one, one],
        ...change,
      });
    expect(() => pool({})).not.toThrow();
    expect(() => pool({ end: [one, one, Int32Array.of(3)] })).toThrow(RangeError);
    expect(() => pool({ begin: [zero, zero, Int32Array.of(-1)] })).toThrow(RangeError);
    expect(() => pool({ begin: [zero, zero, one] })).toThrow(RangeError);
    expect(() => pool({ span: [one, one, zero] })).toThrow(RangeError);
    expect(() => pool({ end: [one, one, Int32Array.of(1, 1)] })).toThrow(RangeError);
    expect(() => pool({ end: [one, one, [1]] })).toThrow(TypeError);
    expect(() => pool({ channels: 2 ** 31 - 1, inputSize: [2 ** 31 - 1, 2 ** 31 - 1, 2] })).toThrow(
      RangeError,
    );
  });

  it('useIsa names what is supported', () => {
    expect(() => call('useIsa', 'mmx')).toThrow(`use one of ${binding.cpu().supported.join(', ')}`);
  });
});

describe('jobs', () => {
  const heavy = () => {
    const plan = binding.createConv(large);
    const packed = binding.packFilter(plan, floats(64 * 64 * 9), null);
    const [x, y] = [floats(4 * 64 * 96 * 96), new Float32Array(4 * 64 * 96 * 96)];
    return { x, y, submit: () => binding.submit('conv', plan, packed, x, y, 4), plan, packed };
  };

  it('give the bits of the foreground, and leave the event loop free', async () => {
    const { x, y, submit, plan, packed } = heavy();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    expect(await submit().finished).toBe('done');
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
    const expected = new Float32Array(y.length);
    binding.conv(plan, packed, x, expected, 4);
    expect(Buffer.from(y.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
  });

  it('are cancelled while running and while waiting, and cancelling twice or late does nothing', async () => {
    const { submit } = heavy();
    const jobs = Array.from({ length: 6 }, submit);
    for (const job of jobs.slice(1)) {
      job.cancel();
      job.cancel();
    }
    expect(await Promise.all(jobs.slice(1).map((job) => job.finished))).toEqual(Array(5).fill('cancelled'));
    expect(await jobs[0].finished).toBe('done');
    jobs[0].cancel();
    expect(await submit().finished).toBe('done');
  });

  it('are not found by a cancel that is called on anything else', async () => {
    const { finished, cancel } = heavy().submit();
    for (const other of [undefined, null, 1, {}, { number: Number.NaN }, { number: -1 }, { number: 'x' }])
      cancel.call(other as never);
    expect(await finished).toBe('done');
  });

  it('keep what they use alive', async () => {
    const results = Array.from({ length: 40 }, (_, i) => {
      const plan = binding.createConv(geometry);
      const packed = binding.packFilter(plan, floats(216).fill(i), null);
      const y = new Float32Array(512);
      return binding.submit('conv', plan, packed, floats(192), y, 1).finished.then(() => y[100]);
    });
    const x = floats(192);
    const expected = results.map((_, i) => {
      const y = new Float32Array(512);
      binding.conv(conv, binding.packFilter(conv, floats(216).fill(i), null), x, y, 1);
      return y[100];
    });
    expect(await Promise.all(results)).toEqual(expected);
  });

  it('refuse an operation there is not', () => {
    for (const name of ['nothing', 'submit', 'constructor', '', 'conv2d', undefined, 3])
      expect(() => call('submit', name, conv)).toThrow();
  });

  it('of a worker terminated in the middle do not disturb those of others', { timeout: 60_000 }, async () => {
    const { submit } = heavy();
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      const b = require(workerData.binary);
      const conv = b.createConv(workerData.large);
      const filter = b.packFilter(conv, new Float32Array(64 * 64 * 9), null);
      const n = 4 * 64 * 96 * 96;
      for (let i = 0; i < 4; i++) b.submit('conv', conv, filter, new Float32Array(n), new Float32Array(n), 4);
      parentPort.postMessage('busy');
      setInterval(() => {}, 1000);`;
    const { binary } = engine as { binary: string };
    for (let round = 0; round < 5; round++) {
      const worker = new Worker(source, { eval: true, workerData: { binary, large } });
      await new Promise((resolve) => worker.once('message', resolve));
      const own = submit();
      await worker.terminate();
      expect(await own.finished).toBe('done');
    }
  });
});

it('loads many times into one isolate, as test runners do that reset their modules', async () => {
  const { binary } = engine as { binary: string };
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const jobs = [];
    for (let i = 0; i < 20; i++) {
      delete require.cache[workerData];
      const b = require(workerData);
      jobs.push(b.submit('modulus', new Float32Array(8), new Float32Array(4)).finished);
    }
    Promise.all(jobs).then((outcomes) => parentPort.postMessage(outcomes.join()));`;
  const worker = new Worker(source, { eval: true, workerData: binary });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  expect(await new Promise((resolve) => worker.once('message', resolve))).toBe(Array(20).fill('done').join());
  expect(await ended).toBe(0);
});

describe('hostile arguments', () => {
  const members = [
    ...[
      'conv',
      'pool',
      'activate',
      'activateGradient',
      'binary',
      'modulus',
      'modulusGradient',
      'broadcast',
      'sum',
      'remapGradient',
      'concat',
      'toChannelsLast',
      'toChannelsFirst',
    ],
    ...['sumSquares', 'scale', 'clamp', 'sgdStep', 'adamStep'],
    ...['createConv', 'createPool', 'createFilterRoom', 'packFilter', 'largePages', 'submit'],
    ...['useIsa', 'cpu', 'threads', 'isa', 'nothing'],
  ] as (keyof Binding)[];

  it('throw TypeErrors and RangeErrors, and the process survives', { timeout: 60_000 }, async () => {
    const operations: (keyof Operations)[] = [
      'conv',
      'pool',
      'activate',
      'activateGradient',
      'binary',
      'modulus',
      'modulusGradient',
      'broadcast',
      'sum',
      'remapGradient',
      'concat',
    ];
    const memory = floats(600);
    const plausible = [
      ...[
        [conv, conv],
        binding.createFilterRoom([conv]),
        conv,
        filter,
        floats(192),
        floats(512),
        memory.subarray(3, 195),
        memory.subarray(80, 592),
      ],
      ...[detached(192), resizable(192), new Float32Array(0), [floats(192)], [192], [64, 64], relu, geometry],
      ...['add', 'mul', null, undefined, 0, 1, 2, 3, 64, 192, -1, 0.5, NaN, 2 ** 31, 2 ** 53, Infinity, 10n],
      ...[{ ...geometry, outputSize: [0, 0, 0] }, { ...geometry, kernelSize: [9, 9, 9] }, ...operations],
      new Proxy([floats(192)], { get: () => floats(192) }),
      new Proxy(geometry, {
        get() {
          throw new RangeError('a getter that throws');
        },
      }),
    ];
    const value = fc.oneof(fc.constantFrom(...plausible), fc.anything());
    const jobs: Promise<unknown>[] = [];
    fc.assert(
      fc.property(fc.constantFrom(...members), fc.array(value, { maxLength: 9 }), (member, args) => {
        try {
          const result = call(member, ...args);
          if (member === 'submit') jobs.push((result as { finished: Promise<unknown> }).finished);
        } catch (error) {
          expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
        }
      }),
      { numRuns: 20_000, seed: 20 },
    );
    await Promise.all(jobs);
    binding.useIsa(binding.cpu().supported[binding.cpu().supported.length - 1]);
  });
});
