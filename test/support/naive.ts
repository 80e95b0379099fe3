// The contract's sentences as plain loops, one output at a time: slow, and too simple to hide anything.
import type { Layout } from '../../binding.js';
import { fmaf } from '../../lib/numerics/fmaf.js';
import type { Problem } from './problems.js';

type ConvProblem = Extract<Problem, { family: 'conv' }>;
type WeightGradientProblem = Extract<Problem, { family: 'weightGradient' }>;
type SumProblem = Extract<Problem, { family: 'sumPositions' }>;
type PoolProblem = Extract<Problem, { family: 'pool' }>;

/** The input coordinate of a padded one; -1 in zero padding. */
function inside(mode: ConvProblem['geometry']['paddingMode'], at: number, size: number): number {
  if (mode === 'zeros') return at >= 0 && at < size ? at : -1;
  if (mode === 'replicate') return Math.min(Math.max(at, 0), size - 1);
  if (mode === 'circular') return ((at % size) + size) % size;
  const mirrored = Math.abs(at);
  return mirrored < size ? mirrored : 2 * (size - 1) - mirrored;
}

/**
 * Along one axis, where output `o` reads for tap `k`; -1 for nowhere. Transposed, that is the input whose convolution
 * would have written there: i * stride + k * dilation - padBegin = o.
 */
function readFrom(g: ConvProblem['geometry'], axis: 0 | 1 | 2, o: number, k: number): number {
  const step = k * g.dilation[axis] - g.padBegin[axis];
  if (!g.transposed) return inside(g.paddingMode, o * g.stride[axis] + step, g.inputSize[axis]);
  const at = (o - step) / g.stride[axis];
  return Number.isInteger(at) ? inside('zeros', at, g.inputSize[axis]) : -1;
}

/** Where an element of image [positions, channels] lies. */
const indexIn = (layout: Layout, positions: number, channels: number, position: number, channel: number) =>
  layout === 'channelsLast' ? position * channels + channel : channel * positions + position;

/** Before the activation. */
export function naiveConv({ geometry: g, batch, x, weight, bias, residual }: ConvProblem): Float32Array {
  const inputs = g.inChannels / g.groups;
  const outputs = g.outChannels / g.groups;
  const [pixels, positions] = [g.inputSize, g.outputSize].map(([d, h, w]) => d * h * w);
  const y = new Float32Array(batch * positions * g.outChannels);
  for (let image = 0; image < batch; image++)
    for (let od = 0; od < g.outputSize[0]; od++)
      for (let oh = 0; oh < g.outputSize[1]; oh++)
        for (let ow = 0; ow < g.outputSize[2]; ow++)
          for (let n = 0; n < g.outChannels; n++) {
            let sum = 0;
            for (let kd = 0; kd < g.kernelSize[0]; kd++)
              for (let kh = 0; kh < g.kernelSize[1]; kh++)
                for (let kw = 0; kw < g.kernelSize[2]; kw++) {
                  const d = readFrom(g, 0, od, kd);
                  const h = readFrom(g, 1, oh, kh);
                  const w = readFrom(g, 2, ow, kw);
                  if (d < 0 || h < 0 || w < 0) continue;
                  for (let c = 0; c < inputs; c++) {
                    const channel = Math.floor(n / outputs) * inputs + c;
                    const pixel = (d * g.inputSize[1] + h) * g.inputSize[2] + w;
                    const at = indexIn(g.inputLayout, pixels, g.inChannels, pixel, channel);
                    const tap = (kd * g.kernelSize[1] + kh) * g.kernelSize[2] + kw;
                    const taps = g.kernelSize[0] * g.kernelSize[1] * g.kernelSize[2];
                    const filter = g.transposed ? channel * outputs + (n % outputs) : n * inputs + c;
                    sum = fmaf(x[image * pixels * g.inChannels + at], weight[filter * taps + tap], sum);
                  }
                }
            const position = (od * g.outputSize[1] + oh) * g.outputSize[2] + ow;
            const to = indexIn(g.outputLayout, positions, g.outChannels, position, n);
            const at = image * positions * g.outChannels + to;
            y[at] = sum + ((bias === null ? 0 : bias[n]) || 0);
            if (residual !== null) y[at] += residual[at];
          }
  return y;
}

