// What String(layer) shows of convolution settings: those that differ from their defaults, stride always, as PyTorch does.

import type { Activation } from '../../binding.js';
import type { ConvSettings } from '../ops/conv-options.js';

/** The sizes of a layer's own dimensions out of three. */
export const shownSizes = (triple: readonly number[], rank: number): string =>
  `[${triple.slice(3 - rank).join(', ')}]`;

export function describeActivation(activation: Activation): string[] {
  if (activation.kind === 'none') return [];
  const parts = [`activation='${activation.kind}'`];
  if (activation.kind === 'leakyRelu')
    parts.push(`negativeSlope=${Number(activation.negativeSlope.toPrecision(6))}`);
  return parts;
}

function describePadding(settings: ConvSettings): string[] {
  const { padding, rank } = settings;
  if (padding.rule !== 'explicit') return [`padding='${padding.rule}'`];
  const { begin, end } = padding;
  if (shownSizes(begin, rank) !== shownSizes(end, rank)) {
    const pairs = [0, 1, 2].map((axis) => `[${begin[axis]}, ${end[axis]}]`).slice(3 - rank);
    return [`padding=[${pairs.join(', ')}]`];
  }
  return begin.some((size) => size !== 0) ? [`padding=${shownSizes(begin, rank)}`] : [];
}

export function describeConv(settings: ConvSettings): string[] {
  const { rank } = settings;
  const parts = [`stride=${shownSizes(settings.stride, rank)}`, ...describePadding(settings)];
  if (settings.dilation.some((step) => step !== 1))
    parts.push(`dilation=${shownSizes(settings.dilation, rank)}`);
  if (settings.groups !== 1) parts.push(`groups=${settings.groups}`);
  if (settings.paddingMode !== 'zeros') parts.push(`paddingMode='${settings.paddingMode}'`);
  parts.push(...describeActivation(settings.activation));
  if (settings.algorithm !== 'auto') parts.push(`algorithm='${settings.algorithm}'`);
  return parts;
}
