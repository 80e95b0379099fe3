// What `convkit bench` times: convolution layers of published networks, one of each kind, and whole networks.

import { summary } from '../analysis/index.js';
import { compile } from '../graph/compile.js';
import { Conv2d, type Conv2dOptions } from '../nn/conv.js';
import type { Module } from '../nn/module.js';
import { manualSeed } from '../numerics/philox.js';
import { observe } from '../ops/trace.js';
import { noGrad } from '../tensor/no-grad.js';
import { Tensor } from '../tensor/tensor.js';

/** Something to time. */
export interface Subject {
  readonly name: string;
  /** 2 x MACs of direct sums, whatever the algorithm. */
  readonly flops: number;
  /** Makes it for the engine that is chosen now. */
  ready(): Promise<Ready>;
}

export interface Ready {
  /** One call. */
  run(): void;
  /** How it is computed, such as 'winograd4' or '52 steps'. */
  readonly by: string;
  close(): Promise<void>;
}

interface LayerPlan {
  readonly name: string;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: number;
  /** Of its square input. */
  readonly size: number;
  readonly options?: Conv2dOptions;
}

const layer = (
  name: string,
  [inChannels, outChannels, kernelSize, size]: readonly [number, number, number, number],
  options: Conv2dOptions = {},
): LayerPlan => ({ name, inChannels, outChannels, kernelSize, size, options });

const same = { padding: 1 } as const;

/** Layers of ResNet-50, VGG-16, MobileNet, ResNeXt and DeepLab, as the project's benchmark has them in its set 'foundation'. */
export const LAYERS: readonly LayerPlan[] = [
  layer('stem-224', [3, 64, 7, 224], { stride: 2, padding: 3 }),
  layer('1x1-56-64-64', [64, 64, 1, 56]),
  layer('1x1-56-64-256', [64, 256, 1, 56]),
  layer('1x1-56-256-64', [256, 64, 1, 56]),
  layer('1x1-28-512-128', [512, 128, 1, 28]),
  layer('1x1-14-256-1024', [256, 1024, 1, 14]),
  layer('1x1-7-512-2048', [512, 2048, 1, 7]),
  layer('3x3-56-64', [64, 64, 3, 56], same),
  layer('3x3-28-128', [128, 128, 3, 28], same),
  layer('3x3-14-256', [256, 256, 3, 14], same),
  layer('3x3-7-512', [512, 512, 3, 7], same),
  layer('vgg-224-64', [64, 64, 3, 224], same),
  layer('vgg-56-256', [256, 256, 3, 56], same),
  layer('3x3s2-56-128', [128, 128, 3, 56], { stride: 2, padding: 1 }),
  layer('deeplab-28-256', [256, 256, 3, 28], { padding: 4, dilation: 4 }),
  layer('depthwise-112-32', [32, 32, 3, 112], { padding: 1, groups: 32 }),
  layer('depthwise-56s2-144', [144, 144, 3, 56], { stride: 2, padding: 1, groups: 144 }),
  layer('depthwise-14-576', [576, 576, 3, 14], { padding: 1, groups: 576 }),
  layer('resnext-28-256', [256, 256, 3, 28], { padding: 1, groups: 32 }),
];

/** The networks of `--models`. */
export const NETWORKS = [
  'resnet18',
  'resnet50',
  'vgg16',
  'resnext50_32x4d',
  'mobilenet_v2',
  'efficientnet_b0',
  'densenet121',
  'googlenet',
  'inception_v3',
] as const;

/** A layer called by itself, from a channels-last tensor to another. */
export function layerSubject(plan: LayerPlan, batch: number): Subject {
  const shape = [batch, plan.inChannels, plan.size, plan.size];
  manualSeed(0);
  const conv = new Conv2d(plan.inChannels, plan.outChannels, plan.kernelSize, plan.options);
  return {
    name: plan.name,
    flops: flopsOf(conv, shape),
    async ready() {
      const x = Tensor.randn(shape, { seed: 1 }).channelsLast();
      let by = '';
      observe(
        (step) => {
          if (step.kind === 'conv') by = step.geometry.algorithm;
        },
        () => conv.forward(x),
      );
      return { run: () => void noGrad(() => conv.forward(x)), by, close: async () => {} };
    },
  };
}

/** A compiled network, from row-major images to its output. */
export function networkSubject(name: string, module: Module, inputShape: readonly number[]): Subject {
  return {
    name,
    flops: flopsOf(module, inputShape),
    async ready() {
      const session = await compile(module.eval(), { inputShape });
      const x = Tensor.randn([...inputShape], { seed: 1 });
      const by = `${session.summary().steps.length} steps`;
      return { run: () => void session.runSync(x), by, close: () => session.close() };
    },
  };
}

const flopsOf = (module: Module, inputShape: readonly number[]): number =>
  2 * summary(module, { inputShape }).totals.macs;
