// What is computed on shapes and constants only: counting, comparing, choosing, rounding.

import { elementCount } from '../../tensor/shape.js';
import { Tensor } from '../../tensor/tensor.js';
import { axesIn, broadcastShape } from '../axes.js';
import type { HostType } from '../data-types.js';
import { forEachPlace, Host, list, stridesOf } from '../host.js';
import { expandHost } from '../host-moves.js';
import { type Builder, type Built, hostAt, hosts, type Inputs, type Node, numbersAt } from '../node.js';

/** Whether all inputs are numbers beside the tensors. */
export const allBeside = (node: Node): boolean =>
  node.slots.every((slot, index) => slot.kind === 'missing' || node.beside(index));

/** That they are. */
function needsBeside(node: Node): void {
  if (allBeside(node)) return;
  node.fail('is applied to a computed tensor; convkit does it on shapes and constants');
}

type Combine = (...values: number[]) => number;

/** A function of numbers at the same place, shapes broadcast. */
export function elementwise(node: Node, combine: Combine, type: HostType | null): Built {
  needsBeside(node);
  node.needs(Math.max(combine.length, node.slots.length));
  return hosts((inputs, memory) => {
    const given = inputs.map((_, i) => hostAt(inputs, i));
    const shape = given.reduce<number[]>((made, { shape }) => broadcastShape(made, shape, node.operator), []);
    const own = type ?? (given.some((host) => host.type === 'float') ? 'float' : given[0].type);
    const made = memory.make(own, shape, node.fail);
    const spread = given.map((host) =>
      elementCount(host.shape) === made.values.length ? host : expandHost(host, shape, memory, node.fail),
    );
    for (let i = 0; i < made.values.length; i++)
      made.values[i] = combine(...spread.map(({ values }) => values[i]));
    return [made];
  });
}

const counted =
  (combine: Combine, type: HostType | null = null): Builder =>
  (node) =>
    elementwise(node, combine, type);

const truth =
  (combine: (...values: number[]) => boolean): Builder =>
  (node) => {
    node.needs(combine.length);
    return elementwise(node, (...values) => Number(combine(...values)), 'bool');
  };

/** Whole numbers are divided towards zero. */
export const divided = (node: Node): Built => {
  const whole = node.slots.every((slot) => slot.kind !== 'constant' || slot.host.type !== 'float');
  needsBeside(node);
  const built = elementwise(node, (a, b) => a / b, null);
  if (!whole || built.kind !== 'hosts') return built;
  return hosts((inputs, memory) =>
    built.compute(inputs, memory).map((host) => {
      for (let i = 0; host.type === 'int' && i < host.values.length; i++) {
        host.values[i] = Math.trunc(host.values[i]);
      }
      return host;
    }),
  );
};

const modulo: Builder = (node) =>
  node.int('fmod', 0) === 0
    ? elementwise(node, (a, b) => a - b * Math.floor(a / b), null)
    : elementwise(node, (a, b) => a % b, null);

/** Numbers between bounds, which are attributes before opset 11 and inputs from then on. */
export function clippedNumbers(node: Node): Built {
  const [least, most] = [node.float('min', -Infinity), node.float('max', Infinity)];
  return hosts((inputs, memory) => {
    const host = hostAt(inputs, 0);
    const [low, high] = [numbersAt(inputs, 1)?.[0] ?? least, numbersAt(inputs, 2)?.[0] ?? most];
    const made = memory.make(host.type, host.shape, node.fail);
    host.values.forEach((value, i) => {
      made.values[i] = Math.min(Math.max(value, low), high);
    });
    return [made];
  });
}

/** The shape of a tensor, from `start` up to `end`. */
const shapeOf: Builder = (node) => {
  const [start, end] = [node.int('start', 0), node.has('end') ? node.int('end', 0) : Infinity];
  return hosts((inputs) => [list(sizesOf(inputs).slice(start, end))]);
};

function sizesOf(inputs: Inputs): readonly number[] {
  const [value] = inputs;
  return value instanceof Tensor || value instanceof Host ? value.shape : [];
}

const size: Builder = () =>
  hosts((inputs) => [new Host('int', [], Float64Array.of(elementCount(sizesOf(inputs))))]);

/** Numbers of another type: whole ones are cut off towards zero. */
export function converted(host: Host, type: HostType): Host {
  if (host.type === type) return host;
  if (type === 'float') return new Host(type, host.shape, Float32Array.from(host.values));
  const convert = type === 'bool' ? (value: number) => Number(value !== 0) : Math.trunc;
  return new Host(type, host.shape, Float64Array.from(host.values, convert));
}

const range: Builder = (node) => {
  node.needs(3);
  needsBeside(node);
  return hosts((inputs, memory) => {
    const [start, limit, delta] = [0, 1, 2].map((i) => hostAt(inputs, i).values[0] ?? 0);
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    if (!Number.isFinite(count)) node.fail(`counts from ${start} to ${limit} by ${delta}`);
    const made = memory.make(hostAt(inputs, 0).type, [count], node.fail);
    for (let i = 0; i < count; i++) made.values[i] = start + i * delta;
    return [made];
  });
};

/** Reductions of shapes; all dimensions where none are named. */
export function reduced(node: Node, start: number, combine: (a: number, b: number) => number): Built {
  needsBeside(node);
  const keeps = node.int('keepdims', 1) !== 0;
  const named = node.listed('axes', 1);
  return hosts((inputs, memory) => {
    const host = hostAt(inputs, 0);
    const rank = host.shape.length;
    const axes =
      named === undefined || named.length === 0
        ? host.shape.map((_, i) => i)
        : axesIn(named, rank, node.operator);
    const kept = host.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const made = memory.make(host.type, kept, node.fail);
    made.values.fill(start);
    const strides = stridesOf(kept).map((stride, axis) => (axes.includes(axis) ? 0 : stride));
    forEachPlace(host.shape, strides, 0, (place, index) => {
      made.values[place] = combine(made.values[place], host.values[index]);
    });
    return [
      keeps
        ? made
        : new Host(
            made.type,
            kept.filter((_, axis) => !axes.includes(axis)),
            made.values,
          ),
    ];
  });
}

/** By their names. */
export const beside: Readonly<Record<string, Builder>> = {
  And: truth((a, b) => a !== 0 && b !== 0),
  Ceil: counted(Math.ceil),
  Equal: truth((a, b) => a === b),
  Floor: counted(Math.floor),
  Greater: truth((a, b) => a > b),
  GreaterOrEqual: truth((a, b) => a >= b),
  Less: truth((a, b) => a < b),
  LessOrEqual: truth((a, b) => a <= b),
  Mod: modulo,
  Not: truth((a) => a === 0),
  Or: truth((a, b) => a !== 0 || b !== 0),
  Range: range,
  ReduceProd: (node) => reduced(node, 1, (a, b) => a * b),
  Shape: shapeOf,
  Size: size,
  Sqrt: counted(Math.sqrt),
  Where: (node) => {
    const type = [1, 2].some((index) => node.constant(index)?.type === 'float') ? 'float' : 'int';
    return elementwise(node, (condition, a, b) => (condition === 0 ? b : a), type);
  },
  Xor: truth((a, b) => (a !== 0) !== (b !== 0)),
};
