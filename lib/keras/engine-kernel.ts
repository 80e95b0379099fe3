// A Keras kernel in the order of convkit's operations: made once, and anew where the kernel may have changed.

import { active, selectionCount } from '../backend/index.js';
import { uninitialised } from '../backend/memory.js';
import { wrongShape } from '../errors.js';
import { checkTensor, rowMajor } from '../ops/inputs.js';
import { forgetRecord, gradientMemory, gradientTensor, mutate, record } from '../tensor/autograd.js';
import { allocate, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { storageOf, type Tensor, wrap } from '../tensor/tensor.js';

/** [...window, a, b] as [b, a, ...window]; with `depthwise` as [a * b, 1, ...window]. */
export class EngineKernel {
  readonly #name: string;
  readonly #dimensions: readonly string[];
  readonly #depthwise: boolean;
  #made: Made | undefined;

  constructor(name: string, dimensions: readonly string[], { depthwise = false } = {}) {
    this.#name = name;
    this.#dimensions = dimensions;
    this.#depthwise = depthwise;
  }

  /** The same tensor every time, so that what is packed from it is replaced where the kernel has changed. */
  of(kernel: unknown, operation: string): Tensor {
    checkTensor(kernel, this.#name, operation);
    const { version } = storageOf(kernel);
    const selection = selectionCount();
    let made = this.#made;
    if (made?.kernel !== kernel || made.selection !== selection) made = this.#begun(kernel, operation);
    const { weight } = made;
    if (made.version !== version) {
      const data = rowMajor(kernel, 'now', operation);
      mutate(weight, (result) => turn(data, result, weight.shape), operation);
    }
    this.#made = { kernel, selection, version, weight };
    forgetRecord(weight);
    record(weight, operation, [kernel], (upstream) => {
      const gradient = gradientMemory(kernel.shape);
      turnBack(rowMajor(upstream, 'now', operation), gradient, weight.shape);
      return [gradientTensor(gradient, ROW_MAJOR, kernel.shape)];
    });
    return weight;
  }

  #begun(kernel: Tensor, operation: string): Made {
    const { shape } = kernel;
    if (shape.length !== this.#dimensions.length) {
      throw wrongShape(
        operation,
        `${this.#name} must be [${this.#dimensions.join(', ')}]. Received: ${showShape(shape)}`,
      );
    }
    const [a, b] = shape.slice(-2);
    const [inner, outer] = this.#depthwise ? [1, a * b] : [a, b];
    const weight = wrap(allocate(shape, operation), ROW_MAJOR, [outer, inner, ...shape.slice(0, -2)]);
    return { kernel, selection: selectionCount(), version: -1, weight };
  }
}

interface Made {
  readonly kernel: Tensor;
  readonly selection: number;
  /** The kernel's, when the weight was made from it. */
  readonly version: number;
  readonly weight: Tensor;
}

/** [window, inner, outer] to [outer, inner, window]. */
function turn(kernel: Float32Array, weight: Float32Array, [outer, inner]: readonly number[]): void {
  if (kernel.length === 0) return;
  const turned = uninitialised(kernel.length);
  active().toChannelsFirst(kernel, turned, 1, outer, kernel.length / outer);
  active().toChannelsFirst(turned, weight, outer, inner, kernel.length / outer / inner);
}

/** The way back. */
function turnBack(weight: Float32Array, kernel: Float32Array, [outer, inner]: readonly number[]): void {
  if (kernel.length === 0) return;
  const turned = uninitialised(kernel.length);
  active().toChannelsLast(weight, turned, outer, inner, kernel.length / outer / inner);
  active().toChannelsLast(turned, kernel, 1, outer, kernel.length / outer);
}
