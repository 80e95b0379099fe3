// Features from a layer of a network, compiled, on photos prepared as its weights want them.

import { createHash } from 'node:crypto';
import { active } from '../backend/index.js';
import { wrongShape } from '../errors.js';
import { compile } from '../graph/compile.js';
import { OWN, trace } from '../graph/trace.js';
import { decodePart } from '../image/decode-part.js';
import { decodeScaled } from '../image/decode-scaled.js';
import type { ImageSize } from '../image/resize.js';
import type { Module } from '../nn/module.js';
import { elementCount, showShape } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { Tensor } from '../tensor/tensor.js';
import type { ReadFile } from './early.js';
import type { FeatureModel } from './features.js';
import { middlePixels, normalisation, normalise, photoInputs, photoPixels, placement } from './photo.js';
import { type Decoding, type Preset, presetWords } from './presets.js';
import { hashedLater } from './weights-hash.js';

export interface NetworkOptions {
  readonly module: Module;
  /** What the manifest says of it besides hashes: its name, where its weights are from. */
  readonly about: Readonly<Record<string, unknown>>;
  /** A module's path, or 'output' for the network's own. */
  readonly layer: string;
  readonly preset: Preset;
  readonly decoding: Decoding;
  /** {@link photoReader} of these two, which may have begun. */
  readonly read: ReadFile;
  /** The images that are computed at once, most of the time. */
  readonly batch: number;
}

/** Reads photos as a preset prepares them, [crop, crop, 3], from every pixel or from what the decoder scales JPEGs down to. */
export function photoReader(preset: Preset, decoding: Decoding): ReadFile {
  if (decoding === 'full') {
    const boxFor = (image: ImageSize) => photoInputs(image, preset);
    return async (file, { maxPixels }) => photoPixels(await decodePart(file, boxFor, { maxPixels }), preset);
  }
  const { interpolation } = preset;
  const sizeFor = (image: ImageSize) => placement(image, preset);
  return async (file, { maxPixels }) => {
    const image = await decodeScaled(file, { maxPixels, sizeFor, interpolation });
    return (image.resized ? middlePixels : photoPixels)(image, preset);
  };
}

/**
 * Compiles a network for images [batch, 3, crop, crop]. A row is the layer's output for one image, whatever its shape, in
 * logical order.
 *
 * @throws RangeError where there is no such layer, or the network does not take such images.
 */
export async function networkFeatures(options: NetworkOptions): Promise<FeatureModel> {
  const { module, about, layer, preset, decoding, read, batch } = options;
  const side = preset.crop;
  const architecture = architectureSha256(module);
  const weightsSha256 = hashedLater(module);
  const session = await compile(module, {
    inputShape: [batch, 3, side, side],
    outputs: [layer],
    releaseWeights: true,
  });
  const [images, ...layerShape] = session.outputShapes().get(layer) ?? [];
  if (images !== batch || layerShape.length === 0) throw notOneEach(module, layer, side);
  const tables = normalisation(preset);
  const featureLength = elementCount(layerShape);
  // One array for all batches: a run takes what is in it as it begins, and the next batch is written after that
  let values = new Float32Array(0);
  return {
    featureLength,
    async about() {
      const hashes = { architectureSha256: architecture, weightsSha256: await weightsSha256() };
      return {
        model: { ...about, layer, layerShape, featureLength, ...hashes },
        preprocessing: presetWords(preset, decoding),
      };
    },
    read,
    batch(images) {
      const length = 3 * side * side;
      if (values.length < images.length * length) values = new Float32Array(images.length * length);
      images.forEach((image, i) => {
        normalise(image, tables, values.subarray(i * length, (i + 1) * length));
      });
      return new Tensor(values.subarray(0, images.length * length), [images.length, 3, side, side]);
    },
    async rows(x, signal) {
      const results = await session.run(x, { signal });
      return results[layer].data;
    },
  };
}

/** Why a layer whose outputs are not one for each image makes no rows. */
function notOneEach(module: Module, layer: string, side: number): Error {
  const signature = { shape: [1, 3, side, side], channelAxis: ROW_MAJOR };
  const [{ shape }] = trace(module, active(), signature, [layer]).outputs;
  const what = layer === OWN ? 'the network' : `layer ${layer}`;
  return wrongShape(
    'extract',
    `${what} gives ${showShape(shape)} for one image, not [1, ...]`,
    'choose another --layer',
  );
}

/** SHA-256 over the kinds, options and order of all layers, as `String(module)` prints them. */
const architectureSha256 = (module: Module): string =>
  createHash('sha256').update(String(module)).digest('hex');
