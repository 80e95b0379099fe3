// How weights begin: Keras's initialisers by name, or made with options. Numbers come from Philox: an element depends on the
// seed and its index alone.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { checkedSeed, nextStream, normalInto, type RandomStream, uniformInto } from '../numerics/philox.js';
import { knownOptions, oneOf, suggestion } from '../ops/options.js';
import { allocate, checkedShape, sameShape, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { Tensor, wrap } from '../tensor/tensor.js';

/** Makes the tensor that a weight of a given shape begins as. One's own may be any object with such a method. */
export interface Initializer {
  apply(shape: readonly number[]): Tensor;
}

export interface SeedOption {
  /** A whole number; without one, the next draw of `manualSeed`'s sequence. */
  seed?: number;
}

export interface VarianceScalingOptions extends SeedOption {
  /** The variance times the fan; 1. */
  scale?: number;
  /** The fan: weights per output, per input, or their mean; 'fanIn'. */
  mode?: 'fanIn' | 'fanOut' | 'fanAvg';
  /** 'truncatedNormal'. */
  distribution?: 'normal' | 'uniform' | 'truncatedNormal';
}

export interface NormalOptions extends SeedOption {
  /** 0. */
  mean?: number;
  /** The standard deviation; 0.05. */
  stddev?: number;
}

export interface UniformOptions extends SeedOption {
  /** -0.05. */
  minval?: number;
  /** 0.05. */
  maxval?: number;
}

/** Weights per output and per input of a kernel [...window, inputs, outputs]. */
function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length < 2) return { fanIn: shape[0] ?? 1, fanOut: shape[0] ?? 1 };
  const window = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return { fanIn: window * shape[shape.length - 2], fanOut: window * shape[shape.length - 1] };
}

type Fill = (data: Float32Array, shape: readonly number[]) => void;

const made = (name: string, fill: Fill): Initializer => ({
  apply(shape) {
    const sizes = checkedShape(shape, name);
    const data = allocate(sizes, name);
    fill(data, sizes);
    return wrap(data, ROW_MAJOR, sizes);
  },
});

/** The numbers of a first draw, and of those that replace what it drew outside the bounds. */
function streams(seed: number | undefined): () => RandomStream {
  if (seed === undefined) return () => nextStream();
  let next = 0;
  return () => ({ seed, stream: next++ });
}

/** Normal numbers no further than two standard deviations from the mean: those beyond are drawn anew. */
function truncatedNormalInto(
  data: Float32Array,
  seed: number | undefined,
  mean: number,
  stddev: number,
): void {
  const stream = streams(seed);
  normalInto(data, stream());
  const beyond = (value: number): boolean => value > 2 || value < -2;
  while (data.some(beyond)) {
    const again = new Float32Array(data.length);
    normalInto(again, stream());
    data.forEach((value, i) => {
      if (beyond(value)) data[i] = again[i];
    });
  }
  data.forEach((value, i) => {
    data[i] = mean + stddev * value;
  });
}

/** The standard deviation of a standard normal variable truncated at ±2. */
const TRUNCATED_DEVIATION = 0.87962566103423978;

function number(value: unknown, name: string, operation: string): number {
  if (typeof value !== 'number') throw wrongType(operation, `${name} must be a number, not ${show(value)}`);
  if (!Number.isFinite(value))
    throw wrongValue(operation, `${name} must be finite. Received: ${name}=${value}`);
  return value;
}

const seedIn = (seed: unknown, operation: string): number | undefined =>
  seed === undefined || seed === null ? undefined : checkedSeed(operation, seed);

/** Variance scale / fan (He et al. 2015; Glorot and Bengio 2010, by other settings). */
function varianceScaling(options?: VarianceScalingOptions): Initializer {
  const label = 'varianceScaling';
  const known = knownOptions(options, ['scale', 'mode', 'distribution', 'seed'], label);
  const scale = number(known.scale ?? 1, 'scale', label);
  if (scale <= 0) throw wrongValue(label, `scale must be positive. Received: scale=${scale}`);
  const mode = oneOf(known.mode ?? 'fanIn', ['fanIn', 'fanOut', 'fanAvg'] as const, 'mode', label);
  const distribution = oneOf(
    known.distribution ?? 'truncatedNormal',
    ['normal', 'uniform', 'truncatedNormal'] as const,
    'distribution',
    label,
  );
  const seed = seedIn(known.seed, label);
  return made(label, (data, shape) => {
    const { fanIn, fanOut } = fans(shape);
    const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode];
    const variance = scale / Math.max(1, fan);
    if (distribution === 'uniform') {
      const limit = Math.sqrt(3 * variance);
      uniformInto(data, nextStream(seed), -limit, limit);
    } else if (distribution === 'normal') normalInto(data, nextStream(seed), 0, Math.sqrt(variance));
    else truncatedNormalInto(data, seed, 0, Math.sqrt(variance) / TRUNCATED_DEVIATION);
  });
}

