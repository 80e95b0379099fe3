// The gradient of a graph convolution with respect to the weights of its edges. With y = a h, where a_e = w_e / sqrt(D_i D_j)
// mixes the features h_i of node i into y_j, and D_j sums the weights of the edges that arrive at j and of its loop, an edge's
// weight acts through its own entry and through the degree of the node it arrives at.

import { active } from '../backend/index.js';
import { gradientMemory, gradientTensor } from '../tensor/autograd.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Graph } from './adjacency.js';

/**
 * [E], of upstream and features [nodes, width]. With q_e = upstream_j . h_i (each a sum in chunks of 256), in float64 and rounded
 * once: q_e / sqrt(D_i D_j) - s_j / (2 D_j), where s_n adds q * a of the edges that begin or end at n, in the order of the list
 * (a loop's both times), and of n's own loop twice.
 */
export function edgeGradient(
  { ends, weights, degrees, nodes }: Graph,
  upstream: Float32Array,
  features: Float32Array,
  width: number,
): Tensor {
  const count = ends.length / 2;
  const [begins, arrivals] = [ends.subarray(0, count), ends.subarray(count)];
  const ofEdges = products(
    rows(upstream, arrivals, nodes, width),
    rows(features, begins, nodes, width),
    width,
  );
  const ofLoops = products(upstream, features, width);

  const through = new Float64Array(nodes);
  const entry = (e: number): number => ofEdges[e] / Math.sqrt(degrees[begins[e]] * degrees[arrivals[e]]);
  for (let e = 0; e < count; e++) {
    const share = entry(e) * (weights === null ? 1 : weights[e]);
    through[begins[e]] += share;
    through[arrivals[e]] += share;
  }
  for (let node = 0; node < nodes; node++) through[node] += (2 * ofLoops[node]) / degrees[node];

  const gradient = gradientMemory([count]);
  for (let e = 0; e < count; e++) {
    const node = arrivals[e];
    gradient[e] = entry(e) - through[node] / (2 * degrees[node]);
  }
  return gradientTensor(gradient, ROW_MAJOR, [count]);
}

const ZERO = Int32Array.of(0);

/** The rows of x [nodes, width] that a list names, copied. */
function rows(x: Float32Array, list: Int32Array, nodes: number, width: number): Float32Array {
  const y = new Float32Array(list.length * width);
  const source = [ZERO, ZERO, list.slice()] as const;
  const map = { channels: width, inputSize: [1, 1, nodes], source, value: 0 } as const;
  if (y.length > 0) active().remap(map, x, y, 1);
  return y;
}

/** The scalar products of the rows of a and b. */
function products(a: Float32Array, b: Float32Array, width: number): Float32Array {
  const product = new Float32Array(a.length);
  const sums = new Float32Array(a.length / width);
  if (sums.length > 0) {
    active().binary('mul', a, b, product);
    active().sum(product, sums, sums.length, width, 1, 1);
  }
  return sums;
}
