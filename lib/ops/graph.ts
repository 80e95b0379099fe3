// Graph convolution: features of the nodes of a graph, transformed, then mixed along its edges by a sparse product.

import { active } from '../backend/index.js';
import { takeRecycled } from '../backend/recycled.js';
import { wrongShape } from '../errors.js';
import { gradientMemory, gradientTensor, record } from '../tensor/autograd.js';
import { allocateOutput, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { logicalArray, Tensor, wrap } from '../tensor/tensor.js';
import { type EdgeList, type EdgeWeights, graphOf, transposedAdjacency, withBias } from './adjacency.js';
import { checkBias } from './apply-filter.js';
import { edgeGradient } from './edge-gradient.js';
import { checkTensor, type Mode, rowMajor } from './inputs.js';
import { parseLinearOptions, prepareLinear } from './linear.js';
import { knownOptions, wholeNumber } from './options.js';
import { finished, inOrder, type Prepared, runNow } from './run.js';

export interface GraphConvOptions {
  /** [E] numbers, a Tensor or an array, one an edge; all 1. */
  edgeWeight?: EdgeWeights | null;
  /** The number of nodes, to be checked against x. */
  numNodes?: number | null;
}

const OPERATION = 'graphConv';

/**
 * Graph convolution (Kipf and Welling 2017, Semi-Supervised Classification with Graph Convolutional Networks): x [nodes, C]
 * with weight [K, C] and bias [K] or null gives D^(-1/2) (A + I) D^(-1/2) x weight^T + bias, [nodes, K].
 *
 * A[j, i] is the weight of the edge from i to j, several edges between the same nodes adding up; I adds to each node a loop
 * of weight 1, beside any that the list has; D is the diagonal of the row sums of A + I. So row j is the sum, over the edges
 * that arrive at j and then over j itself, of weight / sqrt(D_i * D_j) times the transformed features of i: one chain of
 * fused multiply-adds in the order of the edge list, then the bias. The coefficients are computed in float64 with exactly
 * rounded square roots and divisions, rounded once, and kept for the edge list's next use. Gradients flow to x, weight, bias
 * and, where it is a tensor, to `edgeWeight`, through the degrees D too.
 *
 * @throws TypeError | RangeError where an edge is no pair of nodes, or a node's weights do not sum to a positive number.
 * @throws ShapeError where shapes disagree.
 * @example
 * // One undirected edge is listed both ways
 * const edges = [[0, 1], [1, 0]];
 * const x = Tensor.from([[2], [6]]);
 * ops.graphConv(x, edges, Tensor.from([[1]])).toArray(); // [[4], [4]]
 */
export function graphConv(
  x: Tensor,
  edges: EdgeList,
  weight: Tensor,
  bias: Tensor | null = null,
  options?: GraphConvOptions,
): Tensor {
  return runNow(prepareGraphConv(x, edges, weight, bias, options, 'now'));
}

const PLAIN = parseLinearOptions({}, OPERATION);

/** Everything but the computing of a graph convolution. */
export function prepareGraphConv(
  x: Tensor,
  edges: EdgeList,
  weight: Tensor,
  bias: Tensor | null,
  options: GraphConvOptions | undefined,
  mode: Mode,
): Prepared {
  const { edgeWeight, numNodes } = knownOptions(options, ['edgeWeight', 'numNodes'], OPERATION);
  checkTensor(x, 'x', OPERATION);
  checkTensor(weight, 'weight', OPERATION);
  if (x.shape.length !== 2) {
    throw wrongShape(OPERATION, `x must be [nodes, features], but got input of size: ${showShape(x.shape)}`);
  }
  const nodes = x.shape[0];
  if (numNodes !== undefined && numNodes !== null) {
    const count = wholeNumber(numNodes, 0, 'numNodes', 'numNodes must not be negative', OPERATION);
    if (count !== nodes) {
      throw wrongShape(OPERATION, `numNodes is ${count}, but x ${showShape(x.shape)} has ${nodes} nodes`);
    }
  }
  if (weight.shape.length !== 2) {
    throw wrongShape(
      OPERATION,
      `weight must be [outFeatures, inFeatures], but got weight of size: ${showShape(weight.shape)}`,
    );
  }
  const graph = graphOf(edges, edgeWeight ?? null, nodes, OPERATION);
  const { matrix } = graph;
  const width = weight.shape[0];
  if (bias !== null) checkBias(bias, weight, width, OPERATION);

  // The bias is one more row of features, to which every node has an edge of weight 1 that comes last.
  const rows = takeRecycled((nodes + 1) * width); // an output in part only
  if (bias !== null) rows.set(logicalArray(bias, OPERATION), nodes * width);
  const features = rows.subarray(0, nodes * width);
  const transformed = prepareLinear(x, weight, null, PLAIN, mode, OPERATION, features);
  const { starts, columns, values } = bias === null ? matrix : withBias(matrix);
  const summands = bias === null ? features : rows;
  const y = allocateOutput([nodes, width], OPERATION);
  const output = wrap(y, ROW_MAJOR, [nodes, width]);
  const learned = edgeWeight instanceof Tensor ? edgeWeight : null;
  record(output, OPERATION, [transformed.output, bias, learned], (upstream, needs) => {
    const above = rowMajor(upstream, 'now', OPERATION);
    const [ofFeatures, ofBias] = [[nodes, width], [width]].map((shape, i) =>
      needs[i] ? gradientMemory(shape) : null,
    );
    if (ofFeatures !== null && nodes > 0) {
      const turned = transposedAdjacency(matrix);
      active().sparse(turned.starts, turned.columns, turned.values, above, ofFeatures, width);
    }
    if (ofBias !== null) active().sumPositions(above, ofBias, nodes);
    return [
      ofFeatures && gradientTensor(ofFeatures, ROW_MAJOR, [nodes, width]),
      ofBias && gradientTensor(ofBias, ROW_MAJOR, [width]),
      needs[2] ? edgeGradient(graph, above, features, width) : null,
    ];
  });
  if (nodes === 0) return finished(output);
  const binding = active();
  return inOrder(output, [
    transformed,
    {
      run: () => binding.sparse(starts, columns, values, summands, y, width),
      submit: () => binding.submit('sparse', starts, columns, values, summands, y, width),
    },
  ]);
}
