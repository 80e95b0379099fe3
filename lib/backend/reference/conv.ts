// The reference convolution: geometry in, checked plan out, and filters in the order the tiles read them. A transposed one
// gathers like any other; only its table of taps and the order of its weight differ.
import type { Conv, ConvGeometry, FilterRoom, PackedFilter, Triple } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { activationOf } from './activation.js';
import { checkCount, checkFloats, checkTriple, countElements, oneOf } from './checks.js';
import { axisOf, faultOf, NO_TAP, tapSources, transposedFaultOf, transposedTapSources } from './padding.js';
import { smallestExponent } from './rounding.js';
import { TILE_POSITIONS } from './tile.js';
import { transformFilter } from './winograd.js';

const AXES = ['depth', 'height', 'width'] as const;
const LAYOUTS = ['channelsLast', 'channelsFirst'] as const;
const MODES = ['zeros', 'reflect', 'replicate', 'circular'] as const;

/** @internal A checked geometry, and what follows from it. */
export class ReferenceConv {
  readonly inputLength: number;
  /** Elements from one image to the next. */
  readonly outputLength: number;
  readonly inputStride: number;
  readonly outputStride: number;
  readonly positions: number;
  readonly taps: number;
  readonly groupInputs: number;
  readonly groupOutputs: number;
  readonly sources: readonly Int32Array[];
  readonly hasPadding: boolean;
  /** One input channel and one output channel a group. */
  readonly isDepthwise: boolean;
  readonly activate: ((value: number) => number) | null;

  constructor(readonly geometry: ConvGeometry) {
    const { inChannels, outChannels, groups, inputSize, outputSize, kernelSize } = geometry;
    this.positions = product(outputSize);
    this.inputLength = countElements('createConv', 'one input image', [inChannels, ...inputSize, 1]);
    this.inputStride = geometry.inputStride ?? inChannels;
    this.outputStride = geometry.outputStride ?? outChannels;
    this.outputLength = countElements('createConv', 'one output image', [this.outputStride, ...outputSize]);
    this.taps = product(kernelSize);
    this.groupInputs = inChannels / groups;
    this.groupOutputs = outChannels / groups;
    this.isDepthwise = groups > 1 && this.groupInputs === 1 && this.groupOutputs === 1;
    countElements('createConv', 'the weight', [outChannels, this.groupInputs, this.taps]);
    countElements('createConv', 'the table of taps', [TILE_POSITIONS, this.taps]);
    this.sources = AXES.map((_, index) => {
      const axis = axisOf(geometry, index);
      return geometry.transposed ? transposedTapSources(axis) : tapSources(axis, geometry.paddingMode);
    });
    this.hasPadding = this.sources.some((table) => table.includes(NO_TAP));
    this.activate = activationOf('createConv', geometry.activation);
  }
}

/** @internal weights [pair][tap][channel of the group][2]: output channels in pairs within their group, an odd one with zeros. */
export class ReferenceFilter {
  released = false;

  constructor(
    readonly shape: string,
    readonly weights: Float32Array,
    readonly bias: Float32Array,
    /** The smallest exponent among the weights of each pair. */
    readonly exponents: Uint8Array,
  ) {}
}

export function releaseFilter(filter: PackedFilter): void {
  if (!(filter instanceof ReferenceFilter))
    throw wrongType(
      'releaseFilter',
      `filter must come from the reference backend's packFilter, got ${show(filter)}`,
    );
  filter.released = true;
}

const product = (sizes: Triple): number => sizes[0] * sizes[1] * sizes[2];

