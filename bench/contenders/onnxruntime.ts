// ONNX Runtime through onnxruntime-node: a model file of one convolution, its input tensor prepared, and the time
// of session.run, with the options that a user who cares for speed sets.

import { createRequire } from 'node:module';
import { shapes } from '../layer.js';
import { convolutionModel } from '../onnx.js';
import { type Contender, peer, type Settings } from './contender.js';

/** The part of onnxruntime-node that is used here, so that type checks need no peers installed. */
export interface OnnxRuntime {
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => OnnxTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array | string,
      options: object,
    ): Promise<{
      run(feeds: Record<string, OnnxTensor>): Promise<Record<string, OnnxTensor>>;
    }>;
  };
}
interface OnnxTensor {
  readonly data: Float32Array;
}

/** `spinning: false` lets its workers sleep as soon as they have no work; its default is to spin for a while. */
export async function onnxruntime(settings: Settings, options: { spinning: boolean }): Promise<Contender> {
  const { InferenceSession, Tensor } = await peer<OnnxRuntime>('onnxruntime-node');
  const { layer, data, threads } = settings;
  const session = await InferenceSession.create(convolutionModel(layer, data), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    ...(options.spinning ? {} : { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
  });
  const feeds = { x: new Tensor('float32', data.x, shapes(layer).x) };
  return {
    async run() {
      await session.run(feeds);
    },
    async output() {
      return (await session.run(feeds)).y.data;
    },
    version: packageVersion('onnxruntime-node'),
  };
}

/** The version in the package.json of an installed peer. */
export function packageVersion(name: string): string {
  const manifest: unknown = createRequire(import.meta.url)(`${name}/package.json`);
  return (manifest as { version: string }).version;
}
