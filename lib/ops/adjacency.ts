// The normalised adjacency of a graph as a sparse matrix in compressed rows, from an edge list; kept for its next use.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { showShape } from '../tensor/shape.js';
import { logicalArray, Tensor } from '../tensor/tensor.js';
import { type SparseMatrix, transposed } from './sparse-matrix.js';

/**
 * Edges [2, E] from node edges[0][e] to node edges[1][e]: two lists of E numbers, one typed array or list of 2 E numbers
 * (first all beginnings, then all ends), or a Tensor of whole numbers. An undirected edge is listed both ways.
 */
export type EdgeList =
  | Tensor
  | Int32Array
  | BigInt64Array
  | readonly number[]
  | readonly (readonly number[] | Int32Array | BigInt64Array)[];

/** [E] numbers, one an edge. */
export type EdgeWeights = Tensor | Float32Array | readonly number[];

/** A graph whose edge list was checked. */
export interface Graph {
  readonly nodes: number;
  /** First all beginnings, then all ends. */
  readonly ends: Int32Array;
  /** One an edge; null: all 1. */
  readonly weights: Float32Array | null;
  /** D: the sum of the weights of the edges that arrive at each node, and of its loop. */
  readonly degrees: Float64Array;
  /** D^(-1/2) (A + I) D^(-1/2), row j holding the edges that arrive at j in the order of the list, then j's own loop. */
  readonly matrix: SparseMatrix;
}

/** By edge list; an entry serves as long as the numbers in it are what they were. */
const graphs = new WeakMap<object, Graph>();

