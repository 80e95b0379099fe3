// tfjs on its plain JavaScript backend: the yardstick of the TypeScript backend. Its convolutions are
// channels-last, ungrouped but for depthwise, and take one stride and one padding for all dimensions.

import { type Layer, product, shapes } from '../layer.js';
import { Absent, type Contender, peer, type Settings } from './contender.js';
import { packageVersion } from './onnxruntime.js';

/** The part of @tensorflow/tfjs-core that is used here. */
interface Tfjs {
  /** No checks that only debugging needs, no banner. */
  enableProdMode(): void;
  setBackend(name: 'cpu'): Promise<boolean>;
  tensor4d(values: Float32Array, shape: readonly number[]): TfjsTensor;
  transpose(x: TfjsTensor, order: readonly number[]): TfjsTensor;
  conv2d(
    x: TfjsTensor,
    filter: TfjsTensor,
    strides: number,
    pad: number,
    format: 'NHWC',
    dilations: number,
  ): TfjsTensor;
  add(a: TfjsTensor, b: TfjsTensor): TfjsTensor;
  tensor1d(values: Float32Array): TfjsTensor;
}
interface TfjsTensor {
  dataSync(): Float32Array;
  dispose(): void;
}

export async function tfjs({ layer, data }: Settings): Promise<Contender> {
  const { stride, dilation, padBegin, padEnd } = layer;
  const numbers = [padBegin, padEnd].flat();
  if (
    layer.operation !== 'conv2d' ||
    layer.groups !== 1 ||
    !uniform(numbers) ||
    !uniform(stride) ||
    !uniform(dilation)
  )
    throw new Absent(
      'tfjs: this contender takes ungrouped conv2d with equal strides, dilations and paddings',
    );
  const tf = await peer<Tfjs>('@tensorflow/tfjs-core');
  await peer('@tensorflow/tfjs-backend-cpu');
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const shape = shapes(layer);
  const x = tf.transpose(tf.tensor4d(data.x, shape.x), [0, 2, 3, 1]);
  const filter = tf.transpose(tf.tensor4d(data.weight, shape.weight), [2, 3, 1, 0]);
  const bias = tf.tensor1d(data.bias);
  const forward = (): TfjsTensor => {
    const sums = tf.conv2d(x, filter, stride[0], padBegin[0], 'NHWC', dilation[0]);
    const y = tf.add(sums, bias);
    sums.dispose();
    return y;
  };
  return {
    run() {
      const y = forward();
      y.dataSync();
      y.dispose();
    },
    async output() {
      return channelsFirst(forward().dataSync(), layer);
    },
    version: packageVersion('@tensorflow/tfjs-core'),
  };
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
