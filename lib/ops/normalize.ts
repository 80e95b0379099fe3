// What batch, instance and group normalisation share: one call of the backend that takes statistics and applies them, or
// one that applies given ones, and the gradient of both. It knows geometries and checked arrays, not options.

import type { Activation, NormGeometry } from '../../binding.js';
import { active } from '../backend/index.js';
import { standIn } from '../backend/substitute.js';
import type { Coefficients } from '../numerics/normalization.js';
import {
  gradientMemory,
  gradientTensor,
  overwritable,
  ownsMemory,
  record,
  recording,
  save,
} from '../tensor/autograd.js';
import { allocateOutput } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { prepareActivation } from './activate.js';
import { NO_ACTIVATION } from './activation.js';
import { rememberExact, roundedAffine } from './exact-affine.js';
import { inLayout, layoutOf, type Mode, rowMajor } from './inputs.js';
import { finished, inOrder, type Prepared, type Step } from './run.js';
import { traced, tracing } from './trace.js';

/** What shares statistics, see `NormGeometry`; without the options of one call. */
export type NormExtent = Pick<NormGeometry, 'batch' | 'positions' | 'channels' | 'groups'>;

/** A mean and a variance for each group of each image. */
export interface Statistics {
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

export interface Normalization {
  readonly x: Tensor;
  readonly channelAxis: number;
  readonly extent: NormExtent;
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  /** Added before the activation, in x's shape. */
  readonly residual: Tensor | null;
  readonly epsilon: number;
  readonly activation: Activation;
  /** Constants to normalise by; null for x's own. */
  readonly given: Statistics | null;
  /** Learns of x's own statistics once they are there. */
  readonly tell: ((statistics: Statistics) => void) | null;
  readonly mode: Mode;
  readonly operation: string;
}

/** Activations that clamp: their gradient needs nothing but what normalisation keeps anyway. */
type Clamp = NormGeometry['activation'];
const isClamp = (kind: Activation['kind']): kind is Clamp =>
  kind === 'none' || kind === 'relu' || kind === 'relu6';

/** Everything but the computing of a normalisation whose shapes fit. */
export function prepareNormalization(call: Normalization): Prepared {
  const { x, channelAxis, weight, bias, residual, activation, given, operation } = call;
  const inputs = residual === null ? [x] : [x, residual];
  // In two dimensions channels lie last anyway
  const layout = x.shape.length === channelAxis + 1 ? ROW_MAJOR : channelAxis;
  // The statistics are taken for constants: an output sees its own position
  if (tracing()) return traced({ kind: 'pointwise', operation, inputs }, x.shape, layout);

  const recorded = recording([x, weight, bias, residual]);
  const { kind } = activation;
  if (!isClamp(kind) && (given === null || recorded)) {
    const before = prepareNormalization({ ...call, activation: NO_ACTIVATION });
    const after = prepareActivation(before.output, activation, 'now', kind);
    return inOrder(after.output, [before, after]);
  }
  const y = allocateOutput(x.shape, operation);
  const output = wrap(y, layout, x.shape);
  const statistics = given ?? statisticsFor(call.extent);
  if (recorded && isClamp(kind)) recordNormalization(call, kind, layout, statistics, output);
  ownsMemory(output);
  if (y.length === 0) return finished(output);
  return inOrder(output, stepsOf(call, layout, statistics, y));
}

const statisticsFor = ({ batch, groups }: NormExtent): Statistics => ({
  mean: new Float32Array(batch * groups),
  variance: new Float32Array(batch * groups),
});

const geometryOf = ({ extent, epsilon, given }: Normalization, activation: Clamp): NormGeometry => ({
  ...extent,
  epsilon,
  activation,
  statistics: given === null ? 'own' : 'given',
});

function stepsOf(call: Normalization, layout: number, statistics: Statistics, y: Float32Array): Step[] {
  const { mode, operation, activation, given, tell } = call;
  const binding = active();
  const optional = (tensor: Tensor | null) => (tensor === null ? null : rowMajor(tensor, mode, operation));
  const x = inLayout(call.x, layout, mode, operation);
  const residual = call.residual === null ? null : inLayout(call.residual, layout, mode, operation);
  const [weight, bias] = [optional(call.weight), optional(call.bias)];
  const { mean, variance } = statistics;
  if (given !== null) {
    const origin = { norm: geometryOf(call, 'none'), weight, bias, mean, variance };
    // While a network is compiled they wait until it is known which of them are not folded into weights
    const { scale, shift } = standIn() === null ? roundedAffine(origin) : unfilled(call.extent);
    rememberExact(scale, origin);
    const apply: Step = {
      run: () => binding.affine(activation, x, scale, shift, residual, y),
      submit: () => binding.submit('affine', activation, x, scale, shift, residual, y),
    };
    return [apply];
  }
  const norm = geometryOf(call, isClamp(activation.kind) ? activation.kind : 'none');
  const compute: Step = {
    run: () => binding.normalize(norm, x, weight, bias, residual, y, mean, variance),
    submit: () => binding.submit('normalize', norm, x, weight, bias, residual, y, mean, variance),
  };
  return tell === null ? [compute] : [compute, followUp(() => tell(statistics))];
}

function unfilled({ batch, channels }: NormExtent): Coefficients {
  return { scale: new Float32Array(batch * channels), shift: new Float32Array(batch * channels) };
}

/** Work of no time, done in its turn. */
function followUp(act: () => void): Step {
  return {
    run: act,
    submit() {
      act();
      return { finished: Promise.resolve('done'), cancel: () => {} };
    },
  };
}

/** Keeps what the gradient reads: x, the statistics, and the result only where a residual makes it more than a function of x. */
function recordNormalization(
  call: Normalization,
  activation: Clamp,
  layout: number,
  { mean, variance }: Statistics,
  output: Tensor,
): void {
  const { x, weight, bias, residual, operation } = call;
  const norm = geometryOf(call, activation);
  const clamps = activation !== 'none';
  const [savedX, savedWeight] = [save(x), weight === null ? null : save(weight)];
  const savedBias = bias === null || !clamps || residual !== null ? null : save(bias);
  const savedOutput = clamps && residual !== null ? save(output) : null;
  record(output, operation, [x, weight, bias, residual], (upstream, needs) => {
    const [needsX, needsWeight, needsBias, needsResidual] = needs;
    const shape = x.shape;
    const channels = [norm.channels];
    const above = inLayout(upstream, layout, 'now', operation);
    // Where nobody else reads upstream, the gradient goes over it: the least memory to move
    const passesOn = needsResidual && !clamps;
    const over = needsX && !passesOn && overwritable(upstream) && layoutOf(upstream) === layout;
    const own = needsX && !over ? gradientMemory(shape) : null;
    const gradWeight = needsWeight ? gradientMemory(channels) : null;
    const gradBias = needsBias ? gradientMemory(channels) : null;
    const gradResidual = needsResidual && clamps ? gradientMemory(shape) : null;
    const parameter = (saved: (() => Tensor) | null) =>
      saved === null ? null : rowMajor(saved(), 'now', operation);
    active().normalizeGradient(
      norm,
      inLayout(savedX(), layout, 'now', operation),
      parameter(savedWeight),
      parameter(savedBias),
      mean,
      variance,
      savedOutput === null ? null : inLayout(savedOutput(), layout, 'now', operation),
      above,
      over ? above : own,
      gradWeight,
      gradBias,
      gradResidual,
    );
    const tensor = (data: Float32Array | null, axis: number, size: readonly number[]) =>
      data === null ? null : gradientTensor(data, axis, size);
    return [
      over ? upstream : tensor(own, layout, shape),
      tensor(gradWeight, ROW_MAJOR, channels),
      tensor(gradBias, ROW_MAJOR, channels),
      passesOn ? upstream : tensor(gradResidual, layout, shape),
    ];
  });
}
