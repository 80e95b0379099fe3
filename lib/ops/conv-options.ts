// The options of a convolution: what users write, and what it means with every default filled in.

import type { Activation, PaddingMode, Triple } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { type ActivationName, parseActivation, sameActivation } from './activation.js';
import { type Algorithm, checkAlgorithm, checkWinograd } from './algorithm.js';
import { knownOptions, oneOf, type PerDimension, perDimension, toTriple, wholeNumber } from './options.js';

/**
 * - a number: so many positions on both sides of every dimension
 * - a list: one entry per dimension, a number or a pair `[begin, end]`
 * - `'same'`: as many as make the output size `ceil(input / stride)`, the odd one at the end (TensorFlow, ONNX's SAME_UPPER)
 * - `'same-lower'`: the odd one at the beginning (ONNX's SAME_LOWER)
 * - `'valid'`: none
 */
export type Padding =
  | number
  | readonly (number | readonly [number, number])[]
  | 'same'
  | 'same-lower'
  | 'valid';

/**
 * Padding of a 1-D convolution; also `'causal'`: dilation * (kernelSize - 1) positions, all at the beginning, so that no
 * output depends on a later input (van den Oord et al. 2016, WaveNet).
 */
export type Padding1d = Padding | 'causal';

export interface ConvOptions<P = Padding> {
  /** Steps between neighbouring windows; 1. */
  stride?: PerDimension;
  /** Positions added around the input; 0. */
  padding?: P;
  /** Steps between neighbouring taps of a window; 1. */
  dilation?: PerDimension;
  /** Input and output channels fall into so many groups that do not see each other; 1. As many as input channels: depthwise. */
  groups?: number;
  /** What the added positions hold; 'zeros'. */
  paddingMode?: PaddingMode;
  /** Applied to the result on its way to memory; 'none'. */
  activation?: ActivationName | null;
  /** For activation 'leakyRelu': the slope left of zero; 0.01. */
  negativeSlope?: number;
  /** How to compute: 'auto' (the default) by the layer and the size of one image and nothing else, 'direct' or 'winograd'. */
  algorithm?: Algorithm;
}

/** Explicit padding, or the rule that finds it from the input's size. */
export type PaddingRule =
  | { readonly rule: 'explicit'; readonly begin: Triple; readonly end: Triple }
  | { readonly rule: 'same' | 'same-lower' | 'causal' };

/** The options of a convolution of `rank` spatial dimensions, checked and complete. Never changed once made. */
export interface ConvSettings {
  readonly rank: number;
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly padding: PaddingRule;
  readonly groups: number;
  readonly paddingMode: PaddingMode;
  readonly activation: Activation;
  readonly algorithm: Algorithm;
  /** Whether it is the transpose of such a convolution. */
  readonly transposed: boolean;
  /** Positions that a transposed convolution adds at the end of its output. */
  readonly outputPadding: Triple;
}

/** The names of the options, for the sentence about an unknown one. */
export const CONV_OPTION_NAMES = [
  'stride',
  'padding',
  'dilation',
  'groups',
  'paddingMode',
  'activation',
  'negativeSlope',
  'algorithm',
] as const satisfies readonly (keyof ConvOptions)[];

const PADDING_MODES: readonly PaddingMode[] = ['zeros', 'reflect', 'replicate', 'circular'];

const STRIDE = { name: 'stride', least: 1, law: 'non-positive stride is not supported', unit: 1 };
const DILATION = { name: 'dilation', least: 1, law: 'dilation should be greater than zero', unit: 1 };
const NEGATIVE_PADDING = 'negative padding is not supported';

