// A Keras kernel in the order of convkit's operations: made once, and anew where the kernel may have changed.

import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { checkTensor, rowMajor } from '../ops/inputs.js';
import { showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, type Tensor, wrap } from '../tensor/tensor.js';

/** [...window, a, b] as [b, a, ...window]; with `depthwise` as [a * b, 1, ...window]. */
export class EngineKernel {
  readonly #name: string;
  readonly #dimensions: readonly string[];
  readonly #depthwise: boolean;
  #made: { kernel: Tensor; version: number; weight: Tensor } | undefined;

  constructor(name: string, dimensions: readonly string[], { depthwise = false } = {}) {
    this.#name = name;
    this.#dimensions = dimensions;
    this.#depthwise = depthwise;
  }

  of(kernel: unknown, operation: string): Tensor {
    checkTensor(kernel, this.#name, operation);
    const { version } = storageOf(kernel);
    if (this.#made?.kernel === kernel && this.#made.version === version) return this.#made.weight;
    const { shape } = kernel;
    if (shape.length !== this.#dimensions.length) {
      throw wrongShape(
        operation,
        `${this.#name} must be [${this.#dimensions.join(', ')}]. Received: ${showShape(shape)}`,
      );
    }
    const window = shape.slice(0, -2);
    const [a, b] = shape.slice(-2);
    const [inner, outer] = this.#depthwise ? [1, a * b] : [a, b];
    const positions = window.reduce((product, size) => product * size, 1);
    const data = rowMajor(kernel, 'now', operation);
    const turned = new Float32Array(data.length);
    const result = new Float32Array(data.length);
    if (data.length > 0) {
      active().toChannelsFirst(data, turned, 1, outer, positions * inner);
      active().toChannelsFirst(turned, result, outer, inner, positions);
    }
    const weight = wrap(result, ROW_MAJOR, [outer, inner, ...window]);
    this.#made = { kernel, version, weight };
    return weight;
  }
}
