// What published weights want of their images: sizes, interpolation, means and deviations, by architecture and by who
// trained them. The numbers are torchvision 0.29's (`get_model_weights(name)` and their `transforms()`) and timm 1.0.29's
// (`get_pretrained_cfg(name)`, whose resize is floor(size / crop_pct)).

import { wrongValue } from '../errors.js';
import type { Interpolation } from '../image/resize.js';

export interface Preset {
  /** The shorter side after resizing. */
  readonly resize: number;
  /** The side of the square that is cut from the middle. */
  readonly crop: number;
  readonly interpolation: Interpolation;
  /** Of red, green and blue between 0 and 1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export type PresetName = 'torchvision-v1' | 'torchvision-v2' | 'timm';
export const PRESET_NAMES: readonly PresetName[] = ['torchvision-v1', 'torchvision-v2', 'timm'];

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const HALVES = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

type Statistics = Pick<Preset, 'mean' | 'std'>;

const bilinear = (resize: number, crop: number, statistics: Statistics = IMAGENET): Preset => ({
  resize,
  crop,
  interpolation: 'bilinear',
  ...statistics,
});
const bicubic = (resize: number, crop: number, statistics: Statistics = IMAGENET): Preset => ({
  ...bilinear(resize, crop, statistics),
  interpolation: 'bicubic',
});

interface Published {
  readonly v1?: Preset;
  readonly v2?: Preset;
  /** The tail of the name that torchvision's second weights have: they say which they are. */
  readonly v2File?: string;
  readonly timm?: Preset;
}

const usual = bilinear(256, 224);
const second = bilinear(232, 224);
const strong = bicubic(235, 224); // crop_pct 0.95
const cubic = bicubic(256, 224); // crop_pct 0.875

const published: Readonly<Record<string, Published>> = {
  alexnet: { v1: usual },
  ...Object.fromEntries(
    ['vgg11', 'vgg13', 'vgg16', 'vgg19']
      .flatMap((name) => [name, `${name}bn`])
      .map((name) => [name, { v1: usual, timm: usual }]),
  ),
  resnet18: { v1: usual, timm: strong },
  resnet34: { v1: usual, timm: strong },
  resnet50: { v1: usual, v2: second, v2File: '11ad3fa6', timm: strong },
  resnet101: { v1: usual, v2: second, v2File: 'cd907fc2', timm: strong },
  resnet152: { v1: usual, v2: second, v2File: 'f82ba261', timm: strong },
  wideresnet502: { v1: usual, v2: second, v2File: '9ba9bcbe', timm: cubic },
  wideresnet1012: { v1: usual, v2: second, v2File: 'd733dc28', timm: usual },
  resnext5032x4d: { v1: usual, v2: second, v2File: '1a0047aa', timm: strong },
  resnext10132x8d: { v1: usual, v2: second, v2File: '110c445d', timm: usual },
  googlenet: { v1: usual },
  inceptionv3: { v1: bilinear(342, 299), timm: bicubic(341, 299, HALVES) },
  densenet121: { v1: usual, timm: cubic },
  densenet169: { v1: usual, timm: cubic },
  mobilenetv1: { timm: bicubic(256, 224, HALVES) },
  mobilenetv2: { v1: usual, v2: second, v2File: '7ebf99e0', timm: cubic },
  mobilenetv3small: { v1: usual, timm: cubic },
  mobilenetv3large: { v1: usual, v2: second, v2File: '5c1a4163', timm: cubic },
  efficientnetb0: { v1: bicubic(256, 224), timm: cubic },
  efficientnetb1: {
    v1: bicubic(256, 240),
    v2: bilinear(255, 240),
    v2File: 'c27df63c',
    timm: bicubic(266, 240, HALVES), // crop_pct 0.9
  },
  efficientnetb2: { v1: bicubic(288, 288), timm: bicubic(292, 256) },
  efficientnetb3: { v1: bicubic(320, 300), timm: bicubic(329, 288) },
  efficientnetb4: { v1: bicubic(384, 380), timm: bicubic(365, 320) },
  squeezenet11: { v1: usual },
  shufflenetv2x10: { v1: usual },
};

/** torchvision's, timm's and this package's spellings of an architecture as one. */
const OTHER_SPELLINGS: Readonly<Record<string, string>> = {
  mobilenetv1100: 'mobilenetv1',
  mobilenetv2100: 'mobilenetv2',
  shufflenetv2: 'shufflenetv2x10',
};
function publishedFor(model: string): Published {
  const plain = model.toLowerCase().replace(/[_-]/g, '');
  const name = OTHER_SPELLINGS[plain] ?? plain;
  return Object.hasOwn(published, name) ? published[name] : {};
}

const of = (model: string): Record<PresetName, Preset | undefined> => {
  const { v1, v2, timm } = publishedFor(model);
  return { 'torchvision-v1': v1, 'torchvision-v2': v2, timm };
};

/**
 * The preset of an architecture by name, or without one that of the weights: torchvision's second where the file has the name
 * under which they are published, else torchvision's first, else timm's. null for an architecture without published weights.
 *
 * @throws RangeError where the architecture has no preset of that name.
 */
export function presetFor(
  model: string,
  wanted: PresetName | undefined,
  weightsFile: string | undefined,
): { name: PresetName; preset: Preset } | null {
  const all = of(model);
  const there = PRESET_NAMES.filter((name) => all[name] !== undefined);
  if (wanted !== undefined) {
    const preset = all[wanted];
    if (preset !== undefined) return { name: wanted, preset };
    const cure = there.length === 0 ? 'give --resize, --crop, --mean, --std' : `it has ${there.join(', ')}`;
    throw wrongValue('extract', `${model} has no published weights of preset ${wanted}`, cure);
  }
  const { v2File } = publishedFor(model);
  const isSecond = v2File !== undefined && weightsFile?.includes(v2File) === true;
  const [name] = isSecond ? (['torchvision-v2'] as const) : there;
  const preset = name === undefined ? undefined : all[name];
  return name === undefined || preset === undefined ? null : { name, preset };
}

/** For architectures without published weights: ImageNet's statistics, and sizes of which 7/8 are kept. */
export const unpublished = (crop: number): Preset => bilinear(Math.round(crop / 0.875), crop);

/** From how many pixels an image is made: every one that it has, or what the decoder scales large JPEG files down to. */
export type Decoding = 'full' | 'scaled';

/** A preset in words, for manifests and closing lines. */
export function presetWords(preset: Preset, decoding: Decoding): Record<string, unknown> {
  const { resize, crop, interpolation, mean, std } = preset;
  const decode = 'sharp to uint8 sRGB, turned by EXIF orientation, first page, transparency dropped';
  const antialiased = `antialiased ${interpolation} in whole numbers (Pillow's method)`;
  return {
    decode: decoding === 'full' ? decode : `${decode}, JPEG files from 3 times that size on scaled`,
    resize: `shorter side to ${resize}, ${decoding === 'full' ? '' : 'scaled ones by sharp, others '}${antialiased}`,
    crop: `centred ${crop} x ${crop}`,
    scale: 'divided by 255',
    mean,
    std,
  };
}
