// Which part of the input a unit of a network sees.

import { messageOf, show, wrongType, wrongValue } from '../errors.js';
import { Module } from '../nn/module.js';
import { knownOptions, suggestion, wholeNumber } from '../ops/options.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Field } from './field.js';
import { checkNet, type Recording, record } from './record.js';
import { traceFields } from './trace-fields.js';

export interface ReceptiveFieldOptions {
  /** The shape of the network's input, its batch included; without it a square image that the first convolution takes. */
  inputShape?: readonly number[];
  /** The module whose output is asked about, itself or by its path ('features.3'); the network. Its last call counts. */
  layer?: string | Module;
}

/** What the units of a layer's output see of the network's input; lists have one entry per spatial dimension. */
export interface ReceptiveField {
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  /** Positions of the input, padding included, that one unit sees. */
  readonly size: readonly number[];
  /** Positions of the input between the centres of neighbouring units: the product of the strides. */
  readonly jump: readonly number[];
  /** The centre of the first unit; input position i covers [i, i + 1), so that of the input itself is 0.5. */
  readonly start: readonly number[];
  /** Where the numbers need a grain of salt: branches that do not align, windows of several sizes. */
  readonly notes: readonly string[];
  /**
   * The box of input positions, `[begin, end)` per dimension, that the unit at `position` sees. Padding is left out; null where
   * it sees nothing else. After flattening every unit sees the same box, and `position` is not needed.
   */
  unit(position?: readonly number[]): [begin: number, end: number][] | null;
}

/** Square sizes tried where no input shape is given; the least first, for exactness does not depend on it. */
const SIZES_TRIED = [32, 64, 128, 224, 256, 299, 512];

/**
 * The receptive field of a network's output, or of a layer within: size, jump and start per spatial dimension (Araujo, Norris and
 * Sim 2019, Computing Receptive Fields of Convolutional Neural Networks, Distill):
 *
 *     size  += (kernelSize_effective - 1) * jump
 *     start += ((kernelSize_effective - 1) / 2 - padding) * jump
 *     jump  *= stride
 *
 * Where branches meet it is the least box around all of them. Nothing is computed: only shapes run through the network.
 *
 * @throws TypeError | RangeError where the layer is not found, or is not known to depend on the input's positions.
 * @throws ShapeError where the network does not take the input shape.
 * @example
 * const net = new nn.Sequential(new nn.Conv2d(1, 8, 3), new nn.Conv2d(8, 8, 3, { stride: 2 }), new nn.Conv2d(8, 8, 3));
 * const field = analysis.receptiveField(net, { inputShape: [1, 1, 32, 32] });
 * field.size; // [9, 9]
 * field.jump; // [2, 2]
 * field.unit([0, 1]); // [[0, 9], [2, 11]]
 */
export function receptiveField(net: Module, options?: ReceptiveFieldOptions): ReceptiveField {
  const operation = 'receptiveField';
  const { inputShape, layer } = knownOptions(options, ['inputShape', 'layer'], operation);
  checkNet(net, operation);
  const recording = inputShape === undefined ? guessed(net, operation) : record(net, inputShape, operation);
  const output = outputOf(recording, net, layer, operation);
  const { rank, of, notes } = traceFields(recording);
  const field = of(output);
  if (rank === 0 || field === null) {
    throw wrongValue(
      operation,
      'the output is not known to depend on positions of the input',
      'a receptive field needs convolutions or pooling, called through convkit operations',
    );
  }
  const { axes } = field;
  return {
    inputShape: recording.input.shape,
    outputShape: output.shape,
    size: axes.map(({ size }) => size),
    jump: axes.map(({ jump }) => jump),
    start: axes.map(({ start }) => start),
    notes,
    unit: (position) => boxOf(field, position),
  };
}

function boxOf(field: Field, position: readonly number[] | undefined): [number, number][] | null {
  const operation = 'receptiveField.unit';
  const { axes, joined } = field;
  if (!joined && (!Array.isArray(position) || position.length !== axes.length)) {
    throw wrongType(operation, `position must be a list of ${axes.length} numbers, not ${show(position)}`);
  }
  const box = axes.map((axis, place): [number, number] => {
    const law = 'position must not be negative';
    const unit = joined ? 0 : wholeNumber(position?.[place], 0, 'position', law, operation);
    if (unit >= axis.first.length) {
      throw wrongValue(
        operation,
        `there are ${axis.first.length} units along dimension ${place}, but got position ${show(position)}`,
      );
    }
    return [axis.first[unit], axis.last[unit] + 1];
  });
  return box.some(([begin, end]) => begin >= end) ? null : box;
}

/** The output of the layer's last call. */
function outputOf(
  { calls }: Recording,
  net: Module,
  layer: string | Module | undefined,
  operation: string,
): Tensor {
  if (layer !== undefined && typeof layer !== 'string' && !(layer instanceof Module)) {
    throw wrongType(operation, `layer must be a Module or its path, not ${show(layer)}`);
  }
  const call = calls.findLast(({ path, module }) =>
    typeof layer === 'string' ? path === layer : module === (layer ?? net),
  );
  if (call?.output) return call.output;
  const paths = net.namedModules().map(([path]) => path);
  const wanted =
    typeof layer === 'string' ? `there is no layer '${layer}'` : 'the layer is not in the network';
  const found = typeof layer === 'string' ? paths.includes(layer) : call !== undefined;
  throw wrongValue(
    operation,
    found ? `layer ${show(layer)} gave no Tensor in this run` : wanted,
    typeof layer === 'string' && !found ? suggestion(layer, paths.filter(Boolean)) : undefined,
  );
}

/** A run with the smallest square image that gets through. */
function guessed(net: Module, operation: string): Recording {
  const first = net
    .namedModules()
    .map(([, module]) => module)
    .find((module) => 'kernelSize' in module && 'inChannels' in module);
  if (first === undefined || !('kernelSize' in first) || !('inChannels' in first)) {
    throw wrongType(operation, 'no input shape can be guessed: there is no convolution', 'give inputShape');
  }
  const { kernelSize, inChannels } = first;
  const rank = Array.isArray(kernelSize) ? kernelSize.length : 2;
  let failure: unknown;
  for (const size of SIZES_TRIED) {
    try {
      return record(net, [1, Number(inChannels), ...new Array<number>(rank).fill(size)], operation);
    } catch (error) {
      failure = error;
    }
  }
  const reason = messageOf(failure);
  throw wrongValue(
    operation,
    `no square input up to ${SIZES_TRIED.at(-1)} gets through the network (${reason})`,
    'give inputShape',
  );
}
