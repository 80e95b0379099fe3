// A convolution that is ready to run. An object of its own kind, where other operations make closures: these are what a
// layer on a small image would notice.

import type { Binding, Conv, Job, PackedFilter } from '../../binding.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Prepared } from './run.js';

export class ConvCall implements Prepared {
  readonly #binding: Binding;
  readonly #conv: Conv;
  readonly #filter: PackedFilter;
  readonly #x: Float32Array;
  readonly #y: Float32Array;
  readonly #batch: number;

  /** `y` is the memory of `output`. */
  constructor(
    binding: Binding,
    conv: Conv,
    filter: PackedFilter,
    x: Float32Array,
    readonly output: Tensor,
    y: Float32Array,
    batch: number,
  ) {
    this.#binding = binding;
    this.#conv = conv;
    this.#filter = filter;
    this.#x = x;
    this.#y = y;
    this.#batch = batch;
  }

  run(): void {
    this.#binding.conv(this.#conv, this.#filter, this.#x, this.#y, this.#batch);
  }

  submit(): Job {
    return this.#binding.submit('conv', this.#conv, this.#filter, this.#x, this.#y, this.#batch);
  }
}
