// Sums of products by Einstein's convention: products of matrices, two operands after another, with transpositions around them.

import { parseLinearOptions, prepareLinear } from '../../ops/linear.js';
import { permute } from '../../ops/permute-tensor.js';
import { sum } from '../../ops/reduce.js';
import { runNow } from '../../ops/run.js';
import { elementCount, showShape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { Host, HostMemory } from '../host.js';
import { permuteHost } from '../host-moves.js';
import { type Builder, type Built, layer, type Node, tensorAt } from '../node.js';
import { matrixProduct } from './product.js';

const LINEAR = parseLinearOptions({}, 'linear');

/** A tensor whose dimensions have names. */
interface Term {
  readonly tensor: Tensor;
  readonly labels: readonly string[];
}

interface Equation {
  readonly terms: readonly string[];
  readonly result: string;
}

const DOTS = '...';
/** Characters of an equation. */
const LONGEST = 200;

/** Of 'bij,bjk->bik' what is on both sides; without an arrow, labels that come once are left, in the alphabet's order. */
function equationOf(node: Node): Equation {
  const text = node.string('equation', '').replaceAll(/\s/g, '');
  const what = `has an equation '${text.slice(0, LONGEST)}'`;
  const [left, right, ...more] = text.split('->');
  const terms = left.split(',');
  const known = (term: string): boolean => /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(term);
  if (text.length > LONGEST || more.length > 0 || ![...terms, right ?? ''].every(known)) {
    node.fail(`${what} that is none, or longer than ${LONGEST} characters`);
  }
  const count = node.slots.length;
  if (terms.length !== count) node.fail(`${what} of ${terms.length} terms for ${count} inputs`);
  const all = left.replaceAll(/[^A-Za-z]/g, '');
  const once = [...all].filter((label) => all.split(label).length === 2).sort();
  const result = right ?? (left.includes(DOTS) ? DOTS : '') + once.join('');
  for (const term of [...terms, result]) {
    const letters = term.replace(DOTS, '');
    const twice = [...letters].find((label, i) => letters.indexOf(label) !== i);
    if (twice !== undefined) node.fail(`has '${twice}' twice in '${term}'; convkit takes no diagonals`);
  }
  const unknown = [...result.replace(DOTS, '')].find((label) => !all.includes(label));
  if (unknown !== undefined) node.fail(`makes a dimension '${unknown}' that no input has`);
  return { terms, result };
}

/** A name for each of `rank` dimensions: letters, and those that dots stand for counted from the last. */
function labelsOf(term: string, rank: number): string[] {
  const [before, after] = term.split(DOTS);
  const dotted = Math.max(0, rank - term.replace(DOTS, '').length);
  if (after === undefined) return [...before];
  return [...before, ...Array.from({ length: dotted }, (_, i) => `${dotted - i}`), ...after];
}

const sizesOf = ({ tensor, labels }: Term, wanted: readonly string[]): number[] =>
  wanted.map((label) => tensor.shape[labels.indexOf(label)]);

/** Dimensions in this order, which names each. */
function ordered({ tensor, labels }: Term, wanted: readonly string[]): Tensor {
  const dims = wanted.map((label) => labels.indexOf(label));
  return dims.every((dim, i) => dim === i) ? tensor : permute(tensor, { dims });
}

/** Without the dimensions that nobody asks for: their sum. */
function summed({ tensor, labels }: Term, wanted: ReadonlySet<string>): Term {
  const dim = labels.flatMap((label, i) => (wanted.has(label) ? [] : [i]));
  if (dim.length === 0) return { tensor, labels };
  return { tensor: sum(tensor, { dim }), labels: labels.filter((label) => wanted.has(label)) };
}

/** The product of two, of which the dimensions in `wanted` stay. */
function product(node: Node, a: Term, b: Term, wanted: ReadonlySet<string>): Term {
  const left = summed(a, new Set([...wanted, ...b.labels]));
  const right = summed(b, new Set([...wanted, ...a.labels]));
  const shared = left.labels.filter((label) => right.labels.includes(label));
  const batch = shared.filter((label) => wanted.has(label));
  const inner = shared.filter((label) => !wanted.has(label));
  const rows = left.labels.filter((label) => !shared.includes(label));
  const columns = right.labels.filter((label) => !shared.includes(label));
  const [depth, other] = [sizesOf(left, inner), sizesOf(right, inner)];
  if (depth.some((size, i) => size !== other[i])) {
    node.fail(`multiplies ${showShape(a.tensor.shape)} by ${showShape(b.tensor.shape)}`);
  }
  const [height, width, steps] = [sizesOf(left, rows), sizesOf(right, columns), elementCount(depth)];
  const made = matrixProduct(
    node,
    ordered(left, [...batch, ...rows, ...inner]).reshape([
      ...sizesOf(left, batch),
      elementCount(height),
      steps,
    ]),
    ordered(right, [...batch, ...inner, ...columns]).reshape([
      ...sizesOf(right, batch),
      steps,
      elementCount(width),
    ]),
  );
  return {
    tensor: made.reshape([...made.shape.slice(0, batch.length), ...height, ...width]),
    labels: [...batch, ...rows, ...columns],
  };
}

export const einsum: Builder = (node) => {
  const { terms, result } = equationOf(node);
  node.needs(terms.length);
  node.described = `${terms.join(',')}->${result}`;
  const constant = terms.findIndex((_, i) => node.constant(i) !== undefined);
  const built = terms.length === 2 && constant >= 0 ? byConstant(node, terms, result, constant) : null;
  if (built !== null) return built;
  node.tensors([...terms.keys()], 'weight');
  return layer((inputs) => {
    const given = terms.map((term, i) => named(node, tensorAt(inputs, i), term));
    const rest = given.slice(1).map((_, i) => given.slice(i + 2).flatMap(({ labels }) => labels));
    const last = lastLabels(given, result);
    const made = given.slice(1).reduce((left, right, i) => {
      return product(node, left, right, new Set([...last, ...rest[i]]));
    }, given[0]);
    return ordered(summed(made, new Set(last)), last);
  });
};

function named(node: Node, tensor: Tensor, term: string): Term {
  const labels = labelsOf(term, tensor.shape.length);
  if (labels.length === tensor.shape.length) return { tensor, labels };
  return node.fail(`names the dimensions of ${showShape(tensor.shape)} '${term}'`);
}

/** The result's, with as many dotted ones as an input has. */
function lastLabels(given: readonly Term[], result: string): string[] {
  const dotted = given.map(({ labels }) => labels.filter((label) => /\d/.test(label)).length);
  return labelsOf(result, result.replace(DOTS, '').length + Math.max(...dotted));
}

/** By a constant without batches of its own: a linear layer's weight. Null where it is another. */
function byConstant(node: Node, terms: readonly string[], result: string, index: number): Built | null {
  const [own, others] = [[...terms[index]], terms[1 - index]];
  const host = node.constant(index);
  if (host === undefined || node.constant(1 - index) !== undefined || own.includes('.')) return null;
  const inner = own.filter((label) => others.includes(label));
  const columns = own.filter((label) => !others.includes(label));
  const free =
    inner.every((label) => !result.includes(label)) && columns.every((label) => result.includes(label));
  if (!free || host.shape.length !== own.length || elementCount(host.shape) === 0) return null;
  const sizes = (labels: readonly string[]): number[] =>
    labels.map((label) => host.shape[own.indexOf(label)]);
  const [width, depth] = [sizes(columns), sizes(inner)];
  const order = [...columns, ...inner].map((label) => own.indexOf(label));
  const weight = node.weight(index, 'weight', (given) => {
    const { type, values } = permuteHost(given, order, new HostMemory(given.values.length), node.fail);
    return new Host(type, [elementCount(width), elementCount(depth)], values);
  });
  return layer((inputs) => {
    const x = named(node, tensorAt(inputs, 1 - index), others);
    const last = lastLabels([x], result);
    const left = summed(x, new Set([...last, ...inner]));
    if (sizesOf(left, inner).some((size, i) => size !== depth[i])) {
      node.fail(`multiplies ${showShape(x.tensor.shape)} by a matrix [${own.join(', ')}] of other sizes`);
    }
    const rows = left.labels.filter((label) => !inner.includes(label));
    const height = sizesOf(left, rows);
    const flat = ordered(left, [...rows, ...inner]).reshape([...height, elementCount(depth)]);
    const made = runNow(prepareLinear(flat, weight, null, LINEAR, 'now', 'linear'));
    return ordered({ tensor: made.reshape([...height, ...width]), labels: [...rows, ...columns] }, last);
  });
}
