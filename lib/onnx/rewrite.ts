// Groups of nodes that are one operation by another name, as exporters write them: silu, hardswish, gelu, softplus, and a
// linear layer's bias. Everything else stays as the file has it.

import type { Host } from './host.js';
import { isHardSigmoid } from './operators/activation.js';
import type { Attribute, NodeProto } from './proto.js';

/** The nodes with such groups joined; `outputs` are the graph's, `constants` what is known by name. */
export function rewritten(
  nodes: readonly NodeProto[],
  constants: ReadonlyMap<string, { readonly host: Host }>,
  outputs: ReadonlySet<string>,
): NodeProto[] {
  const makers = new Map<string, number>();
  const uses = new Map<string, number>();
  const current: (NodeProto | null)[] = [...nodes];
  nodes.forEach((node, at) => {
    for (const name of node.inputs) uses.set(name, (uses.get(name) ?? 0) + 1);
    if (node.outputs.length > 0) makers.set(node.outputs[0], at);
  });

  /** The node that makes a value, where it is this operator and nobody but the asker wants it. */
  const only = (name: string, operator: string): NodeProto | null => {
    const node = current[makers.get(name) ?? -1] ?? null;
    const own = node !== null && node.domain === '' && node.operator === operator;
    return own && uses.get(name) === 1 && !outputs.has(name) ? node : null;
  };
  /** A constant of one element. */
  const number = (name: string): number | null => {
    const host = constants.get(name)?.host;
    return host !== undefined && host.values.length === 1 ? host.values[0] : null;
  };
  const near = (value: number | null, wanted: number): boolean =>
    value !== null && Math.abs(value - wanted) <= 1e-4 * wanted;
  const drop = (...found: (NodeProto | null)[]): void => {
    for (const node of found) if (node !== null) current[current.indexOf(node)] = null;
  };
  const replace = (
    node: NodeProto,
    operator: string,
    inputs: readonly string[],
    opset?: Attributes,
  ): NodeProto => ({
    ...node,
    operator,
    inputs,
    attributes: opset ?? new Map(),
  });
  /** Both orders of a sum's or product's operands. */
  const eitherWay = ({ inputs: [a, b] }: NodeProto): [string, string][] =>
    a === undefined || b === undefined
      ? []
      : [
          [a, b],
          [b, a],
        ];

  /** x * sigmoid(x) and x * hardsigmoid(x). */
  function gated(node: NodeProto): NodeProto | null {
    for (const [x, gate] of eitherWay(node)) {
      const sigmoid = only(gate, 'Sigmoid');
      if (sigmoid?.inputs[0] === x) {
        drop(sigmoid);
        return replace(node, 'Swish', [x]);
      }
      const hard = only(gate, 'HardSigmoid');
      if (hard?.inputs[0] !== x) continue;
      const value = (name: string, usual: number): number => {
        const attribute = hard.attributes.get(name);
        return attribute?.kind === 'float' ? attribute.value : usual;
      };
      if (!isHardSigmoid(value('alpha', 0.2), value('beta', 0.5))) continue;
      drop(hard);
      return replace(node, 'HardSwish', [x]);
    }
    return null;
  }

  /** 1 + erf(x / sqrt(2)), and what it is of. */
  function erfOf(name: string): { x: string; made: (NodeProto | null)[] } | null {
    const sum = only(name, 'Add');
    for (const [inner, one] of sum === null ? [] : eitherWay(sum)) {
      const erf = number(one) === 1 ? only(inner, 'Erf') : null;
      if (erf === null) continue;
      const [under] = erf.inputs;
      const quotient = only(under, 'Div');
      if (quotient !== null && near(number(quotient.inputs[1]), Math.SQRT2)) {
        return { x: quotient.inputs[0], made: [sum, erf, quotient] };
      }
      const product = only(under, 'Mul');
      for (const [x, factor] of product === null ? [] : eitherWay(product)) {
        if (near(number(factor), Math.SQRT1_2)) return { x, made: [sum, erf, product] };
      }
    }
    return null;
  }

  /** x * (1 + erf(x / sqrt(2))) * 0.5, with the half anywhere. */
  function gelu(node: NodeProto): NodeProto | null {
    for (const [left, right] of eitherWay(node)) {
      // (x * e) * 0.5
      const whole = number(right) === 0.5 ? only(left, 'Mul') : null;
      for (const [x, e] of whole === null ? [] : eitherWay(whole)) {
        const found = erfOf(e);
        if (found?.x !== x) continue;
        drop(whole, ...found.made);
        return replace(node, 'Gelu', [x]);
      }
      // (x * 0.5) * e
      const found = erfOf(right);
      const half = found === null ? null : only(left, 'Mul');
      for (const [x, factor] of half === null ? [] : eitherWay(half)) {
        if (found?.x !== x || number(factor) !== 0.5) continue;
        drop(half, ...found.made);
        return replace(node, 'Gelu', [x]);
      }
      // x * (e * 0.5)
      const scaled = only(right, 'Mul');
      for (const [e, factor] of scaled === null ? [] : eitherWay(scaled)) {
        const inner = number(factor) === 0.5 ? erfOf(e) : null;
        if (inner?.x !== left) continue;
        drop(scaled, ...inner.made);
        return replace(node, 'Gelu', [left]);
      }
    }
    return null;
  }

  /** softplus, and x itself where it is large: the engine's does the same. */
  function softplus(node: NodeProto): NodeProto | null {
    const [condition, x, below] = node.inputs;
    const [above, inner] = [only(condition ?? '', 'Greater'), only(below ?? '', 'Softplus')];
    if (above?.inputs[0] !== x || inner?.inputs[0] !== x) return null;
    if (!((number(above.inputs[1] ?? '') ?? 0) >= LARGE)) return null;
    drop(above, inner);
    return replace(node, 'Softplus', [x]);
  }

  /** The logarithm of a sigmoid, and of a softmax. */
  function logarithm(node: NodeProto): NodeProto | null {
    const [of] = node.inputs;
    const [sigmoid, softmax] = [only(of ?? '', 'Sigmoid'), only(of ?? '', 'Softmax')];
    const inner = sigmoid ?? softmax;
    if (inner === null) return null;
    drop(inner);
    return replace(node, sigmoid === null ? 'LogSoftmax' : 'LogSigmoid', inner.inputs, inner.attributes);
  }

  /** x * W + b, with one b for each column of W. */
  function biased(node: NodeProto): NodeProto | null {
    for (const [product, bias] of eitherWay(node)) {
      const matrix = only(product, 'MatMul');
      const weight = matrix === null ? undefined : constants.get(matrix.inputs[1])?.host;
      const host = constants.get(bias)?.host;
      if (matrix === null || weight === undefined || host?.shape.length !== 1) continue;
      if (weight.shape.length !== 2 || host.shape[0] !== weight.shape[1]) continue;
      drop(matrix);
      return { ...matrix, inputs: [...matrix.inputs.slice(0, 2), bias], outputs: node.outputs };
    }
    return null;
  }

  const joining: ReadonlyMap<string, (node: NodeProto) => NodeProto | null> = new Map([
    ['Mul', (node: NodeProto) => gated(node) ?? gelu(node)],
    ['Add', biased],
    ['Log', logarithm],
    ['Where', softplus],
  ]);
  nodes.forEach((node, at) => {
    if (node.domain !== '' || current[at] === null) return;
    const joined = joining.get(node.operator)?.(node) ?? null;
    if (joined !== null) current[at] = joined;
  });
  return current.filter((node) => node !== null);
}

/** log(1 + e^x) is x in float32 from here on. */
const LARGE = 17;

type Attributes = ReadonlyMap<string, Attribute>;
