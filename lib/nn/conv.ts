// Convolution layers: sizes, options and initial weights; the work is ops.conv2d's.

import { wrongValue } from '../errors.js';
import { nextStream, uniformInto } from '../numerics/philox.js';
import { prepareConv } from '../ops/conv.js';
import {
  CONV_OPTION_NAMES,
  type ConvOptions,
  type ConvSettings,
  parseConvOptions,
} from '../ops/conv-options.js';
import type { Mode } from '../ops/inputs.js';
import { flag, knownOptions, type PerDimension, perDimension, wholeNumber } from '../ops/options.js';
import type { Prepared } from '../ops/run.js';
import { allocate } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { Layer } from './layer.js';

export interface Conv2dOptions extends ConvOptions {
  /** Whether a learned number is added to each output channel; true. */
  bias?: boolean;
}

const KERNEL = { name: 'kernelSize', least: 1, law: 'kernel size should be greater than zero', unit: 1 };

/**
 * 2-D convolution: x [N, inChannels, H, W] or [inChannels, H, W] to [N, outChannels, H', W'], as {@link conv2d} computes it.
 *
 * Weight and bias begin uniform in ±1 / sqrt(inChannels / groups * kernelHeight * kernelWidth), PyTorch's default (Kaiming,
 * He et al. 2015, with a = sqrt(5)), from `manualSeed`'s sequence.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const conv = new nn.Conv2d(3, 64, 7, { stride: 2, padding: 3, bias: false });
 * conv.forward(Tensor.randn([1, 3, 32, 32])).shape; // [1, 64, 16, 16]
 */
export class Conv2d extends Layer {
  /** [outChannels, inChannels / groups, kernelHeight, kernelWidth] */
  weight: Tensor;
  /** [outChannels], or null */
  bias: Tensor | null;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly #settings: ConvSettings;

  constructor(inChannels: number, outChannels: number, kernelSize: PerDimension, options?: Conv2dOptions) {
    super();
    const { bias = true, ...rest } = knownOptions(options, [...CONV_OPTION_NAMES, 'bias'], 'Conv2d');
    this.#settings = parseConvOptions(rest, 2, 'Conv2d');
    const { groups } = this.#settings;
    this.inChannels = channels(inChannels, 'inChannels');
    this.outChannels = channels(outChannels, 'outChannels');
    if (this.inChannels % groups !== 0) throw indivisible('in_channels', this.inChannels, groups);
    if (this.outChannels % groups !== 0) throw indivisible('out_channels', this.outChannels, groups);
    const kernel = perDimension(kernelSize, 2, KERNEL, 'Conv2d');
    this.kernelSize = Object.freeze([kernel[1], kernel[2]]);

    const perGroup = this.inChannels / groups;
    const bound = 1 / Math.sqrt(perGroup * kernel[1] * kernel[2]);
    this.weight = uniform([this.outChannels, perGroup, kernel[1], kernel[2]], bound);
    this.bias = flag(bias, 'bias', 'Conv2d') ? uniform([this.outChannels], bound) : null;
  }

  protected get operation(): string {
    return 'conv2d';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareConv(x, this.weight, this.bias, this.#settings, mode, 'conv2d');
  }

  protected override extraRepr(): string {
    return [
      this.inChannels,
      this.outChannels,
      `kernelSize=[${this.kernelSize.join(', ')}]`,
      ...describe(this.#settings),
      ...(this.bias === null ? ['bias=false'] : []),
    ].join(', ');
  }
}

const channels = (value: unknown, name: string): number =>
  wholeNumber(value, 1, name, `${name} must be a positive integer`, 'Conv2d');

const indivisible = (name: string, count: number, groups: number): RangeError =>
  wrongValue('Conv2d', `${name} must be divisible by groups, but got ${count} and groups=${groups}`);

function uniform(shape: number[], bound: number): Tensor {
  const data = allocate(shape, 'Conv2d');
  uniformInto(data, nextStream(), -bound, bound);
  return wrap(data, ROW_MAJOR, shape);
}

/** The settings that differ from their defaults, stride always, as PyTorch prints them. */
function describe(settings: ConvSettings): string[] {
  const first = 3 - settings.rank;
  const list = (triple: readonly number[]) => `[${triple.slice(first).join(', ')}]`;
  const some = (triple: readonly number[], value: number) => triple.slice(first).some((n) => n !== value);
  const parts = [`stride=${list(settings.stride)}`];
  const { padding, activation } = settings;
  if (padding.rule !== 'explicit') parts.push(`padding='${padding.rule}'`);
  else if (list(padding.begin) !== list(padding.end)) {
    const pairs = [0, 1, 2].map((axis) => `[${padding.begin[axis]}, ${padding.end[axis]}]`).slice(first);
    parts.push(`padding=[${pairs.join(', ')}]`);
  } else if (some(padding.begin, 0)) parts.push(`padding=${list(padding.begin)}`);
  if (some(settings.dilation, 1)) parts.push(`dilation=${list(settings.dilation)}`);
  if (settings.groups !== 1) parts.push(`groups=${settings.groups}`);
  if (settings.paddingMode !== 'zeros') parts.push(`paddingMode='${settings.paddingMode}'`);
  if (activation.kind !== 'none') parts.push(`activation='${activation.kind}'`);
  if (activation.kind === 'leakyRelu')
    parts.push(`negativeSlope=${Number(activation.negativeSlope.toPrecision(6))}`);
  if (settings.algorithm !== 'auto') parts.push(`algorithm='${settings.algorithm}'`);
  return parts;
}
