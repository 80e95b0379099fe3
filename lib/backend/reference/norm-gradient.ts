// Reference gradients of normalisation.
import type { NormGeometry } from '../../../binding.js';
import { fmaf } from '../../numerics/fmaf.js';
import { type Coefficients, coefficientsOf, inverseDeviation } from '../../numerics/normalization.js';
import { checkApart, checkFloats } from './checks.js';
import type { Work } from './jobs.js';
import { checkNorm, checkOptional } from './norm.js';
import { CHUNK } from './sums.js';

const { fround } = Math;

const LIMITS = { none: [-Infinity, Infinity], relu: [0, Infinity], relu6: [0, 6] } as const;

/** Sums over all positions of every image and channel, in float64. */
interface Sums {
  readonly gradient: Float64Array;
  readonly product: Float64Array;
}

/** What the arguments of a call amount to. */
interface Task {
  readonly norm: NormGeometry;
  readonly x: Float32Array;
  readonly weight: Float32Array | null;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly output: Float32Array | null;
  readonly upstream: Float32Array;
  readonly coefficients: Coefficients;
}

/** The statistics that channel c of an image takes part in. */
const groupOf = ({ channels, groups }: NormGeometry, image: number, c: number): number =>
  image * groups + Math.floor((c * groups) / channels);

/** The gradient behind the clamp at element i, whose image and channel have the given place among the coefficients. */
function gated({ norm, x, output, upstream, coefficients }: Task, i: number, place: number): number {
  if (norm.activation === 'none') return upstream[i];
  const [low, high] = LIMITS[norm.activation];
  const z = output === null ? fmaf(x[i], coefficients.scale[place], coefficients.shift[place]) : output[i];
  return low < z && z < high ? upstream[i] : 0;
}

function sumChannel(task: Task, image: number, c: number, sums: Sums, gradResidual: Float32Array | null) {
  const { norm, x, mean } = task;
  const { positions, channels } = norm;
  const place = image * channels + c;
  const middle = mean[groupOf(norm, image, c)];
  let totalGradient = 0;
  let totalProduct = 0;
  for (let begin = 0; begin < positions; begin += CHUNK) {
    let gradient = 0;
    let product = 0;
    for (let p = begin; p < Math.min(begin + CHUNK, positions); p++) {
      const i = (image * positions + p) * channels + c;
      const u = gated(task, i, place);
      if (gradResidual !== null) gradResidual[i] = u;
      gradient = fround(gradient + u);
      product = fmaf(u, fround(x[i] - middle), product);
    }
    totalGradient += gradient;
    totalProduct += product;
  }
  sums.gradient[place] = totalGradient;
  sums.product[place] = totalProduct;
}

function parameterGradients(
  { norm, variance }: Task,
  sums: Sums,
  gradWeight: Float32Array | null,
  gradBias: Float32Array | null,
): void {
  for (let c = 0; c < norm.channels; c++) {
    let weight = 0;
    let bias = 0;
    for (let image = 0; image < norm.batch; image++) {
      const place = image * norm.channels + c;
      weight += sums.product[place] * inverseDeviation(norm, variance[groupOf(norm, image, c)]);
      bias += sums.gradient[place];
    }
    if (gradWeight !== null) gradWeight[c] = weight;
    if (gradBias !== null) gradBias[c] = bias;
  }
}

/** What a group's own mean and variance take back from its elements: (x - mean) * slope + offset. */
function takenBack({ norm, weight, variance }: Task, sums: Sums, image: number, group: number) {
  const width = norm.channels / norm.groups;
  const count = norm.positions * width;
  let gradient = 0;
  let product = 0;
  for (let c = group * width; c < (group + 1) * width; c++) {
    const factor = weight === null ? 1 : weight[c];
    gradient += factor * sums.gradient[image * norm.channels + c];
    product += factor * sums.product[image * norm.channels + c];
  }
  const inverse = inverseDeviation(norm, variance[image * norm.groups + group]);
  return {
    slope: fround(-((inverse * inverse * inverse * product) / count)),
    offset: fround(-((inverse * gradient) / count)),
  };
}

function inputGradient(task: Task, sums: Sums, image: number, group: number, gradX: Float32Array): void {
  const { norm, x, mean, coefficients } = task;
  const { positions, channels, groups, statistics } = norm;
  const width = channels / groups;
  const middle = mean[image * groups + group];
  const back = statistics === 'own' ? takenBack(task, sums, image, group) : null;
  for (let p = 0; p < positions; p++) {
    for (let c = group * width; c < (group + 1) * width; c++) {
      const i = (image * positions + p) * channels + c;
      const place = image * channels + c;
      const rest = back === null ? 0 : fmaf(fround(x[i] - middle), back.slope, back.offset);
      gradX[i] = fmaf(gated(task, i, place), coefficients.scale[place], rest) + 0;
    }
  }
}

export function normalizeGradientWork(
  norm: NormGeometry,
  x: Float32Array,
  weight: Float32Array | null,
  bias: Float32Array | null,
  mean: Float32Array,
  variance: Float32Array,
  output: Float32Array | null,
  upstream: Float32Array,
  gradX: Float32Array | null,
  gradWeight: Float32Array | null,
  gradBias: Float32Array | null,
  gradResidual: Float32Array | null,
): Work {
  const operation = 'normalizeGradient';
  const length = checkNorm(operation, norm);
  const { batch, channels, groups } = norm;
  checkFloats(operation, 'x', x, length);
  checkOptional(operation, 'weight', weight, channels);
  checkOptional(operation, 'bias', bias, channels);
  checkFloats(operation, 'mean', mean, batch * groups);
  checkFloats(operation, 'variance', variance, batch * groups);
  checkOptional(operation, 'output', output, length);
  checkFloats(operation, 'upstream', upstream, length);
  checkOptional(operation, 'gradX', gradX, length);
  checkOptional(operation, 'gradWeight', gradWeight, channels);
  checkOptional(operation, 'gradBias', gradBias, channels);
  checkOptional(operation, 'gradResidual', gradResidual, length);
  const inputs = [x, weight, bias, mean, variance, output].filter((array) => array !== null);
  const outputs = [gradX, gradWeight, gradBias, gradResidual].filter((array) => array !== null);
  outputs.forEach((one, i) => {
    checkApart(operation, one, [...inputs, ...outputs.slice(i + 1)], 'none');
    // Each element of upstream is read before gradX has it
    checkApart(operation, one, [upstream], one === gradX ? 'same memory' : 'none');
  });

  // Units in order: the channels' sums, then what comes of them
  const sums: Sums = {
    gradient: new Float64Array(batch * channels),
    product: new Float64Array(batch * channels),
  };
  const begun = (): Task => {
    const coefficients = coefficientsOf(norm, weight, bias, mean, variance);
    return { norm, x, weight, mean, variance, output, upstream, coefficients };
  };
  let task: Task | undefined;
  return {
    units: batch * channels + 1 + batch * groups,
    run(begin, end) {
      // A program makes one call again and again
      if (begin === 0 || task === undefined) task = begun();
      for (let unit = begin; unit < end; unit++) {
        const rest = unit - batch * channels;
        if (rest < 0) sumChannel(task, Math.floor(unit / channels), unit % channels, sums, gradResidual);
        else if (rest === 0) parameterGradients(task, sums, gradWeight, gradBias);
        else if (gradX !== null)
          inputGradient(task, sums, Math.floor((rest - 1) / groups), (rest - 1) % groups, gradX);
      }
    },
  };
}
