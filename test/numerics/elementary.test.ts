import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activation, ActivationKind } from '../../binding.js';
import * as derivatives from '../../lib/numerics/derivatives.js';
import * as elementary from '../../lib/numerics/elementary.js';
import { force, requireNative } from '../support/native.js';
import { buildProgram, type NativeProgram } from '../support/native-program.js';

const functions: Record<string, (x: number) => number> = {
  exp: elementary.exp,
  tanh: elementary.tanh,
  sigmoid: elementary.sigmoid,
  silu: elementary.silu,
  gelu: elementary.gelu,
  hardswish: elementary.hardswish,
  relu: elementary.relu,
  relu6: elementary.relu6,
  leakyRelu: (x) => elementary.leakyRelu(x, Math.fround(0.01)),
  elu: (x) => elementary.elu(x, 1),
  hardsigmoid: elementary.hardsigmoid,
  softplus: (x) => elementary.softplus(x, 1, 20),
  siluGradient: (x) => derivatives.siluGradient(x, 1),
  geluGradient: (x) => derivatives.geluGradient(x, 1),
  hardswishGradient: (x) => derivatives.hardswishGradient(x, 1),
  eluGradient: (x) => derivatives.eluGradient(x, 1, 1),
  hardsigmoidGradient: (x) => derivatives.hardsigmoidGradient(x, 1),
  softplusGradient: (x) => derivatives.softplusGradient(x, 1, 1, 20),
  sigmoidGradient: (y) => derivatives.sigmoidGradient(y, 1),
  tanhGradient: (y) => derivatives.tanhGradient(y, 1),
};

/** The largest error in ulp that each docstring states. */
const stated: Record<string, number> = {
  exp: 1.03,
  tanh: 2.61,
  sigmoid: 2.41,
  silu: 3.4,
  gelu: 6.2,
  hardswish: 1.88,
  relu: 0,
  relu6: 0,
  leakyRelu: 0.5,
  elu: 0.94,
  hardsigmoid: 1,
  softplus: 1.63,
  siluGradient: 5.12,
  geluGradient: 7.34,
  hardswishGradient: 2.67,
  eluGradient: 0.99,
  hardsigmoidGradient: 0.5,
  softplusGradient: 2.22,
  sigmoidGradient: 1.5,
  tanhGradient: 0.5,
};

/** Every 16411th float of all 2^32, the special ones, and every float around the thresholds of the functions. */
function samples(): Float32Array {
  const bits: number[] = [];
  for (let word = 0; word < 2 ** 32; word += 16411) bits.push(word);
  const edges = [
    0,
    2 ** -149,
    2 ** -126,
    0.34657,
    0.5,
    3,
    6,
    15,
    14.4,
    17.5,
    20,
    87.34,
    88.72,
    89,
    103.97,
    115,
    2 ** 127,
  ];
  const one = new Float32Array(1);
  const word = new Uint32Array(one.buffer);
  for (const edge of [...edges, Infinity]) {
    for (const sign of [1, -1]) {
      one[0] = sign * edge;
      const center = word[0];
      for (let step = -300; step <= 300; step++) bits.push((center + step) >>> 0);
    }
  }
  return new Float32Array(Uint32Array.from(bits).buffer);
}

const x = samples();

/** What TypeScript gives for the samples, computed once a function. */
const answers = new Map<string, Float32Array>();
function answersOf(name: string): Float32Array {
  const known = answers.get(name) ?? x.map(functions[name]);
  answers.set(name, known);
  return known;
}

function firstDifference(name: string, y: Float32Array): string | null {
  const expected = answersOf(name);
  if (y.length !== expected.length) return `${y.length} results for ${expected.length} arguments`;
  const i = y.findIndex((value, at) => !Object.is(value, expected[at]));
  return i < 0 ? null : `${name}(${x[i]}) is ${expected[i]} in TypeScript, ${y[i]} in C++`;
}

function floats(bytes: Buffer): Float32Array {
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

let program: NativeProgram;
beforeAll(() => {
  program = buildProgram('test/native/elementary.cpp', ['-DISA_FILE="isa/scalar.cpp"']);
}, 60_000);
afterAll(() => program?.remove());

describe.each(Object.keys(functions))('%s', (name) => {
  it('has the same bits in TypeScript and in C++', () => {
    expect(firstDifference(name, floats(program.run(['apply', name], x)))).toBeNull();
  });

  it('stays within the error its docstring states', () => {
    const report = program.run(['measure', name, '0', '0xffffffff', '8209'], new Uint8Array(0)).toString();
    expect(Number(/^\w+ (\S+) ulp/.exec(report)?.[1])).toBeLessThanOrEqual(stated[name]);
  });
});

describe.each(requireNative().cpu().supported)('the addon with %s', (isa) => {
  const names = Object.keys(functions).filter((name) => name !== 'exp');
  it.each(names)('has the bits of TypeScript for %s', (name) => {
    const binding = requireNative();
    force(binding, isa);
    const y = new Float32Array(x.length).fill(Number.NaN);
    const kind = name.replace('Gradient', '') as ActivationKind;
    const activation: Activation = { kind, negativeSlope: 0.01, alpha: 1, beta: 1, threshold: 20 };
    if (kind === name) binding.activate(activation, x, y);
    else binding.activateGradient(activation, x, new Float32Array(x.length).fill(1), y);
    expect(firstDifference(name, y)).toBeNull();
  });
});

describe('at the edges', () => {
  it.each([
    ['exp', [1, 1, Infinity, 0, NaN]],
    ['tanh', [0, 0, 1, -1, NaN]],
    ['sigmoid', [0.5, 0.5, 1, 0, NaN]],
    ['silu', [0, -0, Infinity, -0, NaN]],
    ['gelu', [0, -0, Infinity, -0, NaN]],
    ['hardswish', [0, -0, Infinity, -0, NaN]],
    ['relu', [0, -0, Infinity, 0, NaN]],
    ['relu6', [0, -0, 6, 0, NaN]],
    ['leakyRelu', [0, -0, Infinity, -Infinity, NaN]],
    ['elu', [0, 0, Infinity, -1, NaN]],
    ['hardsigmoid', [0.5, 0.5, 1, 0, NaN]],
    ['softplus', [Math.fround(Math.log(2)), Math.fround(Math.log(2)), Infinity, 0, NaN]],
    ['siluGradient', [0.5, 0.5, 1, -0, NaN]],
    ['geluGradient', [0.5, 0.5, 1, -0, NaN]],
    ['hardswishGradient', [0.5, 0.5, 1, 0, 1]],
    ['eluGradient', [1, 1, 1, 0, NaN]],
    ['hardsigmoidGradient', [Math.fround(1 / 6), Math.fround(1 / 6), 0, 0, 0]],
    ['softplusGradient', [0.5, 0.5, 1, 0, NaN]],
  ])('%s at 0, -0, Infinity, -Infinity, NaN', (name, expected) => {
    expect([0, -0, Infinity, -Infinity, Number.NaN].map(functions[name])).toEqual(expected);
  });
});
