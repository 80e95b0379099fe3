// Padding layers: how much positionally, as PyTorch has them; the work is ops.pad's. One base serves every mode and number
// of dimensions.

import { show, wrongValue } from '../errors.js';
import { channelAxisOf, checkTensor, type Mode } from '../ops/inputs.js';
import { type PadMode, type PadOptions, type PadSettings, parsePad, preparePad } from '../ops/pad.js';
import type { Prepared } from '../ops/run.js';
import type { Tensor } from '../tensor/tensor.js';
import { Layer } from './layer.js';

/** One number for both sides of every dimension, or what `ops.pad` takes: PyTorch's flat list, or pairs. */
export type LayerPadding = number | PadOptions['padding'];

abstract class PadLayer extends Layer {
  readonly #settings: PadSettings;
  readonly #rank: number;

  constructor(padding: LayerPadding, mode: PadMode, value: number | undefined, rank: number, label: string) {
    super();
    const list = typeof padding === 'number' ? new Array<number>(2 * rank).fill(padding) : padding;
    this.#settings = parsePad({ padding: list, mode, value }, label);
    this.#rank = rank;
    if (this.#settings.pairs.length !== rank) {
      throw wrongValue(
        label,
        `expected padding to be a single number, a flat list of ${2 * rank} numbers or ${rank} [begin, end] pairs, but got padding=${show(padding)}`,
      );
    }
  }

  protected get operation(): string {
    return 'pad';
  }

  protected prepare(x: Tensor, mode: Mode): Prepared {
    checkTensor(x, 'x', this.operation);
    channelAxisOf(x.shape, this.#rank, this.operation);
    return preparePad(x, this.#settings, mode, this.operation);
  }

  protected override extraRepr(): string {
    const { pairs, mode, value } = this.#settings;
    const shown = `padding=[${pairs.map(([begin, end]) => `[${begin}, ${end}]`).join(', ')}]`;
    return mode === 'constant' && value !== 0 ? `${shown}, value=${value}` : shown;
  }
}

/**
 * Surrounds [N, C, L] or [C, L] with zeros; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one.
 * @example
 * new nn.ZeroPad1d(1).forward(Tensor.randn([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ZeroPad1d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'constant', undefined, 1, 'ZeroPad1d');
  }
}

/**
 * Surrounds [N, C, H, W] or [C, H, W] with zeros; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one.
 * @example
 * new nn.ZeroPad2d(1).forward(Tensor.randn([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ZeroPad2d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'constant', undefined, 2, 'ZeroPad2d');
  }
}

/**
 * Surrounds [N, C, D, H, W] or [C, D, H, W] with zeros; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one.
 * @example
 * new nn.ZeroPad3d(1).forward(Tensor.randn([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ZeroPad3d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'constant', undefined, 3, 'ZeroPad3d');
  }
}

/**
 * Surrounds [N, C, L] or [C, L] with a number; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one.
 * @example
 * new nn.ConstantPad1d(1, 0.5).forward(Tensor.randn([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ConstantPad1d extends PadLayer {
  constructor(padding: LayerPadding, value: number) {
    super(padding, 'constant', value, 1, 'ConstantPad1d');
  }
}

/**
 * Surrounds [N, C, H, W] or [C, H, W] with a number; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one.
 * @example
 * new nn.ConstantPad2d(1, 0.5).forward(Tensor.randn([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ConstantPad2d extends PadLayer {
  constructor(padding: LayerPadding, value: number) {
    super(padding, 'constant', value, 2, 'ConstantPad2d');
  }
}

/**
 * Surrounds [N, C, D, H, W] or [C, D, H, W] with a number; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one.
 * @example
 * new nn.ConstantPad3d(1, 0.5).forward(Tensor.randn([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ConstantPad3d extends PadLayer {
  constructor(padding: LayerPadding, value: number) {
    super(padding, 'constant', value, 3, 'ConstantPad3d');
  }
}

/**
 * Surrounds [N, C, L] or [C, L] with its mirror image, the edge itself left out; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.ReflectionPad1d(1).forward(Tensor.randn([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ReflectionPad1d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'reflect', undefined, 1, 'ReflectionPad1d');
  }
}

/**
 * Surrounds [N, C, H, W] or [C, H, W] with its mirror image, the edge itself left out; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.ReflectionPad2d(1).forward(Tensor.randn([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ReflectionPad2d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'reflect', undefined, 2, 'ReflectionPad2d');
  }
}

/**
 * Surrounds [N, C, D, H, W] or [C, D, H, W] with its mirror image, the edge itself left out; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.ReflectionPad3d(1).forward(Tensor.randn([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ReflectionPad3d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'reflect', undefined, 3, 'ReflectionPad3d');
  }
}

/**
 * Surrounds [N, C, L] or [C, L] with its edge, repeated; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.ReplicationPad1d(1).forward(Tensor.randn([1, 2, 4])).shape; // [1, 2, 6]
 */
export class ReplicationPad1d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'replicate', undefined, 1, 'ReplicationPad1d');
  }
}

/**
 * Surrounds [N, C, H, W] or [C, H, W] with its edge, repeated; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.ReplicationPad2d(1).forward(Tensor.randn([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class ReplicationPad2d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'replicate', undefined, 2, 'ReplicationPad2d');
  }
}

/**
 * Surrounds [N, C, D, H, W] or [C, D, H, W] with its edge, repeated; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.ReplicationPad3d(1).forward(Tensor.randn([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class ReplicationPad3d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'replicate', undefined, 3, 'ReplicationPad3d');
  }
}

/**
 * Surrounds [N, C, L] or [C, L] with its other end; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.CircularPad1d(1).forward(Tensor.randn([1, 2, 4])).shape; // [1, 2, 6]
 */
export class CircularPad1d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'circular', undefined, 1, 'CircularPad1d');
  }
}

/**
 * Surrounds [N, C, H, W] or [C, H, W] with its other end; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.CircularPad2d(1).forward(Tensor.randn([1, 2, 4, 4])).shape; // [1, 2, 6, 6]
 */
export class CircularPad2d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'circular', undefined, 2, 'CircularPad2d');
  }
}

/**
 * Surrounds [N, C, D, H, W] or [C, D, H, W] with its other end; see `ops.pad`.
 *
 * @throws TypeError | RangeError where the padding is not one. ShapeError where an image is too small for it.
 * @example
 * new nn.CircularPad3d(1).forward(Tensor.randn([1, 2, 4, 4, 4])).shape; // [1, 2, 6, 6, 6]
 */
export class CircularPad3d extends PadLayer {
  constructor(padding: LayerPadding) {
    super(padding, 'circular', undefined, 3, 'CircularPad3d');
  }
}