export function createConv(geometry: ConvGeometry): Conv {
  const operation = 'createConv';
  if (typeof geometry !== 'object' || geometry === null)
    throw wrongType(operation, `geometry must be an object, got ${show(geometry)}`);
  const { inChannels, outChannels, groups } = geometry;
  checkCount(operation, 'inChannels', inChannels, 1);
  checkCount(operation, 'outChannels', outChannels, 1);
  checkCount(operation, 'groups', groups, 1);
  if (inChannels % groups !== 0 || outChannels % groups !== 0)
    throw wrongValue(
      operation,
      `${inChannels} and ${outChannels} channels must be divisible by groups ${groups}`,
    );
  checkTriple(operation, 'inputSize', geometry.inputSize, 0);
  checkTriple(operation, 'padBegin', geometry.padBegin, 0);
  checkTriple(operation, 'padEnd', geometry.padEnd, 0);
  for (const name of ['kernelSize', 'stride', 'dilation', 'outputSize'] as const)
    checkTriple(operation, name, geometry[name], 1);
  oneOf(operation, 'paddingMode', geometry.paddingMode, MODES);
  for (const name of ['inputLayout', 'outputLayout'] as const)
    oneOf(operation, name, geometry[name], LAYOUTS);
  checkAlgorithm(operation, geometry);
  checkStrides(operation, geometry);
  if (typeof geometry.transposed !== 'boolean')
    throw wrongType(operation, `transposed must be true or false, got ${show(geometry.transposed)}`);
  if (geometry.transposed && geometry.paddingMode !== 'zeros')
    throw wrongValue(operation, 'Only "zeros" padding mode is supported for a transposed convolution');
  AXES.forEach((name, index) => {
    const axis = axisOf(geometry, index);
    const fault = geometry.transposed ? transposedFaultOf(axis) : faultOf(axis, geometry.paddingMode);
    if (fault !== null) throw wrongValue(operation, `along ${name}, ${fault}`);
  });
  const conv: object = new ReferenceConv(geometry);
  return conv as Conv;
}

/** Whether a convolution is a product of matrices and nothing else. */
export function isPlainPointwise({
  kernelSize,
  stride,
  padBegin,
  padEnd,
  groups,
  transposed,
  inputLayout,
  outputLayout,
}: ConvGeometry): boolean {
  const plain = [...kernelSize, ...stride].every((size) => size === 1);
  const unpadded = [...padBegin, ...padEnd].every((size) => size === 0);
  const channelsLast = inputLayout === 'channelsLast' && outputLayout === 'channelsLast';
  return plain && unpadded && channelsLast && groups === 1 && !transposed;
}

function checkStrides(operation: string, geometry: ConvGeometry): void {
  const { inChannels, outChannels, inputStride, outputStride, inputActivation = 'none' } = geometry;
  if (inputStride !== undefined) checkCount(operation, 'inputStride', inputStride, inChannels);
  if (outputStride !== undefined) checkCount(operation, 'outputStride', outputStride, outChannels);
  oneOf(operation, 'inputActivation', inputActivation, ['none', 'relu', 'relu6']);
  if (outputStride !== undefined && geometry.outputLayout !== 'channelsLast')
    throw wrongValue(operation, 'outputStride is for channels-last output');
  const special = (inputStride ?? inChannels) > inChannels || inputActivation !== 'none';
  if (special && !isPlainPointwise(geometry))
    throw wrongValue(
      operation,
      'inputStride and inputActivation are for 1x1 convolutions of stride 1, channels-last',
    );
}

function checkAlgorithm(operation: string, geometry: ConvGeometry): void {
  const { algorithm, kernelSize, stride, groups } = geometry;
  oneOf(operation, 'algorithm', algorithm, ['direct', 'winograd2', 'winograd4']);
  if (algorithm === 'direct') return;
  const unpadded = geometry.padBegin[0] === 0 && geometry.padEnd[0] === 0;
  const fits = kernelSize.join() === '1,3,3' && stride.join() === '1,1,1' && groups === 1;
  if (!fits || !unpadded)
    throw wrongValue(operation, 'Winograd takes 3x3 kernels of stride 1 without groups');
}

/** Nothing: arrays of this backend each have memory of their own. */
class ReferenceRoom {
  readonly memory = null;
}

export function createFilterRoom(convs: readonly Conv[]): FilterRoom {
  if (!Array.isArray(convs))
    throw wrongType('createFilterRoom', `convs must be an array, got ${show(convs)}`);
  for (const conv of convs) planOf('createFilterRoom', conv);
  const room: object = new ReferenceRoom();
  return room as FilterRoom;
}

