// What the batch job asks of whatever makes features: to read one image, to turn several into rows, and to say what it is.

import type { Scattering } from '../models/scattering.js';
import { Tensor } from '../tensor/tensor.js';
import { loadImage, preprocessing } from './preprocess.js';
import { weightsSha256 } from './weights-hash.js';

export interface ReadOptions {
  readonly maxPixels: number;
}

/** The numbers of one image, as they wait for others. */
export type ReadImage = Float32Array | Uint8Array;

export interface FeatureModel {
  /** Elements of a row. */
  readonly featureLength: number;
  /** What the manifest says of it; rows are alike where this is. It may take until some rows are made to know. */
  about(): Promise<Readonly<Record<string, unknown>>>;
  /** The numbers of one image. @throws Error in the decoder's words where the file cannot be read. */
  read(file: string, options: ReadOptions): Promise<ReadImage>;
  /** Several images as the model takes them, while it computes those before; valid until `rows` has returned and it is called again. */
  batch(images: readonly ReadImage[]): Tensor;
  /** The rows of a batch, one after another. */
  rows(batch: Tensor, signal?: AbortSignal): Promise<Float32Array>;
}

/** The scattering network, on grey squares. */
export function scatteringFeatures(model: Scattering): FeatureModel {
  const { inputSize, scales, orientations, grid, secondGrid, featureLength } = model;
  const about = {
    model: {
      name: 'scattering',
      options: { inputSize, scales, orientations, grid, secondGrid },
      featureLength,
      weightsSha256: weightsSha256(model),
    },
    preprocessing: preprocessing(inputSize),
  };
  return {
    featureLength,
    about: () => Promise.resolve(about),
    read: (file, options) => loadImage(file, inputSize, options),
    batch(images) {
      const { length } = images[0];
      const all = new Float32Array(images.length * length);
      for (const [i, image] of images.entries()) all.set(image, i * length);
      return new Tensor(all, [images.length, 1, inputSize, inputSize]);
    },
    rows: async (batch, signal) => (await model.forwardAsync(batch, { signal })).data,
  };
}

/** The same rows, each divided by its Euclidean length; a row of zeros stays one. */
export function unitLength(model: FeatureModel): FeatureModel {
  const { featureLength: width } = model;
  return {
    ...model,
    about: async () => ({
      ...(await model.about()),
      rows: 'divided by their Euclidean length (sums in float64)',
    }),
    async rows(batch, signal) {
      const rows = await model.rows(batch, signal);
      for (let begin = 0; begin < rows.length; begin += width) {
        let sum = 0;
        for (let i = begin; i < begin + width; i++) sum += rows[i] * rows[i];
        const length = Math.sqrt(sum);
        if (length === 0) continue;
        for (let i = begin; i < begin + width; i++) rows[i] /= length;
      }
      return rows;
    },
  };
}
