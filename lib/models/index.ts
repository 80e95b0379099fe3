// The networks users call as `models.*`.

export { AlexNet, alexnet } from './alexnet.js';
export { lenet5 } from './lenet.js';
export { MobileNetV1, MobileNetV2, mobilenetV1, mobilenetV2 } from './mobilenet.js';
export type { ClassifierOptions } from './options.js';
export {
  ResNet,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  wideResnet50_2,
  wideResnet101_2,
} from './resnet.js';
export { Scattering, type ScatteringOptions } from './scattering.js';
export { SqueezeNet, squeezenet1_1 } from './squeezenet.js';
export { VGG, vgg11, vgg11Bn, vgg13, vgg13Bn, vgg16, vgg16Bn, vgg19, vgg19Bn } from './vgg.js';
