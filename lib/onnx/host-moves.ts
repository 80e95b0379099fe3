// Shapes and constants moved about: other shapes, other orders, parts, repetitions.

import { elementCount, inferredShape } from '../tensor/shape.js';
import { forEachPlace, Host, type HostMemory, stridesOf } from './host.js';
import type { Fail } from './wire.js';

export const reshapeHost = (host: Host, shape: readonly number[], operation: string): Host =>
  new Host(host.type, inferredShape([...shape], elementCount(host.shape), operation), host.values);

export function permuteHost(host: Host, order: readonly number[], memory: HostMemory, fail: Fail): Host {
  const strides = stridesOf(host.shape);
  const made = memory.make(
    host.type,
    order.map((axis) => host.shape[axis]),
    fail,
  );
  forEachPlace(
    made.shape,
    order.map((axis) => strides[axis]),
    0,
    (place, index) => {
      made.values[index] = host.values[place];
    },
  );
  return made;
}

/** For each dimension how many positions a result has, and which of the input's each shows. */
export interface Picked {
  readonly count: number;
  at(position: number): number;
}

export const all = (count: number): Picked => ({ count, at: (position) => position });

/** Of every dimension some positions, in any order, repeated or not. */
export function pickHost(host: Host, picked: readonly Picked[], memory: HostMemory, fail: Fail): Host {
  const made = memory.make(
    host.type,
    picked.map(({ count }) => count),
    fail,
  );
  const strides = stridesOf(host.shape);
  const own = stridesOf(made.shape);
  for (let index = 0; index < made.values.length; index++) {
    let [place, rest] = [0, index];
    for (let axis = 0; axis < own.length; axis++) {
      const position = Math.floor(rest / own[axis]);
      rest -= position * own[axis];
      place += picked[axis].at(position) * strides[axis];
    }
    made.values[index] = host.values[place];
  }
  return made;
}

/** Repeated along dimensions of size 1, and along new ones in front, until it has this shape. */
export function expandHost(host: Host, shape: readonly number[], memory: HostMemory, fail: Fail): Host {
  const missing = shape.length - host.shape.length;
  const whole = new Host(host.type, [...new Array<number>(missing).fill(1), ...host.shape], host.values);
  const picked = shape.map((count, axis) => ({
    count,
    at: (position: number) => (whole.shape[axis] === 1 ? 0 : position),
  }));
  return pickHost(whole, picked, memory, fail);
}

export function concatHosts(hosts: readonly Host[], axis: number, memory: HostMemory, fail: Fail): Host {
  const [first] = hosts;
  const fits = hosts.every(
    ({ shape }) =>
      shape.length === first.shape.length && shape.every((size, i) => i === axis || size === first.shape[i]),
  );
  if (!fits) fail('joins shapes that differ in more than one dimension');
  const joined = hosts.reduce((sum, { shape }) => sum + shape[axis], 0);
  const made = memory.make(first.type, first.shape.with(axis, joined), fail);
  const rows = elementCount(first.shape.slice(0, axis));
  const inner = elementCount(first.shape.slice(axis + 1));
  let begin = 0;
  for (const { shape, values } of hosts) {
    const width = shape[axis] * inner;
    for (let row = 0; row < rows; row++) {
      made.values.set(values.subarray(row * width, (row + 1) * width), row * joined * inner + begin);
    }
    begin += width;
  }
  return made;
}
