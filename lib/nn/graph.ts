// The graph convolution layer; the work is ops.graphConv's.

import type { EdgeList } from '../ops/adjacency.js';
import { type GraphConvOptions, prepareGraphConv } from '../ops/graph.js';
import { flag, knownOptions } from '../ops/options.js';
import { type ForwardOptions, runInBackground, runNow } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { checkedCount, uniform } from './weighted-layer.js';

export interface GraphConvLayerOptions {
  /** Whether a learned number is added to each output feature; true. */
  bias?: boolean;
}

/**
 * Graph convolution (Kipf and Welling 2017): x [nodes, inFeatures] and an edge list [2, E] give [nodes, outFeatures], as
 * `ops.graphConv` computes it. Weight and bias begin uniform in ±1 / sqrt(inFeatures). The normalised adjacency is kept for
 * the edge list's next use.
 *
 * @throws TypeError | RangeError where a size or option is not one.
 * @example
 * const layer = new nn.GraphConv(16, 4);
 * // A path of three nodes, each edge both ways
 * const edges = [[0, 1, 1, 2], [1, 0, 2, 1]];
 * layer.forward(Tensor.randn([3, 16]), edges).shape; // [3, 4]
 */
export class GraphConv extends Module {
  /** [outFeatures, inFeatures] */
  weight: Tensor;
  /** [outFeatures], or null */
  bias: Tensor | null;
  readonly inFeatures: number;
  readonly outFeatures: number;

  constructor(inFeatures: number, outFeatures: number, options?: GraphConvLayerOptions) {
    super();
    const { bias = true } = knownOptions(options, ['bias'], 'GraphConv');
    this.inFeatures = checkedCount(inFeatures, 'inFeatures', 'GraphConv');
    this.outFeatures = checkedCount(outFeatures, 'outFeatures', 'GraphConv');
    const bound = 1 / Math.sqrt(this.inFeatures);
    this.weight = uniform([this.outFeatures, this.inFeatures], bound, 'GraphConv');
    this.bias = flag(bias, 'bias', 'GraphConv') ? uniform([this.outFeatures], bound, 'GraphConv') : null;
  }

  /**
   * Computes the output now.
   *
   * @throws TypeError | RangeError where an edge is no pair of nodes; ShapeError where shapes disagree.
   */
  override forward(x: Tensor, edges: EdgeList, options?: GraphConvOptions): Tensor {
    return runNow(prepareGraphConv(x, edges, this.weight, this.bias, options, 'now'));
  }

  /** The same while the event loop goes on; edges and weights are taken as they are at the call. */
  override async forwardAsync(
    x: Tensor,
    edges: EdgeList,
    options?: ForwardOptions & GraphConvOptions,
  ): Promise<Tensor> {
    const names = ['signal', 'edgeWeight', 'numNodes'];
    const { signal, ...rest } = knownOptions(options, names, 'graphConv');
    const prepare = () => prepareGraphConv(x, edges, this.weight, this.bias, rest, 'background');
    return runInBackground(prepare, { signal }, 'graphConv');
  }

  protected override extraRepr(): string {
    return [this.inFeatures, this.outFeatures, ...(this.bias === null ? ['bias=false'] : [])].join(', ');
  }
}
