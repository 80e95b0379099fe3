// Weights under names that are not the network's own: with what wrappers put before them, or as another library calls the same
// weights in the same order. It knows names and shapes, not values.

import { wrongShape } from '../errors.js';
import { sameShape, showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';

/** Weights by name, as PyTorch names them: `'0.weight'`. */
export type StateDict = Record<string, Tensor>;

/** A weight of the network: its name, its shape, and whether a checkpoint may be without it. */
export interface Place {
  readonly name: string;
  readonly shape: readonly number[];
  readonly optional: boolean;
}

/**
 * The same weights without what wrappers put into their names: `_orig_mod.` of torch.compile, and `module.` of DataParallel in
 * front, unless a child of the network is called so.
 */
export function unwrapped(dict: StateDict, children: readonly string[]): StateDict {
  const front = children.includes('module') ? /^$/ : /^(?:module\.)+/;
  return renamed(dict, (name) => name.replaceAll(/(?<=^|\.)_orig_mod\./g, '').replace(front, ''));
}

/** The same weights under what `rename` makes of their names; a name that is taken stays with who has it. */
export function renamed(dict: StateDict, rename: (name: string) => string): StateDict {
  const result: StateDict = Object.create(null);
  for (const [name, tensor] of Object.entries(dict)) {
    const now = rename(name);
    result[now !== name && Object.hasOwn(dict, now) ? name : now] = tensor;
  }
  return result;
}

const isTensor = (value: unknown): boolean => value instanceof Tensor;
const leafOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
const parentOf = (name: string): string => name.slice(0, name.lastIndexOf('.') + 1);

/** Whether a tensor can be a weight of this shape: it has it, or is the same rows, as 1x1 filters are a matrix's. */
const fits = (given: readonly number[], own: readonly number[]): boolean =>
  sameShape(given, own) ||
  (given.length > 1 && own.length > 1 && given[0] === own[0] && count(given) === count(own));
const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/**
 * Weights that have a name of the network stay; the others are taken to be the network's in their order, where kinds
 * ('weight', 'running_mean') and shapes allow it.
 *
 * @throws ShapeError where they do not.
 */
export function byOrder(dict: StateDict, places: readonly Place[]): StateDict {
  const needed = places.filter(({ name, optional }) => !optional && !Object.hasOwn(dict, name));
  const optional = new Set(places.filter((place) => place.optional).map(({ name }) => leafOf(name)));
  const own = new Set(places.map(({ name }) => name));
  const strangers = Object.keys(dict).filter((name) => !own.has(name) && isTensor(dict[name]));
  const offered = strangers.filter((name) => !optional.has(leafOf(name)));
  if (needed.length === 0 || offered.length === 0) return dict;

  const fault = (names: readonly string[]): string | null => {
    const at = needed.findIndex(({ name, shape }, i) => {
      const tensor: Tensor | undefined = dict[names[i] ?? ''];
      return tensor === undefined || leafOf(names[i]) !== leafOf(name) || !fits(tensor.shape, shape);
    });
    if (at < 0 && names.length === needed.length) return null;
    const place = at < 0 ? needed.length : at;
    const theirs = names[place] === undefined ? 'nothing' : named(names[place], dict[names[place]].shape);
    const ours = needed[place] === undefined ? 'nothing' : named(needed[place].name, needed[place].shape);
    return `${theirs} of the checkpoint would be ${ours} of the model, the ${place + 1}. of ${needed.length} whose names differ`;
  };
  const found = [offered, inOrderOfUse(offered)].find((names) => fault(names) === null);
  if (found === undefined) {
    const law = "remap 'auto': shapes in order do not match";
    throw wrongShape(
      'loadStateDict',
      `${law}: ${fault(offered)}`,
      'is it a checkpoint of this architecture?',
    );
  }
  const ours = new Map(found.map((name, i) => [name, needed[i]]));
  const parents = new Map(found.map((name, i) => [parentOf(name), parentOf(needed[i].name)]));
  const result: StateDict = Object.create(null);
  for (const [name, tensor] of Object.entries(dict)) {
    const place = ours.get(name);
    const parent = parents.get(parentOf(name));
    if (place !== undefined) result[place.name] = tensor.reshape(place.shape);
    else if (own.has(name) || parent === undefined) result[name] = tensor;
    else result[parent + leafOf(name)] = tensor;
  }
  return result;
}

const named = (name: string, shape: readonly number[]): string => `'${name}' ${showShape(shape)}`;

/**
 * timm's words in the order in which its layers come: files often have their weights in the alphabet's. First those of blocks
 * that widen before they filter, then all others.
 */
const WIDENING = ['conv_pw', 'bn1', 'conv_dw', 'bn2', 'se', 'conv_pwl', 'bn3'];
const OTHERS = [
  ...[
    'conv_stem',
    'conv_dw',
    'conv',
    'bn1',
    'se',
    'conv_reduce',
    'conv_expand',
    'conv_pw',
    'blocks',
    'conv_head',
    'bn2',
  ],
  ...['features', 'pre_logits', 'head', 'classifier', 'weight', 'bias', 'running_mean', 'running_var'],
];

/** Names sorted as the layers they belong to are used. */
function inOrderOfUse(names: readonly string[]): string[] {
  const widening = new Set(
    names.filter((name) => name.includes('.conv_pwl.')).map((name) => name.replace(/conv_pwl\..*$/, '')),
  );
  return names.toSorted((a, b) => {
    const [left, right] = [a.split('.'), b.split('.')];
    const at = left.findIndex((word, i) => word !== right[i]);
    const prefix = left
      .slice(0, at)
      .map((word) => `${word}.`)
      .join('');
    const words = widening.has(prefix) ? WIDENING : OTHERS;
    const rank = (word: string | undefined): number => {
      if (word === undefined) return -1;
      return /^\d+$/.test(word) ? Number(word) : words.indexOf(word);
    };
    return rank(left[at]) - rank(right[at]);
  });
}
