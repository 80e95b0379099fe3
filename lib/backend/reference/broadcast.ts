// Reference arithmetic on two operands: of the same length, or of shapes of which one repeats where the other does not.
import type { Arithmetic, BroadcastGeometry } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats, countElements, lengthOf, oneOf } from './checks.js';
import type { Work } from './jobs.js';

const MOST_AXES = 8;
const UNIT = 4096;

// The double result of two floats, rounded to float32 by the store, is the float32 one: for quotients too, a double having
// more than twice the digits.
const COMBINE: Readonly<Record<Arithmetic, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};
const KINDS = Object.keys(COMBINE) as Arithmetic[];

export function binaryWork(kind: Arithmetic, a: Float32Array, b: Float32Array, y: Float32Array): Work {
  const combine = COMBINE[oneOf('binary', 'kind', kind, KINDS)];
  const length = lengthOf('binary', 'a', a);
  checkFloats('binary', 'b', b, length);
  checkFloats('binary', 'y', y, length);
  checkApart('binary', y, [a, b], 'same memory');
  return {
    units: Math.ceil(length / UNIT),
    run(begin, end) {
      const last = Math.min(end * UNIT, length);
      for (let i = begin * UNIT; i < last; i++) y[i] = combine(a[i], b[i]);
    },
  };
}

/** One unit is a piece of a line along the last axis. */
export function broadcastWork(
  kind: Arithmetic,
  geometry: BroadcastGeometry,
  a: Float32Array,
  b: Float32Array,
  y: Float32Array,
): Work {
  const combine = COMBINE[oneOf('broadcast', 'kind', kind, KINDS)];
  const { sizes, aSteps, bSteps } = checkGeometry(geometry);
  const length = countElements('broadcast', 'y', sizes);
  checkFloats('broadcast', 'a', a, reach(sizes, aSteps));
  checkFloats('broadcast', 'b', b, reach(sizes, bSteps));
  checkFloats('broadcast', 'y', y, length);
  checkApart('broadcast', y, [a, b], 'none');
  const rank = sizes.length;
  const line = rank === 0 ? 1 : sizes[rank - 1];
  const [aStep, bStep] = rank === 0 ? [0, 0] : [aSteps[rank - 1], bSteps[rank - 1]];
  const pieces = Math.ceil(line / UNIT);
  return {
    units: length === 0 ? 0 : (length / line) * pieces,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) {
        const piece = unit % pieces;
        const row = (unit - piece) / pieces;
        let rest = row;
        let aAt = 0;
        let bAt = 0;
        for (let axis = rank - 2; axis >= 0; axis--) {
          const at = rest % sizes[axis];
          rest = (rest - at) / sizes[axis];
          aAt += at * aSteps[axis];
          bAt += at * bSteps[axis];
        }
        const last = Math.min((piece + 1) * UNIT, line);
        for (let i = piece * UNIT; i < last; i++) {
          y[row * line + i] = combine(a[aAt + i * aStep], b[bAt + i * bStep]);
        }
      }
    },
  };
}

function checkGeometry(geometry: BroadcastGeometry): BroadcastGeometry {
  if (typeof geometry !== 'object' || geometry === null)
    throw wrongType('broadcast', `geometry must be an object, got ${show(geometry)}`);
  const { sizes, aSteps, bSteps } = geometry;
  for (const list of [sizes, aSteps, bSteps]) {
    if (!Array.isArray(list))
      throw wrongType('broadcast', `sizes and steps must be lists, got ${show(list)}`);
    for (const item of list) checkCount('broadcast', 'each size and step', item, 0);
  }
  if (sizes.length > MOST_AXES || aSteps.length !== sizes.length || bSteps.length !== sizes.length)
    throw wrongValue('broadcast', `sizes, aSteps and bSteps must be as many, ${MOST_AXES} at most`);
  if ((aSteps.at(-1) ?? 0) > 1 || (bSteps.at(-1) ?? 0) > 1)
    throw wrongValue('broadcast', 'the last steps must be 0 or 1');
  return geometry;
}

/** Elements that an operand of these steps has. */
function reach(sizes: readonly number[], steps: readonly number[]): number {
  if (sizes.includes(0)) return 0;
  return sizes.reduce((last, size, axis) => last + (size - 1) * steps[axis], 0) + 1;
}
