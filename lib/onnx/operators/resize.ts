// Images of another size: Upsample, and Resize with its many ways of laying one grid over another.

import { prepareUpsample, type UpsampleSettings } from '../../ops/upsample.js';
import type { Tensor } from '../../tensor/tensor.js';
import { axesIn } from '../axes.js';
import { type Builder, type Built, type Inputs, layer, type Node, numbersAt, tensorAt } from '../node.js';
import { remapped } from './moves.js';

const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'asymmetric', 'align_corners'] as const;
const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
type Coordinates = (typeof COORDINATES)[number];

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

/** Where output i lies among the inputs. */
function coordinate(how: Coordinates, i: number, input: number, output: number, scale: number): number {
  if (how === 'asymmetric') return i / scale;
  if (how === 'align_corners') return output === 1 ? 0 : (i * (input - 1)) / (output - 1);
  if (how === 'pytorch_half_pixel' && output === 1) return 0;
  return (i + 0.5) / scale - 0.5;
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
    const [input, output] = [x.shape[axis], target.sizes[axis]];
    if (input === output && target.scales[axis] === 1) continue;
    const from = (_: unknown, i: number): number =>
      Math.min(Math.max(round(coordinate(how, i, input, output, target.scales[axis])), 0), input - 1);
    sources.set(axis, Int32Array.from({ length: output }, from));
  }
  return remapped(x, sources, 'Resize');
}

type UpsampleKey = 'linear' | 'cubic';

/** The same settings give the same tables: they are kept by target. */
function interpolating(
  node: Node,
  kind: UpsampleKey,
  how: Coordinates,
): (x: Tensor, target: Target) => UpsampleSettings {
  const known = new Map<string, UpsampleSettings>();
  return (x, { sizes, scales, byScale }) => {
    const rank = sizes.length - 2;
    if (kind === 'cubic' && rank !== 2)
      node.fail(`has mode cubic for ${rank} spatial dimensions; convkit does 2`);
    const half = how === 'half_pixel' || how === 'pytorch_half_pixel';
    if (how === 'pytorch_half_pixel' && sizes.some((size, i) => i > 1 && size === 1 && x.shape[i] > 1)) {
      node.fail('makes images one pixel wide with pytorch_half_pixel, which convkit does for nearest only');
    }
    const mode = kind === 'cubic' ? 'bicubic' : (['linear', 'bilinear', 'trilinear'] as const)[rank - 1];
    const key = `${x.shape.slice(2).join()}:${sizes.join()}:${scales.join()}`;
    const found = known.get(key) ?? {
      size: byScale && half ? null : sizes.slice(2),
      scaleFactor: byScale && half ? scales.slice(2) : null,
      mode,
      alignCorners: how === 'align_corners',
      asymmetric: how === 'asymmetric',
    };
    if (known.size < 16) known.set(key, found);
    return found;
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
  if (mode === 'cubic') {
    if (Math.abs(node.float('cubic_coeff_a', -0.75) + 0.75) > 1e-6)
      node.fail('has a cubic_coeff_a other than -0.75');
    if (how === 'asymmetric')
      node.fail('has mode cubic with asymmetric coordinates; convkit does half_pixel and align_corners');
  }
  node.only('exclude_outside', 0);
  const settingsFor = interpolating(node, mode === 'cubic' ? 'cubic' : 'linear', how);
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
  node.only('antialias', 0);
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