/** Checks options given to `operation`, and fills in the defaults. */
export function parseConvOptions(
  options: ConvOptions<Padding1d> | null | undefined,
  rank: number,
  operation: string,
): ConvSettings {
  const {
    stride = 1,
    padding = 0,
    dilation = 1,
    groups = 1,
    paddingMode = 'zeros',
    activation,
    negativeSlope,
    algorithm = 'auto',
  } = knownOptions(options, CONV_OPTION_NAMES, operation);
  return {
    rank,
    stride: perDimension(stride, rank, STRIDE, operation),
    dilation: perDimension(dilation, rank, DILATION, operation),
    padding: parsePadding(padding, rank, operation),
    groups: wholeNumber(groups, 1, 'groups', 'groups must be a positive integer', operation),
    paddingMode: oneOf(paddingMode, PADDING_MODES, 'paddingMode', operation),
    activation: parseActivation(activation, negativeSlope, operation),
    algorithm: checkAlgorithm(algorithm, operation),
    transposed: false,
    outputPadding: [0, 0, 0],
  };
}

const NO_PADDING: PaddingRule = { rule: 'explicit', begin: [0, 0, 0], end: [0, 0, 0] };

function parsePadding(padding: unknown, rank: number, operation: string): PaddingRule {
  if (padding === 'same' || padding === 'same-lower') return { rule: padding };
  if (padding === 'valid' || padding === 0) return NO_PADDING;
  if (padding === 'causal' && rank === 1) return { rule: 'causal' };
  if (typeof padding === 'string') {
    const known = `'same', 'same-lower', 'valid'${rank === 1 ? ", 'causal'" : ''}`;
    throw wrongValue(operation, `Invalid padding string ${show(padding)}, should be one of {${known}}`);
  }
  const amount = (value: unknown) => wholeNumber(value, 0, 'padding', NEGATIVE_PADDING, operation);
  if (typeof padding === 'number') {
    const both = toTriple(new Array<number>(rank).fill(amount(padding)), 0);
    return { rule: 'explicit', begin: both, end: both };
  }
  if (!Array.isArray(padding)) {
    throw wrongType(
      operation,
      `padding must be a number, a list of one number or [begin, end] pair per dimension, or a string, not ${show(padding)}`,
    );
  }
  if (padding.length !== rank) {
    throw wrongValue(
      operation,
      `expected padding to be a single number or a list of ${rank} numbers or [begin, end] pairs, but got padding=${show(padding)}`,
    );
  }
  const pairs = Array.from(padding, (entry: unknown): [number, number] => {
    if (!Array.isArray(entry)) return [amount(entry), amount(entry)];
    if (entry.length !== 2) {
      throw wrongValue(operation, `a padding pair is [begin, end], but got padding=${show(padding)}`);
    }
    return [amount(entry[0]), amount(entry[1])];
  });
  return {
    rule: 'explicit',
    begin: toTriple(
      pairs.map(([begin]) => begin),
      0,
    ),
    end: toTriple(
      pairs.map(([, end]) => end),
      0,
    ),
  };
}

const NONE: Triple = [0, 0, 0];

/** That the algorithm asked for serves a layer of this kernel. @throws RangeError */
export function checkServed(settings: ConvSettings, kernelSize: Triple, operation: string): void {
  const { padding } = settings;
  // A rule adds nothing along a dimension of one tap and stride 1
  const [padBegin, padEnd] = padding.rule === 'explicit' ? [padding.begin, padding.end] : [NONE, NONE];
  checkWinograd(settings.algorithm, { ...settings, kernelSize, padBegin, padEnd }, operation);
}

const sameTriple = (a: Triple, b: Triple) => a[0] === b[0] && a[1] === b[1] && a[2] === b[2];

/** Whether two settings ask for the same convolution. */
export function sameSettings(a: ConvSettings, b: ConvSettings): boolean {
  if (a === b) return true;
  return (
    a.rank === b.rank &&
    a.groups === b.groups &&
    a.paddingMode === b.paddingMode &&
    a.algorithm === b.algorithm &&
    a.transposed === b.transposed &&
    sameTriple(a.outputPadding, b.outputPadding) &&
    sameActivation(a.activation, b.activation) &&
    sameTriple(a.stride, b.stride) &&
    sameTriple(a.dilation, b.dilation) &&
    a.padding.rule === b.padding.rule &&
    (a.padding.rule !== 'explicit' ||
      b.padding.rule !== 'explicit' ||
      (sameTriple(a.padding.begin, b.padding.begin) && sameTriple(a.padding.end, b.padding.end)))
  );
}
