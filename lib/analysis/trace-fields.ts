// From the operations of a run to what each of its tensors sees of the input.

import type { ConvGeometry, PoolGeometry } from '../../binding.js';
import { axisOf, NO_TAP, tapSources, transposedTapSources } from '../backend/reference/padding.js';
import { effectiveKernel } from '../ops/conv-geometry.js';
import { type PoolSettings, paddingOf } from '../ops/pool-geometry.js';
import type { ConvStep, OtherStep, PadStep, PoolStep, TracedStep } from '../ops/trace.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';
import { type AxisField, beside, type Field, identity, join, through, union, type Window } from './field.js';
import type { Made, Recording } from './record.js';

export interface Fields {
  /** Spatial dimensions of the network; 0 where it has none. */
  readonly rank: number;
  /** What the units of a tensor see; null where it is not known to come from the input. */
  of(tensor: Tensor): Field | null;
  /** What the numbers leave out. */
  readonly notes: readonly string[];
}

/** Follows the input through a recording. */
export function traceFields({ made, input }: Recording): Fields {
  const spatial = made.find(({ step }) => step.kind === 'conv' || step.kind === 'pool');
  const rank =
    spatial && 'rank' in spatial.step ? spatial.step.rank : Math.min(3, Math.max(0, input.shape.length - 2));
  const notes = new Set<string>();
  // Reshaped tensors share their storage, so fields are found by it.
  const known = new Map<unknown, Placed>();
  const placed = (tensor: Tensor): Placed | null => {
    const found = known.get(storageOf(tensor));
    if (found === undefined || found.field.joined) return found ?? null;
    const { field, trailing } = found;
    const sizes = spatialSizes(tensor, rank, trailing);
    const fits = sizes.length === rank && field.axes.every(({ first }, axis) => first.length === sizes[axis]);
    return fits ? found : { field: join(field), trailing };
  };
  if (rank > 0) {
    const trailing = hasChannelsLast(made) ? 1 : 0;
    const axes = spatialSizes(input, rank, trailing).map(identity);
    known.set(storageOf(input), { field: { axes, joined: false }, trailing });
    for (const each of made) {
      const { step, output } = each;
      const inputs = step.inputs.map(placed).filter((found) => found !== null);
      if (inputs.length === 0) continue;
      const note = (text: string) => notes.add(`${step.operation}: ${text}`);
      const below = inputs[0].trailing;
      const place = step.kind === 'relabel' ? step.trailing : below;
      if (step.kind === 'other') {
        note('what its outputs see is not followed');
        continue;
      }
      const fields = inputs.map(({ field }) => field);
      known.set(storageOf(output), {
        field: after({ step, output }, rank, fields, below, note),
        trailing: place,
      });
    }
  }
  return { rank, of: (tensor) => placed(tensor)?.field ?? null, notes: [...notes] };
}

/** A field, and how many dimensions of its tensor come after the spatial ones. */
interface Placed {
  readonly field: Field;
  readonly trailing: number;
}

const spatialSizes = ({ shape }: Tensor, rank: number, trailing: number): readonly number[] =>
  shape.slice(Math.max(0, shape.length - trailing - rank), shape.length - trailing);

/** Whether the network's images have their channels last: then they are relabelled before the first operation on windows. */
function hasChannelsLast(made: readonly Made[]): boolean {
  const first = made.find(({ step }) => ['conv', 'pool', 'relabel'].includes(step.kind));
  return first?.step.kind === 'relabel';
}

function after(
  { step, output }: { step: Exclude<TracedStep, OtherStep>; output: Tensor },
  rank: number,
  inputs: readonly Field[],
  trailing: number,
  note: (text: string) => void,
): Field {
  if (inputs.length < step.inputs.length) note('what no operation made of the input is taken for a constant');
  switch (step.kind) {
    case 'conv':
    case 'pool':
      return step.rank === rank && !inputs[0].joined ? slide(step, inputs[0], note) : join(inputs[0]);
    case 'linear':
      // With the channels last it mixes those of one position.
      return trailing > 0 ? inputs[0] : join(inputs[0]);
    case 'relabel':
      return inputs[0];
    case 'pad':
      return inputs[0].joined
        ? inputs[0]
        : throughPad(step, inputs[0], output.shape.length - rank - trailing);
    case 'pointwise':
      return union(inputs, note);
    case 'concat': {
      const axis = step.dim - (output.shape.length - rank - trailing);
      if (axis < 0 || axis >= rank || inputs.some((field) => field.joined)) return union(inputs, note);
      return beside(inputs, axis, note);
    }
  }
}

