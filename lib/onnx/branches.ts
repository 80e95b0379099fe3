// If: its two branches laid out in the list of nodes, each node with the condition that it is run under, and after them the
// choice between what they make.

import { show, wrongValue } from '../errors.js';
import { type Guard, type NodeProto, parseNode, parseValueInfo } from './proto.js';
import { bytesIn, type Fail, fieldsOf } from './wire.js';

/** Branches within branches. */
const DEEPEST = 8;
/** Nodes in all branches together. */
const MOST_NODES = 1 << 14;

interface Branch {
  readonly nodes: readonly NodeProto[];
  readonly outputs: readonly string[];
}

/** The nodes with every If replaced by its branches and an If whose inputs are the condition, then what each branch makes. */
export function withBranches(nodes: readonly NodeProto[], label: string): NodeProto[] {
  let count = 0;
  const lay = (given: readonly NodeProto[], depth: number): NodeProto[] =>
    given.flatMap((node) => {
      if (node.operator !== 'If' || node.domain !== '') return [node];
      const place = node.name === '' ? (node.outputs[0] ?? '') : node.name;
      const fail: Fail = (law, cure) => {
        throw wrongValue('loadOnnx', `${label}: node ${show(place)} (If) ${law}`, cure);
      };
      if (depth === DEEPEST) fail(`is more than ${DEEPEST} branches deep`);
      const [condition = ''] = node.inputs;
      const branch = (attribute: string, is: boolean): Branch => {
        const graph = node.attributes.get(attribute);
        if (graph?.kind !== 'graph') return fail(`has no ${attribute}`);
        const found = readBranch(graph.value, fail);
        count += found.nodes.length;
        if (count > MOST_NODES) fail(`and others hold more than ${MOST_NODES} nodes in their branches`);
        if (found.outputs.length !== node.outputs.length) {
          fail(`has ${node.outputs.length} outputs, and ${found.outputs.length} in its ${attribute}`);
        }
        const guard = { name: condition, is };
        return { nodes: lay(guarded(found.nodes, node.when, guard), depth + 1), outputs: found.outputs };
      };
      const parts = [branch('then_branch', true), branch('else_branch', false)];
      const [then, other] = parts.map((part, i) => renamed(part, `${node.outputs[0]}\0${i}\0`));
      const chosen = [condition, ...then.outputs, ...other.outputs];
      return [...then.nodes, ...other.nodes, { ...node, inputs: chosen, attributes: new Map() }];
    });
  return lay(nodes, 0);
}

/** GraphProto: node 1, initializer 5, input 11, output 12, sparse_initializer 15. */
function readBranch(bytes: Uint8Array, fail: Fail): Branch {
  const nodes: NodeProto[] = [];
  const outputs: string[] = [];
  for (const field of fieldsOf(bytes, fail)) {
    if (field.number === 1) nodes.push(parseNode(bytesIn(bytes, field, fail), fail));
    else if (field.number === 12) outputs.push(parseValueInfo(bytesIn(bytes, field, fail), fail).name);
    else if (field.number === 5 || field.number === 15) {
      fail(
        'has initializers in a branch',
        'convkit reads those of the whole model, and Constant nodes in branches',
      );
    } else if (field.number === 11) fail('has a branch with inputs of its own');
    if (nodes.length > MOST_NODES) fail(`has more than ${MOST_NODES} nodes in a branch`);
  }
  return { nodes, outputs };
}

const guarded = (nodes: readonly NodeProto[], outer: readonly Guard[] = [], guard: Guard): NodeProto[] =>
  nodes.map((node) => ({ ...node, when: [...outer, guard] }));

/** Two branches may give their values the same names: those made within get one that no file has. */
function renamed({ nodes, outputs }: Branch, prefix: string): Branch {
  const made = new Set(nodes.flatMap((node) => node.outputs).filter((name) => name !== ''));
  const own = (name: string): string => (made.has(name) ? prefix + name : name);
  return {
    nodes: nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(own),
      outputs: node.outputs.map(own),
      when: node.when?.map(({ name, is }) => ({ name: own(name), is })),
    })),
    outputs: outputs.map(own),
  };
}
