// What the benchmark asks of anyone who computes a layer.

import type { ConvGeometry } from '../../binding.js';
import type { LayerData } from '../data.js';
import type { Layer } from '../layer.js';

export type Algorithm = ConvGeometry['algorithm'];

/** A layer ready to run: weights loaded, input in the contender's own tensor type. */
export interface Contender {
  /** One forward pass as its API is used every day: the output is new each time, and dropped. */
  run(): void | Promise<void>;
  /** One forward pass whose output is read, channels-first [N, C, ...]. */
  output(): Promise<Float32Array>;
  readonly version: string;
  /** Of convkit's contenders. */
  readonly algorithm?: Algorithm;
}

export interface Settings {
  readonly threads: number;
  readonly layer: Layer;
  readonly data: LayerData;
}

/** Says why a contender cannot take part: not installed, or no such layer in its vocabulary. */
export class Absent extends Error {
  override readonly name = 'Absent';
}

/** @throws Absent where the package is not installed in bench/. */
export async function peer<Module>(name: string): Promise<Module> {
  try {
    return (await import(name)) as Module;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Absent(
      `${name} does not load (${reason}); ONNXRUNTIME_NODE_INSTALL=skip npm ci --ignore-scripts in bench/`,
    );
  }
}