function slide(step: ConvStep | PoolStep, below: Field, note: (text: string) => void): Field {
  const axes = below.axes.map((axis, place) => {
    const at = place + 3 - step.rank;
    return step.kind === 'conv'
      ? throughConv(step.geometry, at, axis, note)
      : throughPool(step, at, axis, note);
  });
  return { axes, joined: false };
}

function throughPad({ sources, begin }: PadStep, below: Field, first: number): Field {
  const axes = below.axes.map((axis, place) => {
    const from = sources.get(first + place);
    if (from === undefined) return axis;
    const window = { reach: 1, step: 1, centre: -(begin.get(first + place) ?? 0) };
    return through(axis, window, from.length, (unit) => (from[unit] < 0 ? [] : [from[unit]]));
  });
  return { axes, joined: false };
}

function throughConv(
  geometry: ConvGeometry,
  at: number,
  below: AxisField,
  note: (text: string) => void,
): AxisField {
  const kernel = geometry.kernelSize[at];
  const count = geometry.outputSize[at];
  const sources = sourcesOf(geometry, at);
  const window = geometry.transposed
    ? windowOfTransposed(geometry, at, note)
    : windowOfConv(
        geometry.kernelSize[at],
        geometry.dilation[at],
        geometry.stride[at],
        geometry.padBegin[at],
      );
  return through(below, window, count, (unit) =>
    sources.subarray(unit * kernel, (unit + 1) * kernel).filter((source) => source !== NO_TAP),
  );
}

function throughPool(
  { settings, geometry }: PoolStep,
  at: number,
  below: AxisField,
  note: (text: string) => void,
): AxisField {
  const begin = geometry.begin[at];
  const end = geometry.end[at];
  const step = geometry.dilation[at];
  function* taps(unit: number): Generator<number> {
    for (let tap = begin[unit]; tap < end[unit]; tap += step) yield tap;
  }
  return through(below, windowOfPool(settings, geometry, at, note), begin.length, taps);
}

function windowOfPool(
  settings: PoolSettings,
  geometry: PoolGeometry,
  at: number,
  note: (text: string) => void,
): Window {
  if ('outputSize' in settings) {
    const step = geometry.inputSize[at] / geometry.outputSize[at];
    if (!Number.isInteger(step)) note('its windows differ in size by up to one; the largest counts');
    const reach = Math.max(...geometry.end[at].map((end, unit) => end - geometry.begin[at][unit]));
    return { reach, step, centre: (step - 1) / 2 };
  }
  const { kernelSize, dilation, stride } = settings;
  const { before } = paddingOf(settings, at, geometry.inputSize[at]);
  return windowOfConv(kernelSize[at], dilation[at], stride[at], before);
}

function windowOfConv(kernel: number, dilation: number, stride: number, begin: number): Window {
  const reach = effectiveKernel(kernel, dilation);
  return { reach, step: stride, centre: (reach - 1) / 2 - begin };
}

/** Tap k of unit o reads input (o + begin - k * dilation) / stride where that is whole: units of one phase see alike. */
function windowOfTransposed(geometry: ConvGeometry, at: number, note: (text: string) => void): Window {
  const kernel = geometry.kernelSize[at];
  const stride = geometry.stride[at];
  const dilation = geometry.dilation[at];
  const reaches = Array.from({ length: stride }, (_, phase) => {
    const taps = Array.from({ length: kernel }, (_unused, k) => k * dilation).filter(
      (offset) => (offset - phase) % stride === 0,
    );
    return taps.length === 0 ? 0 : (taps[taps.length - 1] - taps[0]) / stride + 1;
  });
  if (new Set(reaches).size > 1) note('its units differ in how much they see; the most counts');
  const centre = (geometry.padBegin[at] - (effectiveKernel(kernel, dilation) - 1) / 2) / stride;
  return { reach: Math.max(...reaches), step: 1 / stride, centre };
}

/** [output * kernel]: the input position under every tap of every unit, or NO_TAP. */
export function sourcesOf(geometry: ConvGeometry, at: number): Int32Array {
  const axis = axisOf(geometry, at);
  return geometry.transposed ? transposedTapSources(axis) : tapSources(axis, geometry.paddingMode);
}