/** The weight's gradient, and behind it the bias's where that is asked for. */
export function naiveWeightGradient(problem: WeightGradientProblem): Float32Array {
  const { geometry: g, images, x, upstream, withBias } = problem;
  const inputs = g.inChannels / g.groups;
  const outputs = g.outChannels / g.groups;
  const [depth, height, width] = g.outputSize;
  const pixels = g.inputSize[0] * g.inputSize[1] * g.inputSize[2];
  const y: number[] = [];
  for (let n = 0; n < g.outChannels; n++)
    for (let c = 0; c < inputs; c++)
      for (let kd = 0; kd < g.kernelSize[0]; kd++)
        for (let kh = 0; kh < g.kernelSize[1]; kh++)
          for (let kw = 0; kw < g.kernelSize[2]; kw++) {
            const channel = Math.floor(n / outputs) * inputs + c;
            let total = 0;
            for (let first = 0; first < images * depth * height * width; first += 256) {
              let sum = 0;
              for (let p = first; p < Math.min(first + 256, images * depth * height * width); p++) {
                const d = readFrom(g, 0, Math.floor(p / (height * width)) % depth, kd);
                const h = readFrom(g, 1, Math.floor(p / width) % height, kh);
                const w = readFrom(g, 2, p % width, kw);
                if (d < 0 || h < 0 || w < 0) continue;
                const image = Math.floor(p / (depth * height * width));
                const pixel = image * pixels + (d * g.inputSize[1] + h) * g.inputSize[2] + w;
                sum = fmaf(x[pixel * g.inChannels + channel], upstream[p * g.outChannels + n], sum);
              }
              total = Math.fround(total + sum);
            }
            y.push(total);
          }
  if (withBias)
    for (let n = 0; n < g.outChannels; n++) {
      const column = Array.from(
        { length: images * depth * height * width },
        (_, p) => upstream[p * g.outChannels + n],
      );
      y.push(sumInChunks(column));
    }
  return Float32Array.from(y);
}

export function naivePool({ geometry: g, batch, x }: PoolProblem): Float32Array {
  const y: number[] = [];
  const image = g.inputSize[0] * g.inputSize[1] * g.inputSize[2] * g.channels;
  for (let n = 0; n < batch; n++)
    for (let od = 0; od < g.outputSize[0]; od++)
      for (let oh = 0; oh < g.outputSize[1]; oh++)
        for (let ow = 0; ow < g.outputSize[2]; ow++)
          for (let c = 0; c < g.channels; c++) {
            const taps: number[] = [];
            for (let d = g.begin[0][od]; d < g.end[0][od]; d += g.dilation[0])
              for (let h = g.begin[1][oh]; h < g.end[1][oh]; h += g.dilation[1])
                for (let w = g.begin[2][ow]; w < g.end[2][ow]; w += g.dilation[2])
                  taps.push(x[n * image + ((d * g.inputSize[1] + h) * g.inputSize[2] + w) * g.channels + c]);
            const span = g.span[0][od] * g.span[1][oh] * g.span[2][ow];
            y.push(
              g.kind === 'max' ? taps.reduce(larger) : Math.fround(sumInChunks(taps) / Math.fround(span)),
            );
          }
  return Float32Array.from(y);
}

export function naiveSum({ positions, channels, x }: SumProblem): Float32Array {
  return Float32Array.from({ length: channels }, (_, c) =>
    sumInChunks(Array.from({ length: positions }, (_, p) => x[p * channels + c])),
  );
}

/** The first of equals; a NaN wins. */
const larger = (m: number, v: number) => (v > m || Number.isNaN(v) ? v : m);

function sumInChunks(values: readonly number[]): number {
  let total = 0;
  for (let i = 0; i < values.length; i += 256)
    total = Math.fround(total + values.slice(i, i + 256).reduce((sum, v) => Math.fround(sum + v), 0));
  return total;
}
