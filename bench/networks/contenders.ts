// Whole networks on convkit's sessions and on onnxruntime, each as its API is used: images in, logits out, off the event loop.

import { readFileSync } from 'node:fs';
import type { Module } from '../../lib/nn/module.js';
import { Absent, peer } from '../contenders/contender.js';
import { type OnnxRuntime, packageVersion } from '../contenders/onnxruntime.js';
import { product } from '../layer.js';
import { loadLibrary } from '../library.js';
import type { NetworkOrders, Work } from './protocol.js';

type Settings = NetworkOrders['open']['request'] & { readonly x: Float32Array };

export interface NetworkContender {
  /** One batch of images; its logits, as they lie in memory. */
  run(): Promise<Float32Array>;
  readonly version: string;
  work(): Work[];
}

/** @throws Absent where it cannot take part here. */
export async function makeNetwork(settings: Settings): Promise<NetworkContender> {
  const [family, variant = ''] = settings.contender.split(':');
  if (family === 'onnxruntime') return onnxruntime(settings);
  if (family === 'convkit') return convkit(settings, variant);
  throw new RangeError(`bench: unknown contender '${settings.contender}'`);
}

const shapeOf = ({ batch, spec }: Settings): number[] => [batch, 3, spec.size, spec.size];

async function onnxruntime(settings: Settings): Promise<NetworkContender> {
  const { InferenceSession, Tensor } = await peer<OnnxRuntime>('onnxruntime-node');
  const session = await InferenceSession.create(settings.files.onnx, {
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const feeds = { x: new Tensor('float32', settings.x, shapeOf(settings)) };
  return {
    run: async () => (await session.run(feeds)).y.data,
    version: packageVersion('onnxruntime-node'),
    work: () => [],
  };
}

type Library = Awaited<ReturnType<typeof loadLibrary>>['convkit'];

const SAVINGS: Readonly<Record<string, number>> = { winograd2: 2.25, winograd4: 4 };

/**
 * `variant` is 'exact' for sessions that fold no batch normalisation, 'onnx' for those of the very file that onnxruntime
 * reads, in place of the library's own architecture.
 */
async function convkit(settings: Settings, variant: string): Promise<NetworkContender> {
  const { convkit: library, engine } = await loadLibrary();
  engine.setThreads(settings.threads);
  const net =
    variant === 'onnx' ? await library.io.loadOnnx(settings.files.onnx) : await load(settings, library);
  const inputShape = shapeOf(settings);
  const options = { inputShape, foldBatchNorm: variant !== 'exact', releaseWeights: true };
  const session = await library.compile(net, options);
  return {
    run: async () => (await session.run(new library.Tensor(settings.x, inputShape))).data,
    version: `numerics ${engine.info().numerics}`,
    work: () =>
      session
        .summary()
        .steps.map(({ macs, bytes, algorithm }) => ({ macs, bytes, saving: SAVINGS[algorithm] ?? 1 })),
  };
}

async function load({ spec, files }: Settings, { models, io }: Library): Promise<Module> {
  const make = new Map<string, unknown>(Object.entries(models)).get(spec.model);
  if (typeof make !== 'function') throw new Absent(`there is no models.${spec.model}`);
  const net: Module = make();
  net.loadStateDict(await io.loadSafetensors(files.weights, { lazy: true }), { strict: false, assign: true });
  return net;
}

/** Images that every contender sees: multiples of 2^-23 in [-1, 1) from a linear congruence. */
export function makeImages(length: number): Float32Array {
  const x = new Float32Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    x[i] = (state >> 8) / 2 ** 23;
  }
  return x;
}

export const imagesOf = (settings: NetworkOrders['open']['request']): Float32Array =>
  makeImages(product([settings.batch, 3, settings.spec.size, settings.spec.size]));

/** How far two outputs lie apart, as a share of the largest number in them. */
export function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < a.length; i++) {
    largest = Math.max(largest, Math.abs(a[i]));
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= worst)) worst = difference;
  }
  return worst / largest;
}

/** The numbers of a file that `open` wrote. */
export function readOutput(file: string): Float32Array {
  const raw = readFileSync(file);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
}
