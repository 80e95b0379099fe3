// Images of another size: Upsample, and Resize with its many ways of laying one grid over another.

import { prepareUpsample, type UpsampleSettings } from '../../ops/upsample.js';
import type { Tensor } from '../../tensor/tensor.js';
import { axesIn } from '../axes.js';
import { type Builder, type Built, type Inputs, layer, type Node, numbersAt, tensorAt } from '../node.js';
import type { Fail } from '../wire.js';
import { remapped } from './moves.js';
import { type Coordinates, coordinate, type Kernel, tapsOf } from './resize-taps.js';

const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'tf_half_pixel_for_nn',
  'asymmetric',
  'align_corners',
] as const;
const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;

/** How large images become: sizes, or scales from which they follow. */
interface Target {
  readonly sizes: readonly number[];
  /** Outputs for each input along every dimension, as given or as follows from the sizes. */
  readonly scales: readonly number[];
  readonly byScale: boolean;
}

/** Scales are float32, and so is what they make: 10 times 2.3 is 23, as exporters and other readers of files have it. */
const scaledSize = (size: number, scale: number): number =>
  Math.floor(Math.fround(size * Math.fround(scale)));

/** Whole spatial sizes and scales; batch and channels stay. */
function targetFor(
  node: Node,
  axes: readonly number[] | undefined,
  x: Tensor,
  scales: readonly number[] | undefined,
  sizes: readonly number[] | undefined,
): Target {
  const rank = x.shape.length;
  const spread = (given: readonly number[], usual: readonly number[]): number[] => {
    if (axes === undefined) {
      return given.length === rank
        ? [...given]
        : node.fail(`has ${given.length} scales or sizes for ${rank} dimensions`);
    }
    const named = axesIn(axes, rank, node.operator);
    if (named.length !== given.length)
      node.fail(`has ${given.length} scales or sizes for ${named.length} axes`);
    return usual.map((value, axis) => (named.includes(axis) ? given[named.indexOf(axis)] : value));
  };
  const byScale = scales !== undefined && scales.length > 0;
  const factors = byScale ? spread(scales, new Array<number>(rank).fill(1)) : null;
  const wanted =
    factors === null ? spread(sizes ?? [], x.shape) : x.shape.map((size, i) => scaledSize(size, factors[i]));
  if (rank < 3 || rank > 5 || wanted[0] !== x.shape[0] || wanted[1] !== x.shape[1]) {
    node.fail(
      `makes [${wanted.join(', ')}] of [${x.shape.join(', ')}]; convkit resizes images along their spatial dimensions`,
    );
  }
  if (wanted.some((size, i) => !Number.isInteger(size) || size >= 2 ** 31 || (i > 1 && size < 1))) {
    node.fail(`makes images of size [${wanted.join(', ')}]`);
  }
  return { sizes: wanted, scales: factors ?? wanted.map((size, i) => size / x.shape[i]), byScale };
}

