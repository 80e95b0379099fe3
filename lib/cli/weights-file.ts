// Weights into a network from a file of any format that has them, told apart by its ending.

import { wrongValue } from '../errors.js';
import { loadPth, loadSafetensors } from '../io/index.js';
import type { Module } from '../nn/module.js';

export type WeightsKind = 'safetensors' | 'pth';

/** What a file of weights is by its name; null where it is none. */
export function weightsKind(path: string): WeightsKind | null {
  if (/\.safetensors(\.index\.json)?$/i.test(path)) return 'safetensors';
  return /\.(pth|pt|bin|ckpt|tar)$/i.test(path) ? 'pth' : null;
}

/**
 * Loads a file's weights into a network.
 *
 * @throws RangeError where the file cannot be read, or has other weights.
 */
export async function loadWeights(module: Module, path: string): Promise<void> {
  const kind = weightsKind(path);
  if (kind === null) {
    throw wrongValue(
      'extract',
      `${path} is no file of weights`,
      'known are .safetensors, .safetensors.index.json, .pth, .pt',
    );
  }
  const weights = await (kind === 'pth' ? loadPth(path) : loadSafetensors(path));
  try {
    module.loadStateDict(weights, { assign: true });
  } catch (error) {
    const lines = error instanceof Error ? error.message.split('\n') : [String(error)];
    const short = lines
      .slice(0, MOST_LINES)
      .map((line) => (line.length > 200 ? `${line.slice(0, 200)}…` : line));
    if (lines.length > MOST_LINES) short.push(`\tand ${lines.length - MOST_LINES} more`);
    throw wrongValue('extract', `${path} does not fit: ${short.join('\n')}`);
  }
}

/** Of what does not fit. */
const MOST_LINES = 8;