export function packFilter(
  conv: Conv,
  weight: Float32Array,
  bias: Float32Array | null,
  room: FilterRoom | null = null,
): PackedFilter {
  const plan = planOf('packFilter', conv);
  if (room !== null && !(room instanceof ReferenceRoom))
    throw wrongType(
      'packFilter',
      `room must come from the reference backend's createFilterRoom, got ${show(room)}`,
    );
  const { geometry, taps, groupInputs, groupOutputs } = plan;
  const { outChannels, groups } = geometry;
  checkFloats('packFilter', 'weight', weight, outChannels * groupInputs * taps);
  if (bias !== null) checkFloats('packFilter', 'bias', bias, outChannels);

  if (geometry.algorithm !== 'direct') return packWinograd(geometry, weight, bias);
  if (plan.isDepthwise) return packDepthwise(geometry, weight, bias);
  const pairs = Math.ceil(groupOutputs / 2);
  const weights = new Float32Array(groups * pairs * taps * groupInputs * 2);
  const biases = new Float32Array(groups * pairs * 2);
  for (let n = 0; n < outChannels; n++) {
    const group = Math.floor(n / groupOutputs);
    const within = n - group * groupOutputs;
    const pair = group * pairs + (within >> 1);
    const lane = within & 1;
    if (bias !== null) biases[2 * pair + lane] = bias[n] + 0; // -0 + 0 is +0
    for (let c = 0; c < groupInputs; c++) {
      const from = geometry.transposed
        ? (group * groupInputs + c) * groupOutputs + within
        : n * groupInputs + c;
      for (let t = 0; t < taps; t++)
        weights[((pair * taps + t) * groupInputs + c) * 2 + lane] = weight[from * taps + t];
    }
  }
  const filter: object = new ReferenceFilter(
    filterShape(geometry),
    weights,
    biases,
    exponentsOf(weights, 1, groups * pairs),
  );
  return filter as PackedFilter;
}

/** weights [pair of channels][tap][2]: the groups are single channels, and pair up across groups. */
function packDepthwise(
  geometry: ConvGeometry,
  weight: Float32Array,
  bias: Float32Array | null,
): PackedFilter {
  const { outChannels } = geometry;
  const taps = product(geometry.kernelSize);
  const pairs = Math.ceil(outChannels / 2);
  const weights = new Float32Array(pairs * taps * 2);
  const biases = new Float32Array(pairs * 2);
  for (let n = 0; n < outChannels; n++) {
    if (bias !== null) biases[n] = bias[n] + 0;
    for (let t = 0; t < taps; t++) weights[((n >> 1) * taps + t) * 2 + (n & 1)] = weight[n * taps + t];
  }
  const exponents = exponentsOf(weights, 1, pairs);
  const filter: object = new ReferenceFilter(filterShape(geometry), weights, biases, exponents);
  return filter as PackedFilter;
}

/** The smallest exponent of each pair's weights among [sets][pairs][any number]. */
function exponentsOf(weights: Float32Array, sets: number, pairs: number): Uint8Array {
  const exponents = new Uint8Array(pairs).fill(255);
  const size = weights.length / sets / pairs;
  for (let set = 0; set < sets; set++)
    for (let pair = 0; pair < pairs; pair++) {
      const begin = (set * pairs + pair) * size;
      exponents[pair] = Math.min(exponents[pair], smallestExponent(weights, begin, begin + size));
    }
  return exponents;
}

/** weights [element][pair][channel][2], the rest as in a direct filter. A transposed one's kernels are turned over. */
function packWinograd(geometry: ConvGeometry, weight: Float32Array, bias: Float32Array | null): PackedFilter {
  const { inChannels, outChannels, algorithm, transposed } = geometry;
  const tile = algorithm === 'winograd4' ? 4 : 2;
  const pairs = Math.ceil(outChannels / 2);
  const set = pairs * inChannels * 2;
  const weights = new Float32Array((tile + 2) * (tile + 2) * set);
  const biases = new Float32Array(pairs * 2);
  for (let n = 0; n < outChannels; n++) {
    if (bias !== null) biases[n] = bias[n] + 0;
    for (let c = 0; c < inChannels; c++) {
      const to = ((n >> 1) * inChannels + c) * 2 + (n & 1);
      if (transposed) transformFilter(tile, weight, (c * outChannels + n) * 9 + 8, -1, weights, to, set);
      else transformFilter(tile, weight, (n * inChannels + c) * 9, 1, weights, to, set);
    }
  }
  const exponents = exponentsOf(weights, (tile + 2) * (tile + 2), pairs);
  const filter: object = new ReferenceFilter(filterShape(geometry), weights, biases, exponents);
  return filter as PackedFilter;
}

/** What a filter's layout depends on: everything of a geometry but the image. */
export function filterShape({
  inChannels,
  outChannels,
  groups,
  kernelSize,
  transposed,
  algorithm,
}: ConvGeometry): string {
  return `${transposed ? 'transposed, ' : ''}${algorithm}, ${outChannels} from ${inChannels} channels in ${groups} groups, kernel ${kernelSize.join('x')}`;
}

export function planOf(operation: string, conv: Conv): ReferenceConv {
  if (!(conv instanceof ReferenceConv))
    throw wrongType(operation, `conv must come from the reference backend's createConv, got ${show(conv)}`);
  return conv;
}