const rounded: Readonly<Record<(typeof ROUNDINGS)[number], (at: number) => number>> = {
  round_prefer_floor: (at) => Math.ceil(at - 0.5),
  round_prefer_ceil: (at) => Math.floor(at + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

function nearest(x: Tensor, target: Target, how: Coordinates, round: (at: number) => number): Tensor {
  const sources = new Map<number, Int32Array>();
  for (let axis = 2; axis < x.shape.length; axis++) {
    const extent = { input: x.shape[axis], output: target.sizes[axis], scale: target.scales[axis] };
    const { input, output, scale } = extent;
    if (input === output && scale === 1) continue;
    const from = (_: unknown, i: number): number =>
      Math.min(Math.max(round(coordinate(how, i, extent)), 0), input - 1);
    sources.set(axis, Int32Array.from({ length: output }, from));
  }
  return remapped(x, sources, 'Resize');
}

/** Whether `interpolate` has it: a kernel of two or, of images, four taps, along coordinates that torch knows. */
function isTorchs({ how, cubic, antialias, excludesOutside }: Kernel, x: Tensor, { sizes }: Target): boolean {
  if (antialias || excludesOutside || how === 'half_pixel_symmetric' || how === 'tf_half_pixel_for_nn')
    return false;
  if (how === 'pytorch_half_pixel' && sizes.some((size, i) => i > 1 && size === 1 && x.shape[i] > 1))
    return false;
  return cubic === null || (x.shape.length === 4 && how !== 'asymmetric' && Math.abs(cubic + 0.75) <= 1e-6);
}

/** The same settings give the same tables: they are kept by target. */
function interpolating(kernel: Kernel, fail: Fail): (x: Tensor, target: Target) => UpsampleSettings {
  const known = new Map<string, UpsampleSettings>();
  return (x, target) => {
    const { sizes, scales, byScale } = target;
    const { how, cubic } = kernel;
    const key = `${x.shape.slice(2).join()}:${sizes.join()}:${scales.join()}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const own = isTorchs(kernel, x, target);
    const scaled = own && byScale && (how === 'half_pixel' || how === 'pytorch_half_pixel');
    const extent = (i: number) => ({ input: x.shape[i], output: sizes[i], scale: scales[i] });
    const made: UpsampleSettings = {
      size: scaled ? null : sizes.slice(2),
      scaleFactor: scaled ? scales.slice(2) : null,
      mode: cubic === null ? (['linear', 'bilinear', 'trilinear'] as const)[sizes.length - 3] : 'bicubic',
      alignCorners: how === 'align_corners',
      asymmetric: how === 'asymmetric',
      ...(own ? {} : { taps: sizes.slice(2).map((_, i) => tapsOf(kernel, extent(i + 2), fail)) }),
    };
    if (known.size < 16) known.set(key, made);
    return made;
  };
}

function resizing(node: Node, how: Coordinates, targetOf: (x: Tensor, inputs: Inputs) => Target): Built {
  const mode = node.word('mode', 'nearest', ['nearest', 'linear', 'bilinear', 'trilinear', 'cubic']);
  node.described = `${mode}, ${how}`;
  if (mode === 'nearest') {
    const old = node.opset < 11;
    const round = rounded[old ? 'floor' : node.word('nearest_mode', 'round_prefer_floor', ROUNDINGS)];
    return layer((inputs) => {
      const x = tensorAt(inputs, 0);
      return nearest(x, targetOf(x, inputs), how, round);
    });
  }
  const settingsFor = interpolating(
    {
      how,
      cubic: mode === 'cubic' ? node.float('cubic_coeff_a', -0.75) : null,
      antialias: node.int('antialias', 0) !== 0,
      excludesOutside: node.int('exclude_outside', 0) !== 0,
    },
    node.fail,
  );
  return layer((inputs, when) => {
    const x = tensorAt(inputs, 0);
    const target = targetOf(x, inputs);
    return prepareUpsample(x, settingsFor(x, target), when);
  });
}

/** Resize: scales are the second input in opset 10; from 11 on a region of interest is, then scales, then sizes. */
export const resize: Builder = (node) => {
  const old = node.opset < 11;
  const how = old ? 'asymmetric' : node.word('coordinate_transformation_mode', 'half_pixel', COORDINATES);
  node.word('keep_aspect_ratio_policy', 'stretch', ['stretch']);
  const axes = node.ints('axes');
  const [scales, sizes] = old ? [1, 4] : [2, 3];
  for (const index of [scales, sizes]) {
    if (node.present(index) && !node.beside(index))
      node.fail('has scales or sizes that are computed from tensors');
  }
  return resizing(node, how, (x, inputs) =>
    targetFor(node, axes, x, numbersAt(inputs, scales), numbersAt(inputs, sizes)),
  );
};

/** Scales are an attribute before opset 9. */
export const upsample: Builder = (node) => {
  const attribute = node.floats('scales');
  if (attribute === undefined && !node.beside(1)) node.fail('has scales that are computed from tensors');
  return resizing(node, 'asymmetric', (x, inputs) =>
    targetFor(node, undefined, x, attribute ?? numbersAt(inputs, 1), undefined),
  );
};
