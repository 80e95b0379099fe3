// The architectures of `models` by name: torchvision's names, or this package's, capitals and underscores aside.

import { wrongValue } from '../errors.js';
import * as models from '../models/index.js';
import type { ClassifierOptions } from '../models/options.js';
import type { Module } from '../nn/module.js';

type Make = (options?: ClassifierOptions) => Module;

const makers: Readonly<Record<string, Make>> = {
  alexnet: models.alexnet,
  vgg11: models.vgg11,
  vgg11_bn: models.vgg11Bn,
  vgg13: models.vgg13,
  vgg13_bn: models.vgg13Bn,
  vgg16: models.vgg16,
  vgg16_bn: models.vgg16Bn,
  vgg19: models.vgg19,
  vgg19_bn: models.vgg19Bn,
  resnet18: models.resnet18,
  resnet34: models.resnet34,
  resnet50: models.resnet50,
  resnet101: models.resnet101,
  resnet152: models.resnet152,
  wide_resnet50_2: models.wideResnet50_2,
  wide_resnet101_2: models.wideResnet101_2,
  resnext50_32x4d: models.resnext50_32x4d,
  resnext101_32x8d: models.resnext101_32x8d,
  mobilenet_v1: models.mobilenetV1,
  mobilenet_v2: models.mobilenetV2,
  squeezenet1_1: models.squeezenet1_1,
  lenet5: models.lenet5,
};

const plain = (name: string): string => name.toLowerCase().replace(/_/g, '');
const found = new Map(Object.entries(makers).map(([name, make]) => [plain(name), make]));

/** Torchvision's names. */
export const MODEL_NAMES: readonly string[] = Object.keys(makers);

export const isModelName = (name: string): boolean => found.has(plain(name));

function makerOf(name: string): Make {
  const make = found.get(plain(name));
  if (make !== undefined) return make;
  throw wrongValue('models', `there is no model ${name}`, `known are scattering, ${MODEL_NAMES.join(', ')}`);
}

export const modelByName = (name: string, options?: ClassifierOptions): Module => makerOf(name)(options);

/** The shape of one input of the size that a network was published for. */
export function modelInputShape(name: string): number[] {
  makerOf(name);
  return plain(name) === 'lenet5' ? [1, 1, 28, 28] : [1, 3, 224, 224];
}
