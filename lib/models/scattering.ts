// The default feature extractor: a two-layer 2-D scattering transform, a convolutional network whose filters are
// wavelets and are never trained. It sees tensors of grey images; files, resizing and batching live elsewhere.

import { show, wrongShape, wrongType, wrongValue } from '../errors.js';
import { Conv2d } from '../nn/conv.js';
import { Layer } from '../nn/layer.js';
import { Module } from '../nn/module.js';
import { AdaptiveAvgPool2d } from '../nn/pool.js';
import type { Mode } from '../ops/inputs.js';
import { prepareModulus } from '../ops/modulus.js';
import { concat } from '../ops/rearrange.js';
import { checkedSignal, type ForwardOptions, type Prepared } from '../ops/run.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { gaussianBank, morletBank } from './wavelets.js';

export interface ScatteringOptions {
  /** Height and width of the images: a multiple of 2^scales that leaves the coarsest level its 4 pixels. Default 128. */
  inputSize?: number;
  /** Octaves J. Default 5. */
  scales?: number;
  /** Wavelet directions L in half a turn. Default 8. */
  orientations?: number;
  /** Windows per side over which the image itself and the first layer are averaged. Default 4. */
  grid?: number;
  /** The same for the second layer, which has most of the channels. Default 2. */
  secondGrid?: number;
}

const defaults = { inputSize: 128, scales: 5, orientations: 8, grid: 4, secondGrid: 2 };

/** |z| of complex channels. */
class Modulus extends Layer {
  protected get operation(): string {
    return 'modulus';
  }
  protected prepare(x: Tensor, mode: Mode): Prepared {
    return prepareModulus(x, mode);
  }
}

/** One layer to apply to one tensor: what the transform asks of whoever runs it, now or in the background. */
type Step = readonly [layer: Module, x: Tensor];

/**
 * x [N, 1, S, S] gives features [N, featureLength]: how much of each direction and size of detail there is in each part of the
 * image (first layer), and how that varies with each direction at coarser sizes (second layer). Small shifts, turns and noise
 * move them little, so near-duplicates and like textures are near in Euclidean distance, without any training.
 *
 * With * a convolution, psi a Morlet wavelet, phi a Gaussian, and each "2" a level of a pyramid (blur, drop every second pixel),
 * so that one bank of 7x7 filters serves all sizes:
 *
 *     level j                 x_j     = (x_{j-1} * phi) 2              x_0 = x, j = 0 ... J
 *     first layer             u_{j,l} = |x_j * psi_l|                  l = 0 ... L-1
 *     second layer            |(u_{j,l} * phi) 2 ... 2 * psi_m|        on levels k = j+1 ... J-1, m = 0 ... L-1
 *
 * Features in order: means of x_J over grid x grid windows; of u_{j,l}, by j then l; of the second layer over secondGrid x
 * secondGrid windows, by j, k, l, m. Each channel's windows run row by row. Their number is
 * grid^2 (1 + J L) + secondGrid^2 L^2 J (J - 1) / 2: 3216 by default.
 *
 * S. Mallat, Group invariant scattering, 2012; J. Bruna, S. Mallat, Invariant scattering convolution networks, 2013.
 *
 * @throws TypeError | RangeError where an option is not one.
 * @example
 * const model = new models.Scattering({ inputSize: 64, scales: 4 });
 * model.forward(Tensor.rand([2, 1, 64, 64])).shape; // [2, 2064]
 */
export class Scattering extends Module {
  readonly inputSize: number;
  readonly scales: number;
  readonly orientations: number;
  readonly grid: number;
  readonly secondGrid: number;
  readonly featureLength: number;

  /** One image to L complex responses. Each map of the first layer becomes an image of its own for the second. */
  readonly wavelets: Conv2d;
  /** Half the resolution: of the image, and of L maps side by side. */
  readonly halve: Conv2d;
  readonly halveEach: Conv2d;
  readonly modulus = new Modulus();
  readonly average: AdaptiveAvgPool2d;
  readonly averageSecond: AdaptiveAvgPool2d;

  constructor(options: ScatteringOptions = {}) {
    super();
    const settings = checkedOptions(options);
    const { scales, orientations, grid, secondGrid } = settings;
    this.inputSize = settings.inputSize;
    this.scales = scales;
    this.orientations = orientations;
    this.grid = grid;
    this.secondGrid = secondGrid;
    this.featureLength =
      grid * grid * (1 + scales * orientations) +
      secondGrid * secondGrid * orientations * orientations * ((scales * (scales - 1)) / 2);

    const padding = { paddingMode: 'reflect', bias: false } as const;
    const half = { ...padding, stride: 2, padding: 2 };
    this.wavelets = fixed(
      new Conv2d(1, 2 * orientations, 7, { ...padding, padding: 3 }),
      morletBank(orientations),
    );
    this.halve = fixed(new Conv2d(1, 1, 6, half), gaussianBank());
    const groups = orientations;
    this.halveEach = fixed(new Conv2d(groups, groups, 6, { ...half, groups }), gaussianBank());
    this.average = new AdaptiveAvgPool2d(grid);
    this.averageSecond = new AdaptiveAvgPool2d(secondGrid);
    this.eval();
  }