const scaled =
  (name: string, settings: Omit<VarianceScalingOptions, 'seed'>) =>
  (options?: SeedOption): Initializer =>
    varianceScaling({ ...settings, ...knownOptions(options, ['seed'], name) });

function normal(
  name: string,
  draw: (data: Float32Array, seed: number | undefined, mean: number, stddev: number) => void,
) {
  return (options?: NormalOptions): Initializer => {
    const known = knownOptions(options, ['mean', 'stddev', 'seed'], name);
    const mean = number(known.mean ?? 0, 'mean', name);
    const stddev = number(known.stddev ?? 0.05, 'stddev', name);
    const seed = seedIn(known.seed, name);
    return made(name, (data) => draw(data, seed, mean, stddev));
  };
}

function constant(options?: { value?: number }): Initializer {
  const { value = 0 } = knownOptions(options, ['value'], 'constant');
  const all = number(value, 'value', 'constant');
  return made('constant', (data) => data.fill(all));
}

function randomUniform(options?: UniformOptions): Initializer {
  const label = 'randomUniform';
  const known = knownOptions(options, ['minval', 'maxval', 'seed'], label);
  const low = number(known.minval ?? -0.05, 'minval', label);
  const high = number(known.maxval ?? 0.05, 'maxval', label);
  const seed = seedIn(known.seed, label);
  return made(label, (data) => uniformInto(data, nextStream(seed), low, high));
}

/**
 * Keras's initialisers, made with options: `glorotUniform`, `glorotNormal` (Glorot and Bengio 2010), `heUniform`,
 * `heNormal` (He et al. 2015), `lecunUniform`, `lecunNormal` (LeCun et al. 1998), `varianceScaling`, `randomNormal`,
 * `randomUniform`, `truncatedNormal`, `zeros`, `ones`, `constant`. Normal ones by a fan are truncated at two standard
 * deviations, as in Keras. Where options are not needed the name alone will do: `kernelInitializer: 'heNormal'`.
 *
 * @example
 * const dense = new Dense({ units: 1, inputShape: [2], kernelInitializer: initializers.constant({ value: 3 }) });
 * dense.forward(Tensor.from([[1, 2]])).toArray(); // [[9]]
 */
export const initializers = Object.freeze({
  glorotUniform: scaled('glorotUniform', { mode: 'fanAvg', distribution: 'uniform' }),
  glorotNormal: scaled('glorotNormal', { mode: 'fanAvg' }),
  heUniform: scaled('heUniform', { scale: 2, distribution: 'uniform' }),
  heNormal: scaled('heNormal', { scale: 2 }),
  lecunUniform: scaled('lecunUniform', { distribution: 'uniform' }),
  lecunNormal: scaled('lecunNormal', {}),
  varianceScaling,
  randomNormal: normal('randomNormal', (data, seed, mean, stddev) => {
    normalInto(data, nextStream(seed), mean, stddev);
  }),
  truncatedNormal: normal('truncatedNormal', truncatedNormalInto),
  randomUniform,
  zeros: (): Initializer => constant(),
  ones: (): Initializer => constant({ value: 1 }),
  constant,
});

export type InitializerName = keyof typeof initializers;

const isInitializer = (value: unknown): value is Initializer =>
  typeof value === 'object' && value !== null && 'apply' in value && typeof value.apply === 'function';

/** The initialiser that an option means: a name, or an object that makes tensors. */
export function parseInitializer(
  value: unknown,
  standard: InitializerName,
  name: string,
  operation: string,
): Initializer {
  if (value === undefined || value === null) return initializers[standard]();
  if (isInitializer(value)) return value;
  if (typeof value !== 'string') {
    throw wrongType(operation, `${name} must be a name or an initializer, not ${show(value)}`);
  }
  const names = Object.keys(initializers) as InitializerName[];
  for (const known of names) if (known === value) return initializers[known]();
  throw wrongValue(
    operation,
    `Unknown initializer. Received: ${name}=${show(value)}`,
    suggestion(value, names),
  );
}

/** A weight as it begins. @throws ShapeError where someone's own initialiser gives another shape. */
export function initialized(
  initializer: Initializer,
  shape: readonly number[],
  name: string,
  operation: string,
): Tensor {
  const tensor: unknown = initializer.apply(shape);
  if (!(tensor instanceof Tensor)) {
    throw wrongType(operation, `the initializer of ${name} must give a Tensor, not ${show(tensor)}`);
  }
  if (sameShape(tensor.shape, shape)) return tensor;
  throw wrongShape(
    operation,
    `the initializer of ${name} gave shape ${showShape(tensor.shape)}, but ${showShape(shape)} was asked for`,
  );
}
