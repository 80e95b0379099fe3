// Random problems of normalisation, and the calls that solve them. All results of a call lie in one array.
import type { Activation, Binding, Job, LocalResponse, NormGeometry } from '../../binding.js';
import type { Random } from './random.js';

type Draw = (length: number) => Float32Array;

export interface AffineProblem {
  readonly family: 'affine';
  readonly activation: Activation;
  readonly x: Float32Array;
  readonly scale: Float32Array;
  readonly shift: Float32Array;
  readonly residual: Float32Array | null;
}

interface Normalized {
  readonly norm: NormGeometry;
  readonly x: Float32Array;
  readonly weight: Float32Array | null;
  readonly bias: Float32Array | null;
}

export interface NormalizeProblem extends Normalized {
  readonly family: 'normalize';
  readonly residual: Float32Array | null;
  /** Whether mean and variance are asked for. */
  readonly tells: boolean;
}

export interface NormalizeGradientProblem extends Normalized {
  readonly family: 'normalizeGradient';
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly output: Float32Array | null;
  readonly upstream: Float32Array;
  /** Which of gradX, gradWeight, gradBias, gradResidual are asked for. */
  readonly wanted: readonly boolean[];
  /** Whether gradX, if it is asked for, is upstream. */
  readonly inPlace: boolean;
}

export interface ResponseProblem {
  readonly family: 'localResponse';
  readonly response: LocalResponse;
  readonly x: Float32Array;
  /** Whose gradient is asked for, or null for the result. */
  readonly upstream: Float32Array | null;
}

export type Norm = ResponseProblem | AffineProblem | NormalizeProblem | NormalizeGradientProblem;

/** Around the ends of vectors, of the eight rows of a kernel, of chunks of 256 positions and of blocks of 256 channels. */
const POSITIONS = [0, 1, 2, 7, 8, 9, 15, 16, 17, 49, 255, 256, 257, 264, 511, 512, 513, 1000];
const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 255, 256, 257, 520];
const LARGEST = 20_000;

export function drawNorm(random: Random, draw: Draw, activation: Activation): Norm {
  if (random.once(6)) return drawResponse(random, draw);
  if (random.once(4)) return drawAffine(random, draw, activation);
  const norm = drawGeometry(random);
  const x = draw(norm.batch * norm.positions * norm.channels);
  const perChannel = () => (random.once(3) ? null : draw(norm.channels));
  const common = { norm, x, weight: perChannel(), bias: perChannel() };
  if (norm.statistics === 'own' && random.once(2)) {
    const residual = random.once(3) ? draw(x.length) : null;
    return { family: 'normalize', ...common, residual, tells: !random.once(4) };
  }
  const statistics = norm.batch * norm.groups;
  return {
    family: 'normalizeGradient',
    ...common,
    mean: draw(statistics),
    variance: draw(statistics).map(Math.abs),
    output: random.once(3) ? draw(x.length) : null,
    upstream: draw(x.length),
    wanted: Array.from({ length: 4 }, () => !random.once(3)),
    inPlace: random.once(3),
  };
}

function drawAffine(random: Random, draw: Draw, activation: Activation): AffineProblem {
  const channels = random.of(CHANNELS);
  const x = draw(channels * Math.min(random.of(POSITIONS), Math.floor(LARGEST / channels)));
  return {
    family: 'affine',
    activation,
    x,
    scale: draw(channels),
    shift: draw(channels),
    residual: random.once(2) ? draw(x.length) : null,
  };
}

function drawResponse(random: Random, draw: Draw): ResponseProblem {
  const channels = random.of(CHANNELS);
  const response = {
    channels,
    size: random.of([1, 2, 3, 4, 5, 8, 20]),
    alpha: random.of([1e-4, 0.5, 1]),
    beta: random.of([0.25, 0.5, 0.75, 0.75, 1, 2, 0.6, 1.3, 0]),
    k: random.of([1, 2, 0.1]),
  };
  const x = draw(channels * Math.min(random.of(POSITIONS), 40));
  return { family: 'localResponse', response, x, upstream: random.once(2) ? draw(x.length) : null };
}

