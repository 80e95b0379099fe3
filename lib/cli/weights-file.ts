// Weights into a network from a file of any format that has them, told apart by its ending.

import { messageOf, wrongValue } from '../errors.js';
import { loadPth, loadSafetensors } from '../io/index.js';
import type { Module, StateDict } from '../nn/module.js';

export type WeightsKind = 'safetensors' | 'pth';

/** What a file of weights is by its name; null where it is none. */
export function weightsKind(path: string): WeightsKind | null {
  if (/\.safetensors(\.index\.json)?$/i.test(path)) return 'safetensors';
  return /\.(pth|pt|bin|ckpt|tar)$/i.test(path) ? 'pth' : null;
}

/** The weights of a file. @throws RangeError where it cannot be read. */
export async function readWeights(path: string): Promise<StateDict> {
  const kind = weightsKind(path);
  if (kind === null) {
    const law = `${path} is no file of weights`;
    throw wrongValue('extract', law, 'known are .safetensors, .safetensors.index.json, .pth, .pt');
  }
  return kind === 'pth' ? loadPth(path) : loadSafetensors(path, { lazy: true });
}

/** Puts a file's weights into a network. @throws RangeError where they are others. */
export function putWeights(module: Module, weights: StateDict, path: string): void {
  try {
    module.loadStateDict(weights, { assign: true, remap: 'auto' });
  } catch (error) {
    const lines = messageOf(error).split('\n');
    const short = lines
      .slice(0, MOST_LINES)
      .map((line) => (line.length > 200 ? `${line.slice(0, 200)}…` : line));
    if (lines.length > MOST_LINES) short.push(`\tand ${lines.length - MOST_LINES} more`);
    throw wrongValue('extract', `${path} does not fit: ${short.join('\n')}`);
  }
}

/** Of what does not fit. */
const MOST_LINES = 8;
