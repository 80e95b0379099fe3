// TensorFlow.js's layers on its plain JavaScript backend.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';

// Production mode also keeps it from advertising its native backend.
tf.enableProdMode();

export interface Numbers {
  data: ArrayLike<number>;
  shape: number[];
}

/** What one of TF.js's layers, called by its factory's name, makes of x with these weights. */
export function tfjsLayer(
  factory: keyof typeof layers,
  options: object,
  x: Numbers,
  weights: readonly Numbers[],
): Numbers {
  return tf.tidy(() => {
    const make: unknown = layers[factory];
    if (typeof make !== 'function') throw new Error(`TF.js has no layers.${factory}`);
    const layer = Reflect.apply(make, layers, [options]);
    const input = tf.tensor(Float32Array.from(x.data), x.shape);
    layer.build(x.shape);
    layer.setWeights(weights.map(({ data, shape }) => tf.tensor(Float32Array.from(data), shape)));
    const y: unknown = layer.apply(input);
    if (!(y instanceof tf.Tensor)) throw new Error('TF.js gave no tensor');
    return { data: y.dataSync(), shape: [...y.shape] };
  });
}
