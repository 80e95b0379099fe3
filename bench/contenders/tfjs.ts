// tfjs on its plain JavaScript backend, the yardstick of the TypeScript backend, or on its WebAssembly backend. Its
// convolutions are channels-last, ungrouped but for depthwise, and take one stride and one padding for all dimensions.

import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { isDepthwise, type Layer, product, shapes } from '../layer.js';
import { Absent, type Contender, peer, type Settings } from './contender.js';
import { packageVersion } from './onnxruntime.js';

/** The part of @tensorflow/tfjs-core that is used here. */
interface Tfjs {
  /** No checks that only debugging needs, no banner. */
  enableProdMode(): void;
  setBackend(name: 'cpu' | 'wasm'): Promise<boolean>;
  tensor4d(values: Float32Array, shape: readonly number[]): TfjsTensor;
  tensor1d(values: Float32Array): TfjsTensor;
  transpose(x: TfjsTensor, order: readonly number[]): TfjsTensor;
  conv2d: Convolution;
  depthwiseConv2d: Convolution;
  add(a: TfjsTensor, b: TfjsTensor): TfjsTensor;
}
type Convolution = (
  x: TfjsTensor,
  filter: TfjsTensor,
  strides: number,
  pad: number,
  format: 'NHWC',
  dilations: number,
) => TfjsTensor;
interface TfjsTensor {
  dataSync(): Float32Array;
  dispose(): void;
}
interface TfjsWasm {
  setWasmPaths(folder: string): void;
}

export async function tfjs({ layer, data }: Settings, backend: 'cpu' | 'wasm'): Promise<Contender> {
  const { stride, dilation, padBegin, padEnd } = layer;
  const depthwise = isDepthwise(layer);
  if (layer.operation !== 'conv2d' || (layer.groups !== 1 && !depthwise))
    throw new Absent('tfjs: takes conv2d, ungrouped or depthwise');
  if (!uniform([padBegin, padEnd].flat()) || !uniform(stride) || !uniform(dilation))
    throw new Absent('tfjs: takes equal strides, dilations and paddings');
  const tf = await peer<Tfjs>('@tensorflow/tfjs-core');
  await load(backend);
  tf.enableProdMode();
  if (!(await tf.setBackend(backend))) throw new Absent(`tfjs: its ${backend} backend does not start`);
  const shape = shapes(layer);
  const x = tf.transpose(tf.tensor4d(data.x, shape.x), [0, 2, 3, 1]);
  // [K, C / groups, H, W] -> [H, W, C, K], depthwise [H, W, C, multiplier]
  const filter = depthwise
    ? tf.transpose(tf.tensor4d(data.weight, perChannel(layer)), [2, 3, 0, 1])
    : tf.transpose(tf.tensor4d(data.weight, shape.weight), [2, 3, 1, 0]);
  const bias = tf.tensor1d(data.bias);
  const convolve = depthwise ? tf.depthwiseConv2d : tf.conv2d;
  const forward = (): TfjsTensor => {
    const sums = convolve(x, filter, stride[0], padBegin[0], 'NHWC', dilation[0]);
    const y = tf.add(sums, bias);
    sums.dispose();
    return y;
  };
  return {
    run() {
      forward().dispose(); // both backends compute at once; nothing waits for its data to be read
    },
    async output() {
      return channelsFirst(forward().dataSync(), layer);
    },
    version: packageVersion('@tensorflow/tfjs-core'),
  };
}

async function load(backend: 'cpu' | 'wasm'): Promise<void> {
  if (backend === 'cpu') {
    await peer('@tensorflow/tfjs-backend-cpu');
    return;
  }
  const { setWasmPaths } = await peer<TfjsWasm>('@tensorflow/tfjs-backend-wasm');
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(join(dirname(entry), 'dist') + sep);
}

/** A depthwise weight [C * multiplier, 1, H, W] as [C, multiplier, H, W]. */
function perChannel({ inChannels, outChannels, kernelSize }: Layer): number[] {
  return [inChannels, outChannels / inChannels, ...kernelSize];
}

const uniform = (values: readonly number[]): boolean => values.every((value) => value === values[0]);

/** [N, positions, C] -> [N, C, positions] of the layer's output. */
function channelsFirst(values: Float32Array, layer: Layer): Float32Array {
  const [batch, channels, ...size] = shapes(layer).y;
  const positions = product(size);
  const result = new Float32Array(values.length);
  for (let n = 0; n < batch; n++)
    for (let p = 0; p < positions; p++)
      for (let c = 0; c < channels; c++)
        result[(n * channels + c) * positions + p] = values[(n * positions + p) * channels + c];
  return result;
}
