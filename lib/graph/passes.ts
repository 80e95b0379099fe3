// What compile() does to a graph. Each pass is named, takes a graph and gives another that computes the same; only
// foldBatchNorm computes it to other bits.

import type { Activation, ConvGeometry } from '../../binding.js';
import { exactAffine, originOf, roundedAffine } from '../ops/exact-affine.js';
import { concatInPlace } from './concat-in-place.js';
import { fuse } from './fuse.js';
import { type Graph, outputOf, TracedConv, TracedFilter, View } from './graph.js';
import { scaleInput } from './scale-input.js';
import { activationOf, affineOf, convOf, convStep, same } from './steps.js';

const settled = (geometry: ConvGeometry, activation: Activation): TracedConv =>
  new TracedConv({ ...geometry, activation });

/** A convolution whose result is added to something else: it starts from there, when it is done with its taps. */
const fuseResidual = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const conv = convOf(first);
    if (conv === null || conv.residual !== null || conv.conv.geometry.activation.kind !== 'none') return null;
    const [kind, a, b] = second.args;
    if (second.operation !== 'binary' || kind !== 'add') return null;
    const other = same(a, conv.y) ? b : a;
    if (!(other instanceof View) || same(other, conv.y)) return null;
    return convStep({ ...conv, y: outputOf(second), residual: other }, first.path);
  });

/** A convolution, or a normalisation by running statistics, and the activation of its result. */
const fuseActivation = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const activation = activationOf(second);
    if (activation === null) return null;
    const affine = affineOf(first);
    if (affine !== null && affine.activation.kind === 'none') {
      const { x, scale, shift, residual } = affine;
      const args = [activation, x, scale, shift, residual, outputOf(second)];
      return { operation: 'affine', args, path: first.path };
    }
    const conv = convOf(first);
    if (conv === null || conv.conv.geometry.activation.kind !== 'none') return null;
    const active = settled(conv.conv.geometry, activation);
    return convStep({ ...conv, conv: active, y: outputOf(second) }, first.path);
  });

/** A convolution and the batch normalisation of its result by running statistics: one with other weights. */
export const foldBatchNorm = (graph: Graph): Graph =>
  fuse(graph, (first, second) => {
    const conv = convOf(first);
    const affine = affineOf(second);
    if (conv === null || conv.residual !== null || conv.conv.geometry.activation.kind !== 'none') return null;
    if (affine === null || !same(affine.x, conv.y) || affine.scale.block.source === null) return null;
    const exact = exactAffine(affine.scale.block.source);
    if (exact === undefined || exact.scale.length !== conv.conv.geometry.outChannels) return null;
    const { weight, bias } = conv.filter;
    return convStep(
      {
        ...conv,
        conv: settled(conv.conv.geometry, affine.activation),
        filter: new TracedFilter(conv.filter.conv, weight, bias, exact),
        y: affine.y,
        residual: affine.residual,
      },
      first.path,
    );
  });

/** Computes the scales and shifts of those normalisations that stay: most are folded, and theirs nobody needs. */
function fillAffine(graph: Graph): Graph {
  for (const step of graph.steps) {
    const affine = affineOf(step);
    const source = affine?.scale.block.source ?? null;
    const origin = source === null ? undefined : originOf(source);
    if (affine === null || origin === undefined) continue;
    const { scale, shift } = roundedAffine(origin);
    affine.scale.block.initial = scale;
    affine.shift.block.initial = shift;
  }
  return graph;
}

/** All passes in their order. */
export function passes(graph: Graph, folding: boolean): Graph {
  const folded = fillAffine(folding ? foldBatchNorm(graph) : graph);
  return concatInPlace(scaleInput(fuseActivation(fuseResidual(folded))));
}
