// From a module to a session.

import { openDrain } from '../backend/memory.js';
import { show, wrongType, wrongValue } from '../errors.js';
import { Module } from '../nn/module.js';
import { knownOptions } from '../ops/options.js';
import { checkedShape } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { Network } from './network.js';
import { type Outputs, Session } from './session.js';

export interface CompileOptions {
  /** The shape of the input, such as [1, 3, 224, 224]. Runs may have other batches and image sizes: each is compiled when it is first met. */
  inputShape: readonly number[];
  /**
   * Modules whose outputs are wanted, by path: 'layer4', 'features.3', and 'relu:1' for the second call of a module. 'output' is
   * the network's own. Without it a run gives that one tensor, else a record by these names. A network that gives a record
   * of Tensors (an ONNX file with several outputs) has them by their names, all of them without this option.
   */
  outputs?: readonly string[];
  /**
   * Whether batch normalisation is folded into the weights of the convolution before it: the only step of compiling that
   * changes bits. With false, a session gives the bits of the eager layers; true.
   */
  foldBatchNorm?: boolean;
  /**
   * Whether the module gives its convolutions' and linear layers' weights to the session, which keeps them as its kernels read
   * them and no other way: half the memory. Until weights are loaded again the module itself computes no more, tensors that
   * share those weights are empty, and sizes of images that need another algorithm are refused; false.
   */
  releaseWeights?: boolean;
  /** Runs that may wait for others; more are refused; 1024. */
  maxQueue?: number;
}

/**
 * Makes a session of a network in inference mode: traces it once for each shape of input, fuses what follows convolutions into
 * them, packs the weights, and plans all memory, so that a run is one call of the engine.
 *
 * `forward` is run on shapes alone: it may not read values. Its weights are taken as they are; {@link Session.refresh} takes
 * them again.
 *
 * @throws TypeError | RangeError (rejects) where an option is none, or `forward` does what cannot be traced.
 * @example
 * const net = new nn.Sequential(new nn.Conv2d(3, 8, 3), new nn.ReLU());
 * const session = await compile(net, { inputShape: [1, 3, 32, 32] });
 * (await session.run(Tensor.zeros([4, 3, 32, 32]))).shape; // [4, 8, 30, 30]
 */
export function compile(
  module: Module,
  options: CompileOptions & { outputs: readonly string[] },
): Promise<Session<Record<string, Tensor>>>;
export function compile(module: Module, options: CompileOptions): Promise<Session<Tensor>>;
export async function compile(module: Module, options: CompileOptions): Promise<Session<Outputs>> {
  const operation = 'compile';
  if (!(module instanceof Module)) throw wrongType(operation, `expected a Module, not ${show(module)}`);
  const {
    inputShape,
    outputs,
    foldBatchNorm = true,
    releaseWeights = false,
    maxQueue = 1024,
  } = knownOptions(
    options,
    ['inputShape', 'outputs', 'foldBatchNorm', 'releaseWeights', 'maxQueue'],
    operation,
  );
  if (inputShape === undefined) {
    throw wrongType(operation, 'inputShape is missing', 'give one such as { inputShape: [1, 3, 224, 224] }');
  }
  const shape = checkedShape(inputShape, operation);
  if (typeof foldBatchNorm !== 'boolean') {
    throw wrongType(operation, `foldBatchNorm must be true or false, not ${show(foldBatchNorm)}`);
  }
  if (typeof releaseWeights !== 'boolean') {
    throw wrongType(operation, `releaseWeights must be true or false, not ${show(releaseWeights)}`);
  }
  if (typeof maxQueue !== 'number' || !(maxQueue >= 0)) {
    throw wrongValue(operation, `maxQueue must be a number from 0 up, not ${show(maxQueue)}`);
  }
  const names = outputs === undefined || outputs === null ? null : checkedNames(outputs, operation);
  await openDrain();
  return new Session(
    new Network(module, { inputShape: shape, outputs: names, foldBatchNorm, releaseWeights }),
    maxQueue,
  );
}

function checkedNames(outputs: unknown, operation: string): readonly string[] {
  if (!Array.isArray(outputs) || outputs.length === 0) {
    throw wrongType(operation, `outputs must be an array of module paths, not ${show(outputs)}`);
  }
  return outputs.map((name: unknown) => {
    if (typeof name === 'string') return name;
    throw wrongType(operation, `outputs must be module paths such as 'layer4', not ${show(name)}`);
  });
}
