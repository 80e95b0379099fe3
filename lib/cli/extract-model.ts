// The options of `convkit extract` that say what makes the features: the scattering network, or a layer of a published
// architecture with weights from a file and photos prepared as they want them.

import { basename } from 'node:path';
import { wrongValue } from '../errors.js';
import type { ReadFile } from '../extract/early.js';
import { type FeatureModel, scatteringFeatures, unitLength } from '../extract/features.js';
import { networkFeatures, photoReader } from '../extract/network.js';
import {
  type Decoding,
  PRESET_NAMES,
  type Preset,
  type PresetName,
  presetFor,
  unpublished,
} from '../extract/presets.js';
import { inputShapeFor } from '../models/by-name.js';
import { Scattering } from '../models/scattering.js';
import type { Module } from '../nn/module.js';
import { manualSeed } from '../numerics/philox.js';
import { loadOnnx } from '../onnx/index.js';
import { publishedModel, takesPhotos } from './named-models.js';
import { putWeights, readWeights } from './weights-file.js';

export const modelOptions = {
  model: { type: 'string', short: 'm', default: 'scattering' },
  weights: { type: 'string', short: 'w' },
  'random-weights': { type: 'string' },
  'num-classes': { type: 'string' },
  layer: { type: 'string', short: 'l' },
  preset: { type: 'string' },
  resize: { type: 'string' },
  crop: { type: 'string' },
  mean: { type: 'string' },
  std: { type: 'string' },
  interpolation: { type: 'string' },
  decode: { type: 'string' },
  l2: { type: 'boolean', default: false },
} as const;

export interface ModelValues {
  readonly model: string;
  readonly weights?: string;
  readonly 'random-weights'?: string;
  readonly 'num-classes'?: string;
  readonly layer?: string;
  readonly preset?: string;
  readonly resize?: string;
  readonly crop?: string;
  readonly mean?: string;
  readonly std?: string;
  readonly interpolation?: string;
  readonly decode?: string;
  readonly l2: boolean;
}

export interface ChosenModel {
  readonly features: FeatureModel;
  /** What the closing line says of it. */
  readonly words: string;
  /** Images that are computed at once. */
  readonly batch: number;
}

const ONLY_NETWORKS = [
  'weights',
  'random-weights',
  'num-classes',
  'layer',
  'preset',
  'resize',
  'crop',
  'mean',
  'std',
  'interpolation',
  'decode',
] as const;

/** Is told how images are read before the model is made, and gives what the model reads them by. */
export type Begin = (read: ReadFile) => ReadFile;

/** Makes the model; `batch` images are computed at once, most of the time. */
export async function chosenModel(values: ModelValues, batch: number, begin: Begin): Promise<ChosenModel> {
  const chosen =
    values.model === 'scattering' ? scattering(values, batch) : await network(values, batch, begin);
  if (!values.l2) return chosen;
  return { ...chosen, features: unitLength(chosen.features), words: `${chosen.words}, of length 1` };
}

function scattering(values: ModelValues, batch: number): ChosenModel {
  const given = ONLY_NETWORKS.find((name) => values[name] !== undefined);
  if (given !== undefined) {
    throw wrongValue(
      'extract',
      `--${given} is for a network, and the model is scattering`,
      'choose one with --model',
    );
  }
  return { features: scatteringFeatures(new Scattering()), words: 'scattering', batch };
}

async function network(values: ModelValues, batch: number, begin: Begin): Promise<ChosenModel> {
  if (/\.onnx$/i.test(values.model)) return onnxFile(values, batch, begin);
  const name = values.model;
  const shape = inputShapeFor(name, '--model');
  const [, , side] = shape;
  if (!takesPhotos(shape)) {
    throw wrongValue('extract', `${name} takes [${shape.join(', ')}], not photos in colour`);
  }
  const { presetName, preset } = chosenPreset(values, name, side);
  const decoding = chosenDecoding(values.decode);
  const read = begin(photoReader(preset, decoding));
  const module = await loaded(values, name, presetName);
  const { layer = 'output' } = values;
  const features = await networkFeatures({ module, about: { name }, layer, preset, decoding, read, batch });
  return { features, words: `${name} ${layer}, ${preparation(presetName, preset, decoding)}`, batch };
}

const preparation = (name: string, { resize, crop, interpolation }: Preset, decoding: Decoding): string =>
  `${name}: ${interpolation} to ${resize}, middle ${crop}${decoding === 'full' ? '' : ', decoded scaled'}`;

