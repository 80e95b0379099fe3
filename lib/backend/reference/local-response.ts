// Reference local response normalisation, row by row.
import type { LocalResponse } from '../../../binding.js';
import { show, wrongType } from '../../errors.js';
import { exp64, log64 } from '../../numerics/double.js';
import { fmaf } from '../../numerics/fmaf.js';
import { checkApart, checkCount, checkFloats, lengthOf } from './checks.js';
import type { Work } from './jobs.js';

const { fround } = Math;

/** The largest exponent, in quarters, that is a product of roots. */
const MOST_QUARTERS = 8;

function checkResponse(operation: string, response: LocalResponse): void {
  if (typeof response !== 'object' || response === null)
    throw wrongType(operation, `response must be an object, got ${show(response)}`);
  checkCount(operation, 'channels', response.channels, 1);
  checkCount(operation, 'size', response.size, 1);
  for (const name of ['alpha', 'beta', 'k'] as const) {
    if (typeof response[name] !== 'number')
      throw wrongType(operation, `${name} must be a number, got ${show(response[name])}`);
  }
}

/** d^beta. */
function powerOf({ beta }: LocalResponse, d: number): number {
  const quarters = beta * 4;
  if (Number.isInteger(quarters) && quarters >= 1 && quarters <= MOST_QUARTERS) {
    const root = fround(Math.sqrt(fround(Math.sqrt(d))));
    let power = root;
    for (let i = 1; i < quarters; i++) power = fround(power * root);
    return power;
  }
  return d > 0 && d < Infinity ? fround(exp64(beta * log64(d))) : d;
}

/** d and its power for every channel of the row that begins at `from`. */
function measure(
  response: LocalResponse,
  x: Float32Array,
  from: number,
  d: Float32Array,
  power: Float32Array,
) {
  const { channels, size, alpha, k } = response;
  const [share, base] = [fround(alpha / size), fround(k)];
  for (let c = 0; c < channels; c++) {
    const first = c - Math.floor(size / 2);
    let sum = 0;
    for (let w = Math.max(first, 0); w < Math.min(first + size, channels); w++)
      sum = fmaf(x[from + w], x[from + w], sum);
    d[c] = fmaf(sum, share, base);
    power[c] = powerOf(response, d[c]);
  }
}

export function localResponseWork(response: LocalResponse, x: Float32Array, y: Float32Array): Work {
  const operation = 'localResponse';
  checkResponse(operation, response);
  const { channels } = response;
  const length = lengthOf(operation, 'x', x);
  checkFloats(operation, 'x', x, Math.floor(length / channels) * channels);
  checkFloats(operation, 'y', y, length);
  checkApart(operation, y, [x], 'none');
  const [d, power] = [new Float32Array(channels), new Float32Array(channels)];
  return {
    units: length / channels,
    run(begin, end) {
      for (let from = begin * channels; from < end * channels; from += channels) {
        measure(response, x, from, d, power);
        for (let c = 0; c < channels; c++) y[from + c] = x[from + c] / power[c];
      }
    },
  };
}

export function localResponseGradientWork(
  response: LocalResponse,
  x: Float32Array,
  upstream: Float32Array,
  gradient: Float32Array,
): Work {
  const operation = 'localResponseGradient';
  checkResponse(operation, response);
  const { channels, size, alpha, beta } = response;
  const length = lengthOf(operation, 'x', x);
  checkFloats(operation, 'x', x, Math.floor(length / channels) * channels);
  checkFloats(operation, 'upstream', upstream, length);
  checkFloats(operation, 'gradient', gradient, length);
  checkApart(operation, gradient, [x, upstream], 'none');
  const [d, power, share] = Array.from({ length: 3 }, () => new Float32Array(channels));
  const factor = fround((2 * alpha * beta) / size);
  return {
    units: length / channels,
    run(begin, end) {
      for (let from = begin * channels; from < end * channels; from += channels) {
        measure(response, x, from, d, power);
        for (let c = 0; c < channels; c++)
          share[c] = fround(upstream[from + c] * x[from + c]) / fround(power[c] * d[c]);
        for (let c = 0; c < channels; c++) {
          const first = c - Math.floor((size - 1) / 2);
          let sum = 0;
          for (let w = Math.max(first, 0); w < Math.min(first + size, channels); w++)
            sum = fround(sum + share[w]);
          const own = fround(upstream[from + c] / power[c]);
          gradient[from + c] = fmaf(-fround(factor * x[from + c]), sum, own) + 0;
        }
      }
    },
  };
}
