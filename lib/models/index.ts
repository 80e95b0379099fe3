// The networks users call as `models.*`.

export { AlexNet, AlexNetOriginal, alexnet, alexnetOriginal } from './alexnet.js';
export { byName, inputShapeOf, type ModelOptions, names } from './by-name.js';
export {
  DeepLabV3,
  deeplabv3Resnet50,
  type SegmentationOptions,
  type SegmentationOutputs,
} from './deeplab.js';
export { DenseNet, densenet121, densenet169 } from './densenet.js';
export {
  EfficientNet,
  efficientnetB0,
  efficientnetB1,
  efficientnetB2,
  efficientnetB3,
  efficientnetB4,
} from './efficientnet.js';
export { GoogLeNet, type GoogLeNetOutputs, googlenet } from './googlenet.js';
export { type InceptionOutputs, InceptionV3, inceptionV3 } from './inception.js';
export type { InceptionOptions } from './inception-blocks.js';
export { lenet5 } from './lenet.js';
export { MobileNetV1, MobileNetV2, mobilenetV1, mobilenetV2 } from './mobilenet.js';
export { MobileNetV3, mobilenetV3Large, mobilenetV3Small } from './mobilenet-v3.js';
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
export { r3d18, VideoResNet } from './resnet3d.js';
export { Scattering, type ScatteringOptions } from './scattering.js';
export { ShuffleNetV2, shufflenetV2 } from './shufflenet.js';
export { SqueezeNet, squeezenet1_1 } from './squeezenet.js';
export { VGG, vgg11, vgg11Bn, vgg13, vgg13Bn, vgg16, vgg16Bn, vgg19, vgg19Bn } from './vgg.js';
export { WaveNet, type WaveNetOptions, wavenet } from './wavenet.js';