const same = (a: ArrayLike<number>, b: ArrayLike<number>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** The graph of an edge list, with its normalised adjacency. */
export function graphOf(
  edges: EdgeList,
  edgeWeight: EdgeWeights | null,
  nodes: number,
  operation: string,
): Graph {
  const ends = endsOf(edges, nodes, operation);
  const weights = edgeWeight === null ? null : weightsOf(edgeWeight, ends.length / 2, operation);
  const known = graphs.get(edges);
  if (known !== undefined && known.nodes === nodes && same(known.ends, ends)) {
    const { weights: kept } = known;
    if (kept === weights || (kept !== null && weights !== null && same(kept, weights))) return known;
  }
  const graph = { nodes, ends, weights, ...normalised(ends, weights, nodes, operation) };
  graphs.set(edges, graph);
  return graph;
}

/** A copy of the edges as beginnings, then ends; every one a node. */
function endsOf(edges: unknown, nodes: number, operation: string): Int32Array {
  const flat = flattened(edges, operation);
  if (flat.length % 2 !== 0) {
    throw wrongShape(operation, `edges must be [2, E], but got ${flat.length} numbers`);
  }
  const ends = new Int32Array(flat.length);
  const count = flat.length / 2;
  for (let i = 0; i < flat.length; i++) {
    const node: unknown = flat[i];
    if (typeof node !== 'number' && typeof node !== 'bigint') {
      throw wrongType(operation, `edges must be numbers of nodes, not ${show(node)}, at edge ${i % count}`);
    }
    const index = Number(node);
    if (!Number.isInteger(index) || index < 0 || index >= nodes) {
      throw wrongValue(
        operation,
        `edges must name nodes by whole numbers from 0 to ${nodes - 1}, but got ${show(node)} at edge ${i % count}`,
      );
    }
    ends[i] = index;
  }
  return ends;
}

function flattened(edges: unknown, operation: string): ArrayLike<unknown> {
  if (edges instanceof Tensor) {
    if (edges.shape.length !== 2 || edges.shape[0] !== 2) {
      throw wrongShape(operation, `edges must be [2, E], but got edges of size: ${showShape(edges.shape)}`);
    }
    return logicalArray(edges, operation);
  }
  if (edges instanceof Int32Array || edges instanceof BigInt64Array) return edges;
  if (!Array.isArray(edges)) {
    throw wrongType(
      operation,
      `edges must be two lists of nodes, an Int32Array or a Tensor, not ${show(edges)}`,
    );
  }
  const isList = (value: unknown): value is ArrayLike<unknown> =>
    Array.isArray(value) || value instanceof Int32Array || value instanceof BigInt64Array;
  if (!edges.some(isList)) return edges;
  const [begins, ends, ...more]: unknown[] = edges;
  if (!isList(begins) || !isList(ends) || more.length > 0 || begins.length !== ends.length) {
    throw wrongShape(operation, `edges must be [2, E]: two lists as long as each other, not ${show(edges)}`);
  }
  if (begins instanceof Int32Array && ends instanceof Int32Array) {
    const flat = new Int32Array(2 * begins.length);
    flat.set(begins);
    flat.set(ends, begins.length);
    return flat;
  }
  return Array.from(begins).concat(Array.from(ends));
}

/** A copy of the weights. */
function weightsOf(edgeWeight: unknown, count: number, operation: string): Float32Array {
  const isTensor = edgeWeight instanceof Tensor;
  if (!isTensor && !(edgeWeight instanceof Float32Array) && !Array.isArray(edgeWeight)) {
    throw wrongType(operation, `edgeWeight must be a Tensor, an array or null, not ${show(edgeWeight)}`);
  }
  const given: ArrayLike<unknown> = isTensor ? logicalArray(edgeWeight, operation) : edgeWeight;
  if (given.length !== count || (isTensor && edgeWeight.shape.length !== 1)) {
    const size = isTensor ? showShape(edgeWeight.shape) : `[${given.length}]`;
    throw wrongShape(operation, `edgeWeight must be [${count}], one number an edge, but got ${size}`);
  }
  const weights = new Float32Array(count);
  for (let e = 0; e < count; e++) {
    const weight = given[e];
    if (typeof weight !== 'number') {
      throw wrongType(operation, `edgeWeight must be numbers, not ${show(weight)}, at edge ${e}`);
    }
    weights[e] = weight;
  }
  return weights;
}

function normalised(
  ends: Int32Array,
  weights: Float32Array | null,
  nodes: number,
  operation: string,
): Pick<Graph, 'degrees' | 'matrix'> {
  const count = ends.length / 2;
  const weightOf = (e: number): number => (weights === null ? 1 : weights[e]);

  // Row sums in float64, in the order of the list, the loop last; and the entries of each row
  const sums = new Float64Array(nodes);
  const starts = new Int32Array(nodes + 1);
  for (let e = 0; e < count; e++) {
    sums[ends[count + e]] += weightOf(e);
    starts[ends[count + e] + 1]++;
  }
  for (let node = 0; node < nodes; node++) {
    sums[node] += 1;
    if (!(sums[node] > 0) || sums[node] === Infinity) {
      throw wrongValue(
        operation,
        `the weights of the edges that arrive at node ${node}, and of its loop, must sum to a positive number, but sum to ${sums[node]}`,
      );
    }
    starts[node + 1] += starts[node] + 1;
  }

  // Square root and division are exactly rounded on every machine
  const columns = new Int32Array(count + nodes);
  const values = new Float32Array(count + nodes);
  const next = starts.slice(0, nodes);
  const put = (from: number, to: number, weight: number): void => {
    columns[next[to]] = from;
    values[next[to]++] = weight / Math.sqrt(sums[from] * sums[to]);
  };
  for (let e = 0; e < count; e++) put(ends[e], ends[count + e], weightOf(e));
  for (let node = 0; node < nodes; node++) put(node, node, 1);
  return { degrees: sums, matrix: { starts, columns, values } };
}

const biased = new WeakMap<SparseMatrix, SparseMatrix>();

/** The same with one more column, which every row takes last and once. */
export function withBias(matrix: SparseMatrix): SparseMatrix {
  const known = biased.get(matrix);
  if (known !== undefined) return known;
  const { starts, columns, values } = matrix;
  const rows = starts.length - 1;
  const wider = {
    starts: starts.map((start, row) => start + row),
    columns: new Int32Array(columns.length + rows),
    values: new Float32Array(values.length + rows),
  };
  for (let row = 0; row < rows; row++) {
    const at = wider.starts[row];
    const end = wider.starts[row + 1] - 1;
    wider.columns.set(columns.subarray(starts[row], starts[row + 1]), at);
    wider.values.set(values.subarray(starts[row], starts[row + 1]), at);
    wider.columns[end] = rows;
    wider.values[end] = 1;
  }
  biased.set(matrix, wider);
  return wider;
}

const turned = new WeakMap<SparseMatrix, SparseMatrix>();

/** The transpose, kept: row i holds the edges that begin at i, in the order of the nodes they arrive at. */
export function transposedAdjacency(matrix: SparseMatrix): SparseMatrix {
  const known = turned.get(matrix) ?? transposed(matrix, matrix.starts.length - 1);
  turned.set(matrix, known);
  return known;
}
