// What the batch job asks of whatever makes features: to read one image, to turn several into rows, and to say what it is.

import type { Scattering } from '../models/scattering.js';
import { Tensor } from '../tensor/tensor.js';
import { weightsSha256 } from './manifest.js';
import { loadImage, preprocessing } from './preprocess.js';

export interface ReadOptions {
  readonly maxPixels: number;
}

export interface FeatureModel {
  /** Elements of a row. */
  readonly featureLength: number;
  /** What the manifest says of it; rows are alike where this is. */
  readonly about: Readonly<Record<string, unknown>>;
  /** The numbers of one image. @throws Error in the decoder's words where the file cannot be read. */
  read(file: string, options: ReadOptions): Promise<Float32Array>;
  /** The rows of several images, one after another. */
  rows(images: readonly Float32Array[], signal?: AbortSignal): Promise<Float32Array>;
}

/** The scattering network, on grey squares. */
export function scatteringFeatures(model: Scattering): FeatureModel {
  const { inputSize, scales, orientations, grid, secondGrid, featureLength } = model;
  return {
    featureLength,
    about: {
      model: {
        name: 'scattering',
        options: { inputSize, scales, orientations, grid, secondGrid },
        featureLength,
        weightsSha256: weightsSha256(model),
      },
      preprocessing: preprocessing(inputSize),
    },
    read: (file, options) => loadImage(file, inputSize, options),
    async rows(images, signal) {
      const x = stacked(images, [1, inputSize, inputSize]);
      return (await model.forwardAsync(x, { signal })).data;
    },
  };
}

/** Images of one shape as a batch. */
export function stacked(images: readonly Float32Array[], shape: readonly number[]): Tensor {
  const { length } = images[0];
  const all = new Float32Array(images.length * length);
  for (const [i, image] of images.entries()) all.set(image, i * length);
  return new Tensor(all, [images.length, ...shape]);
}

/** The same rows, each divided by its Euclidean length; a row of zeros stays one. */
export function unitLength(model: FeatureModel): FeatureModel {
  const { featureLength: width } = model;
  return {
    ...model,
    about: { ...model.about, rows: 'divided by their Euclidean length (sums in float64)' },
    async rows(images, signal) {
      const rows = await model.rows(images, signal);
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
