// Gradients of pooling: windows in the order of their outputs, each adding to the elements it came from.
import type { Pool, PoolGeometry } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats } from './checks.js';
import type { Work } from './jobs.js';
import { coordinates, divisorAt, eachTap, ReferencePool } from './pool.js';

export function poolGradientWork(
  pool: Pool,
  x: Float32Array | null,
  upstream: Float32Array,
  gradient: Float32Array,
  batch: number,
): Work {
  const operation = 'poolGradient';
  if (!(pool instanceof ReferencePool))
    throw wrongType(operation, `pool must come from the reference backend's createPool, got ${show(pool)}`);
  const { geometry, positions, inputLength, outputLength } = pool;
  if (pool.outputStride > geometry.channels)
    throw wrongValue(operation, "a pool's gradient reads whole images");
  checkCount(operation, 'batch', batch, 0);
  checkFloats(operation, 'upstream', upstream, batch * outputLength);
  checkFloats(operation, 'gradient', gradient, batch * inputLength);
  checkApart(operation, gradient, [upstream], 'none');
  if (geometry.kind === 'max') {
    checkFloats(operation, 'x', x, batch * inputLength);
    if (x !== null) checkApart(operation, gradient, [x], 'none');
  }
  return {
    units: batch,
    run(begin, end) {
      for (let image = begin; image < end; image++) {
        const first = image * inputLength;
        gradient.fill(0, first, first + inputLength);
        for (let position = 0; position < positions; position++) {
          const own = upstream.subarray(
            image * outputLength + position * geometry.channels,
            image * outputLength + (position + 1) * geometry.channels,
          );
          if (x !== null && geometry.kind === 'max') maxGradient(geometry, position, x, first, own, gradient);
          else averageGradient(geometry, position, first, own, gradient);
        }
      }
    },
  };
}

/** To the element that won, the first of equals, the last of NaNs. */
function maxGradient(
  geometry: PoolGeometry,
  position: number,
  x: Float32Array,
  image: number,
  upstream: Float32Array,
  gradient: Float32Array,
): void {
  const most = new Float32Array(upstream.length);
  const taken = new Int32Array(upstream.length).fill(-1);
  eachTap(geometry, coordinates(position, geometry.outputSize), image, (offset) => {
    for (let c = 0; c < taken.length; c++) {
      const value = x[offset + c];
      // biome-ignore lint/suspicious/noSelfCompare: true for NaN alone, which wins
      if (taken[c] < 0 || value > most[c] || value !== value) {
        most[c] = value;
        taken[c] = offset + c;
      }
    }
  });
  for (let c = 0; c < taken.length; c++) gradient[taken[c]] += upstream[c];
}

function averageGradient(
  geometry: PoolGeometry,
  position: number,
  image: number,
  upstream: Float32Array,
  gradient: Float32Array,
): void {
  const at = coordinates(position, geometry.outputSize);
  const divisor = divisorAt(geometry, at);
  const share = upstream.map((value) => value / divisor);
  eachTap(geometry, at, image, (offset) => {
    for (let c = 0; c < share.length; c++) gradient[offset + c] += share[c];
  });
}
