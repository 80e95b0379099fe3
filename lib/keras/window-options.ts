// The options that Keras's convolutions and poolings share, and what they mean to convkit's operations.

import type { Triple } from '../../binding.js';
import { show, wrongType, wrongValue } from '../errors.js';
import type { ConvSettings } from '../ops/conv-options.js';
import { parseConvOptions } from '../ops/conv-options.js';
import { flag, knownOptions, oneOf, type PerDimension, perDimension, wholeNumber } from '../ops/options.js';
import { engineActivation, type KerasActivation } from './activation.js';
import { type DataFormat, parseDataFormat } from './data-format.js';
import type { Initializer, InitializerName } from './initializers.js';
import { LAYER_OPTION_NAMES, type LayerOptions } from './layer.js';

/** 'valid' adds nothing; 'same' makes the output size ceil(input / strides), the odd position added at the end. */
export type KerasPadding = 'valid' | 'same';

export interface WindowOptions extends LayerOptions {
  /** 'valid'. */
  padding?: KerasPadding;
  /** Where inputs and outputs have their channels; 'channelsLast'. */
  dataFormat?: DataFormat;
}

export interface FilterOptions extends WindowOptions {
  /** Positions a window covers. */
  kernelSize: PerDimension;
  /** Steps between neighbouring windows; 1. */
  strides?: PerDimension;
  /** Steps between neighbouring taps of a window; 1. Not together with strides. */
  dilationRate?: PerDimension;
  /** Applied to the result; 'linear' (the default) is none. */
  activation?: KerasActivation | null;
  /** Whether a learned number is added to each output channel; true. */
  useBias?: boolean;
  /** 'zeros'. */
  biasInitializer?: Initializer | InitializerName;
}

export const FILTER_OPTION_NAMES = [
  ...LAYER_OPTION_NAMES,
  'padding',
  'dataFormat',
  'kernelSize',
  'strides',
  'dilationRate',
  'activation',
  'useBias',
  'biasInitializer',
] as const satisfies readonly (keyof FilterOptions)[];

export const positive = (name: string): string =>
  `Invalid value for argument ${name}. Expected a strictly positive value`;

const limits = (name: string) => ({ name, least: 1, law: positive(name), unit: 1 });

/** The sizes of a layer's own dimensions. */
export const own = (triple: Triple, rank: number): readonly number[] => Object.freeze(triple.slice(3 - rank));

export const windowSize = (value: unknown, name: string, rank: number, label: string): Triple =>
  perDimension(value, rank, limits(name), label);

export function required<T extends object>(
  options: Partial<T>,
  names: readonly (keyof T & string)[],
  label: string,
): T {
  for (const name of names) {
    if (options[name] === undefined) throw wrongType(label, `${name} is missing`);
  }
  return options as T;
}

export const checkedFilters = (value: unknown, label: string): number =>
  wholeNumber(value, 1, 'filters', positive('filters'), label);

/** The shared options, checked; `settings` is the convolution that they mean, its groups left at one. */
export function parseFilterOptions<T extends FilterOptions>(
  options: T,
  names: readonly string[],
  rank: number,
  label: string,
  paddings: readonly string[] = ['valid', 'same'],
) {
  const given = required<T>(knownOptions(options, names, label), ['kernelSize'], label);
  const kernel = windowSize(given.kernelSize, 'kernelSize', rank, label);
  const stride = windowSize(given.strides ?? 1, 'strides', rank, label);
  const dilation = windowSize(given.dilationRate ?? 1, 'dilationRate', rank, label);
  if (stride.some((step) => step > 1) && dilation.some((step) => step > 1)) {
    throw wrongValue(
      label,
      `strides > 1 not supported in conjunction with dilationRate > 1. ` +
        `Received: strides=${show(given.strides)} and dilationRate=${show(given.dilationRate)}`,
    );
  }
  const padding = oneOf(given.padding ?? 'valid', paddings, 'padding', label);
  const settings = parseConvOptions(
    {
      stride: own(stride, rank),
      dilation: own(dilation, rank),
      padding: padding === 'same' || padding === 'causal' ? padding : 'valid',
      ...engineActivation(given.activation, label),
    },
    rank,
    label,
  );
  return {
    given,
    rank,
    kernelSize: own(kernel, rank),
    padding,
    settings,
    format: parseDataFormat(given.dataFormat, label),
    useBias: flag(given.useBias ?? true, 'useBias', label),
  };
}

/** As `String(layer)` shows them. */
export function describeFilter(
  kernelSize: readonly number[],
  settings: ConvSettings,
  padding: string,
): string[] {
  const shown = [`kernelSize=[${kernelSize.join(', ')}]`];
  const { rank } = settings;
  if (settings.stride.some((step) => step > 1))
    shown.push(`strides=[${own(settings.stride, rank).join(', ')}]`);
  if (padding !== 'valid') shown.push(`padding='${padding}'`);
  if (settings.dilation.some((step) => step > 1))
    shown.push(`dilationRate=[${own(settings.dilation, rank).join(', ')}]`);
  if (settings.groups > 1) shown.push(`groups=${settings.groups}`);
  if (settings.activation.kind !== 'none') shown.push(`activation='${settings.activation.kind}'`);
  if (settings.algorithm !== 'auto') shown.push(`algorithm='${settings.algorithm}'`);
  return shown;
}