  /** The transform itself. It yields its steps, so that both ways of running it share this one text. */
  *#steps(image: Tensor): Generator<Step, Tensor, Tensor> {
    const batch = image.shape[0];
    const { orientations, grid, secondGrid } = this;
    const rows = (part: Tensor, length: number): Tensor => part.reshape([batch, length]);
    const first: Tensor[] = [];
    const second: Tensor[] = [];
    let x = image;
    for (let j = 0; j < this.scales; j++) {
      let u = yield [this.modulus, yield [this.wavelets, x]];
      first.push(rows(yield [this.average, u], orientations * grid * grid));
      for (let k = j + 1; k < this.scales; k++) {
        u = yield [this.halveEach, u];
        const maps = u.reshape([batch * orientations, 1, u.shape[2], u.shape[3]]);
        const v = yield [this.modulus, yield [this.wavelets, maps]];
        second.push(
          rows(yield [this.averageSecond, v], orientations * orientations * secondGrid * secondGrid),
        );
      }
      x = yield [this.halve, x];
    }
    const coarse = rows(yield [this.average, x], grid * grid);
    return concat([coarse, ...first, ...second], { dim: 1 });
  }

  override forward(x: Tensor): Tensor {
    const steps = this.#steps(this.#checked(x));
    let step = steps.next();
    while (!step.done) step = steps.next(step.value[0].forward(step.value[1]));
    return step.value;
  }

  override async forwardAsync(x: Tensor, options?: ForwardOptions): Promise<Tensor> {
    const signal = checkedSignal(options, 'Scattering');
    // Two of the steps read x, the second long after this has returned: by then it may have been written to.
    const steps = this.#steps(new Tensor(this.#checked(x).data.slice(), x.shape));
    let step = steps.next();
    while (!step.done) step = steps.next(await step.value[0].forwardAsync(step.value[1], { signal }));
    return step.value;
  }

  #checked(x: Tensor): Tensor {
    if (!(x instanceof Tensor)) throw wrongType('Scattering', `x must be a Tensor, not ${show(x)}`);
    const { inputSize: size } = this;
    if (x.shape.length !== 4 || x.shape[1] !== 1 || x.shape[2] !== size || x.shape[3] !== size) {
      throw wrongShape(
        'Scattering',
        `x must be [N, 1, ${size}, ${size}], but got input of size: ${showShape(x.shape)}`,
      );
    }
    return x;
  }

  protected override extraRepr(): string {
    const { inputSize, scales, orientations, grid, secondGrid } = this;
    return `inputSize=${inputSize}, scales=${scales}, orientations=${orientations}, grid=${grid}, secondGrid=${secondGrid}`;
  }
}

/** A convolution whose weight is a bank of filters, once for each group. */
function fixed(conv: Conv2d, bank: Float32Array): Conv2d {
  const weight = new Float32Array(conv.weight.data.length);
  for (let at = 0; at < weight.length; at += bank.length) weight.set(bank, at);
  conv.weight = new Tensor(weight, conv.weight.shape);
  return conv;
}

function checkedOptions(options: ScatteringOptions): Required<ScatteringOptions> {
  if (typeof options !== 'object' || options === null) {
    throw wrongType('Scattering', `options must be an object such as { scales: 4 }, not ${show(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(defaults, name)) {
      throw wrongType(
        'Scattering',
        `unknown option ${show(name)}`,
        `known are ${Object.keys(defaults).join(', ')}`,
      );
    }
  }
  const settings = { ...defaults, ...options };
  for (const [name, value] of Object.entries(settings)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw wrongValue('Scattering', `${name} must be a positive whole number, received ${show(value)}`);
    }
  }
  const { inputSize, scales, grid, secondGrid, orientations } = settings;
  const coarsest = inputSize / (1 << Math.min(scales - 1, 30));
  if (!Number.isInteger(coarsest / 2) || coarsest < 4) {
    throw wrongValue(
      'Scattering',
      `inputSize ${inputSize} cannot be halved ${scales} times down from at least 4 pixels`,
    );
  }
  if (grid > coarsest / 2 || secondGrid > coarsest) {
    throw wrongValue(
      'Scattering',
      `grid ${grid} and secondGrid ${secondGrid} exceed the coarsest level of ${coarsest}`,
    );
  }
  if (orientations > 64)
    throw wrongValue('Scattering', `orientations must be at most 64, received ${orientations}`);
  return settings;
}