/** A network in an ONNX file, which has its weights. */
async function onnxFile(values: ModelValues, batch: number, begin: Begin): Promise<ChosenModel> {
  const { model: path, layer = 'output' } = values;
  const given = (['weights', 'random-weights', 'num-classes'] as const).find(
    (name) => values[name] !== undefined,
  );
  if (given !== undefined)
    throw wrongValue('extract', `--${given} is not for ${path}, which has its weights`);
  const module = await loadOnnx(path);
  const name = basename(path);
  const [input, ...more] = module.inputs;
  const [fixedBatch, channels, height, width] = input?.shape ?? [];
  if (more.length > 0 || input?.shape?.length !== 4 || (typeof channels === 'number' && channels !== 3)) {
    const shapes = module.inputs.map(({ shape }) => `[${(shape ?? ['unknown']).join(', ')}]`).join(' and ');
    throw wrongValue('extract', `${name} takes ${shapes}, not photos in colour: [N, 3, H, W]`);
  }
  const side = typeof height === 'number' ? height : typeof width === 'number' ? width : null;
  const { presetName, preset } = chosenPreset(values, name, side ?? 224);
  if ([height, width].some((size) => typeof size === 'number' && size !== preset.crop)) {
    throw wrongValue(
      'extract',
      `${name} takes images of ${height} x ${width}, not ${preset.crop} x ${preset.crop}`,
    );
  }
  if (typeof fixedBatch === 'number' && fixedBatch !== 1) {
    const law = `${name} takes ${fixedBatch} images at a time and no other number`;
    throw wrongValue('extract', law, 'export it with a dynamic batch');
  }
  const atOnce = fixedBatch === 1 ? 1 : batch;
  const decoding = chosenDecoding(values.decode);
  const read = begin(photoReader(preset, decoding));
  const features = await networkFeatures({
    module,
    about: { name },
    layer,
    preset,
    decoding,
    read,
    batch: atOnce,
  });
  return { features, words: `${name} ${layer}, ${preparation(presetName, preset, decoding)}`, batch: atOnce };
}

async function loaded(values: ModelValues, name: string, presetName: string): Promise<Module> {
  const seed = values['random-weights'];
  const { weights } = values;
  if (weights !== undefined && seed !== undefined) {
    throw wrongValue('extract', 'received both --weights and --random-weights');
  }
  if (weights === undefined && seed === undefined) {
    throw wrongValue(
      'extract',
      `${name} has no weights of its own`,
      `give a file of them with --weights ${name}.safetensors (or .pth), or --random-weights 1 for a try without`,
    );
  }
  const numClasses = whole(values['num-classes'], 'num-classes', 1, 1e6);
  if (seed !== undefined) manualSeed(whole(seed, 'random-weights', 0, Number.MAX_SAFE_INTEGER)!);
  const dict = weights === undefined ? null : await readWeights(weights);
  const ofTorchvision = presetName.startsWith('torchvision');
  const module = publishedModel(name, { numClasses, weights: dict, ofTorchvision });
  if (weights !== undefined && dict !== null) putWeights(module, dict, weights);
  return module;
}

function chosenPreset(
  values: ModelValues,
  name: string,
  side: number,
): { presetName: string; preset: Preset } {
  const wanted = values.preset;
  if (wanted !== undefined && !isPresetName(wanted)) {
    throw wrongValue('extract', `--preset must be one of ${PRESET_NAMES.join(', ')}, received '${wanted}'`);
  }
  const file = values.weights === undefined ? undefined : basename(values.weights);
  const found = presetFor(name, wanted, file);
  const base = found?.preset ?? unpublished(side);
  const crop = whole(values.crop, 'crop', 1, 4096);
  const resize = whole(values.resize, 'resize', 1, 4096);
  const interpolation = values.interpolation ?? base.interpolation;
  if (interpolation !== 'bilinear' && interpolation !== 'bicubic') {
    throw wrongValue('extract', `--interpolation must be bilinear or bicubic, received '${interpolation}'`);
  }
  const preset = {
    resize: resize ?? Math.max(base.resize, crop ?? 0),
    crop: crop ?? Math.min(base.crop, resize ?? base.crop),
    interpolation,
    mean: statistics(values.mean, 'mean') ?? base.mean,
    std: statistics(values.std, 'std') ?? base.std,
  } as const;
  if (preset.crop > preset.resize) {
    throw wrongValue('extract', `--crop ${preset.crop} is larger than --resize ${preset.resize}`);
  }
  if (!preset.std.every((value) => value > 0)) {
    throw wrongValue('extract', `--std must be positive, received '${values.std}'`);
  }
  const own = JSON.stringify(preset) === JSON.stringify({ ...base });
  const presetName = found?.name ?? 'no published preset';
  return { presetName: own ? presetName : `${presetName}, changed`, preset };
}

function chosenDecoding(text: string | undefined): Decoding {
  if (text === undefined || text === 'full' || text === 'scaled') return text ?? 'full';
  throw wrongValue('extract', `--decode must be full or scaled, received '${text}'`);
}

const isPresetName = (text: string): text is PresetName => PRESET_NAMES.some((name) => name === text);

function whole(text: string | undefined, name: string, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw wrongValue(
    'extract',
    `--${name} must be a whole number from ${least} to ${most}, received '${text}'`,
  );
}

/** One number for all channels, or three. */
function statistics(text: string | undefined, name: string): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite) && values.length === 1) return [values[0], values[0], values[0]];
  if (values.every(Number.isFinite) && values.length === 3) return values;
  throw wrongValue(
    'extract',
    `--${name} must be one number or three as 0.485,0.456,0.406, received '${text}'`,
  );
}