function drawGeometry(random: Random): NormGeometry {
  const channels = random.of(CHANNELS);
  const groups = random.of([1, 2, 3, 4, channels, channels, channels].filter((n) => channels % n === 0));
  const batch = groups === channels && random.once(2) ? 1 : random.between(0, 4);
  const positions = Math.min(random.of(POSITIONS), Math.floor(LARGEST / channels / Math.max(batch, 1)));
  return {
    batch,
    positions,
    channels,
    groups,
    epsilon: random.of([1e-5, 1e-3, 1]),
    activation: random.of(['none', 'none', 'relu', 'relu6']),
    statistics: random.once(4) ? 'given' : 'own',
  };
}

/** Pieces of one array, one after the other; null for those that are not wanted. */
function cut(
  lengths: readonly number[],
  wanted: readonly boolean[],
  unwritten: (length: number) => Float32Array,
) {
  const ends = lengths.map((_, i) =>
    lengths.slice(0, i + 1).reduce((sum, n, k) => sum + (wanted[k] ? n : 0), 0),
  );
  const output = unwritten(ends[ends.length - 1]);
  const pieces = lengths.map((n, i) => (wanted[i] ? output.subarray(ends[i] - n, ends[i]) : null));
  return { output, pieces };
}

/** The operation and its arguments, whose results come to lie in `output`. */
export function normCall(problem: Norm, unwritten: (length: number) => Float32Array) {
  const { x } = problem;
  if (problem.family === 'localResponse') {
    const { response, upstream } = problem;
    const output = unwritten(x.length);
    if (upstream === null) return { output, call: ['localResponse', response, x, output] as const };
    return { output, call: ['localResponseGradient', response, x, upstream, output] as const };
  }
  if (problem.family === 'affine') {
    const { activation, scale, shift, residual } = problem;
    const output = unwritten(x.length);
    return { output, call: ['affine', activation, x, scale, shift, residual, output] as const };
  }
  const { norm, weight, bias } = problem;
  const statistics = norm.batch * norm.groups;
  if (problem.family === 'normalize') {
    const { output, pieces } = cut(
      [x.length, statistics, statistics],
      [true, problem.tells, problem.tells],
      unwritten,
    );
    const [y, mean, variance] = pieces;
    return {
      output,
      call: ['normalize', norm, x, weight, bias, problem.residual, y ?? output, mean, variance] as const,
    };
  }
  const { mean, variance, wanted, inPlace } = problem;
  const { output, pieces } = cut([x.length, norm.channels, norm.channels, x.length], wanted, unwritten);
  const [gradX, gradWeight, gradBias, gradResidual] = pieces;
  const over = inPlace && gradX !== null;
  const upstream = over ? gradX : problem.upstream;
  if (over) upstream.set(problem.upstream);
  return {
    output,
    call: [
      'normalizeGradient',
      norm,
      x,
      weight,
      bias,
      mean,
      variance,
      problem.output,
      upstream,
      gradX,
      gradWeight,
      gradBias,
      gradResidual,
    ] as const,
  };
}

/** Makes the call now. */
export function runNorm(binding: Binding, call: ReturnType<typeof normCall>['call']): void {
  if (call[0] === 'localResponse') {
    const [, ...args] = call;
    binding.localResponse(...args);
  } else if (call[0] === 'localResponseGradient') {
    const [, ...args] = call;
    binding.localResponseGradient(...args);
  } else if (call[0] === 'affine') {
    const [, ...args] = call;
    binding.affine(...args);
  } else if (call[0] === 'normalize') {
    const [, ...args] = call;
    binding.normalize(...args);
  } else {
    const [, ...args] = call;
    binding.normalizeGradient(...args);
  }
}

/** Makes it in the background. */
export function submitNorm(binding: Binding, call: ReturnType<typeof normCall>['call']): Job {
  if (call[0] === 'localResponse') return binding.submit(...call);
  if (call[0] === 'localResponseGradient') return binding.submit(...call);
  if (call[0] === 'affine') return binding.submit(...call);
  if (call[0] === 'normalize') return binding.submit(...call);
  return binding.submit(...call);
}
