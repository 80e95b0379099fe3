// Architectures by their names, for those who read them from a command line or a file.

import { show, wrongType, wrongValue } from '../errors.js';
import type { Module } from '../nn/module.js';
import { suggestion } from '../ops/options.js';
import { alexnet, alexnetOriginal } from './alexnet.js';
import { deeplabv3Resnet50, type SegmentationOptions } from './deeplab.js';
import { densenet121, densenet169 } from './densenet.js';
import {
  efficientnetB0,
  efficientnetB1,
  efficientnetB2,
  efficientnetB3,
  efficientnetB4,
} from './efficientnet.js';
import { googlenet } from './googlenet.js';
import { inceptionV3 } from './inception.js';
import type { InceptionOptions } from './inception-blocks.js';
import { lenet5 } from './lenet.js';
import { mobilenetV1, mobilenetV2 } from './mobilenet.js';
import { mobilenetV3Large, mobilenetV3Small } from './mobilenet-v3.js';
import * as residual from './resnet.js';
import { r3d18 } from './resnet3d.js';
import { shufflenetV2 } from './shufflenet.js';
import { squeezenet1_1 } from './squeezenet.js';
import * as vgg from './vgg.js';
import { type WaveNetOptions, wavenet } from './wavenet.js';

/** Options of any architecture; each refuses what is not its own. */
export type ModelOptions = InceptionOptions & SegmentationOptions & WaveNetOptions;

interface Architecture {
  make(options?: ModelOptions): Module;
  /** One input of the size it was published for. */
  readonly inputShape: readonly number[];
}

const images = (make: Architecture['make'], size = 224): Architecture => ({
  make,
  inputShape: [1, 3, size, size],
});

/** By torchvision's names; timm's where torchvision has none. */
const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  alexnet: images(alexnet),
  alexnet_original: images(alexnetOriginal),
  vgg11: images(vgg.vgg11),
  vgg13: images(vgg.vgg13),
  vgg16: images(vgg.vgg16),
  vgg19: images(vgg.vgg19),
  vgg11_bn: images(vgg.vgg11Bn),
  vgg13_bn: images(vgg.vgg13Bn),
  vgg16_bn: images(vgg.vgg16Bn),
  vgg19_bn: images(vgg.vgg19Bn),
  resnet18: images(residual.resnet18),
  resnet34: images(residual.resnet34),
  resnet50: images(residual.resnet50),
  resnet101: images(residual.resnet101),
  resnet152: images(residual.resnet152),
  wide_resnet50_2: images(residual.wideResnet50_2),
  wide_resnet101_2: images(residual.wideResnet101_2),
  resnext50_32x4d: images(residual.resnext50_32x4d),
  resnext101_32x8d: images(residual.resnext101_32x8d),
  googlenet: images(googlenet),
  inception_v3: images(inceptionV3, 299),
  densenet121: images(densenet121),
  densenet169: images(densenet169),
  mobilenetv1_100: images(mobilenetV1),
  mobilenet_v2: images(mobilenetV2),
  mobilenet_v3_small: images(mobilenetV3Small),
  mobilenet_v3_large: images(mobilenetV3Large),
  efficientnet_b0: images(efficientnetB0),
  efficientnet_b1: images(efficientnetB1, 240),
  efficientnet_b2: images(efficientnetB2, 288),
  efficientnet_b3: images(efficientnetB3, 300),
  efficientnet_b4: images(efficientnetB4, 380),
  squeezenet1_1: images(squeezenet1_1),
  shufflenet_v2_x1_0: images(shufflenetV2),
  deeplabv3_resnet50: images(deeplabv3Resnet50, 520),
  r3d_18: { make: r3d18, inputShape: [1, 3, 16, 112, 112] },
  wavenet: { make: wavenet, inputShape: [1, 256, 4096] },
  lenet5: { make: lenet5, inputShape: [1, 1, 28, 28] },
};

/** The names that {@link byName} knows. */
export const names: readonly string[] = Object.freeze(Object.keys(ARCHITECTURES));

const plain = (name: string): string => name.toLowerCase().replaceAll(/[_-]/g, '');
/** timm's and this package's where they say more or less. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  mobilenetv1: 'mobilenetv1100',
  mobilenetv2100: 'mobilenetv2',
  mobilenetv3small100: 'mobilenetv3small',
  mobilenetv3large100: 'mobilenetv3large',
  shufflenetv2: 'shufflenetv2x10',
};
const found = new Map(Object.entries(ARCHITECTURES).map(([name, value]) => [plain(name), value]));

function architecture(name: unknown, operation: string): Architecture {
  if (typeof name !== 'string') throw wrongType(operation, `name must be a string, not ${show(name)}`);
  const known = found.get(OTHER_NAMES[plain(name)] ?? plain(name));
  if (known !== undefined) return known;
  const near = suggestion(name, names);
  const list = near.startsWith('known are') ? near : `${near} Known are ${names.join(', ')}`;
  throw wrongValue(operation, `there is no model ${show(name)}`, list);
}

/**
 * A network by torchvision's name or by this package's, capitals and underscores aside: 'mobilenet_v2' is `models.mobilenetV2`.
 *
 * @throws TypeError | RangeError where there is no such name, listing all that there are.
 * @example
 * models.byName('mobilenet_v2', { numClasses: 10 }) instanceof models.MobileNetV2; // true
 */
export const byName = (name: string, options?: ModelOptions): Module =>
  architecture(name, 'models.byName').make(options);

/**
 * The shape of one input of the size that a network was published for: [1, 3, 224, 224] for most.
 *
 * @throws TypeError | RangeError where there is no such name, listing all that there are.
 * @example
 * models.inputShapeOf('inception_v3'); // [1, 3, 299, 299]
 */
export const inputShapeOf = (name: string): number[] => inputShapeFor(name, 'models.inputShapeOf');

/** The same for who asks on somebody's behalf. */
export const inputShapeFor = (name: string, operation: string): number[] => [
  ...architecture(name, operation).inputShape,
];
