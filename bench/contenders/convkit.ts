// convkit through its public API, on one backend and instruction set, in one of two ways: channels-last tensors in
// and out (how layers hand them to each other), or plain NCHW data in and NCHW data out of every call.

import type { Isa } from '../../binding.js';
import type { Tensor } from '../../lib/index.js';
import type { WeightedLayer } from '../../lib/nn/weighted-layer.js';
import type { Layer } from '../layer.js';
import { shapes } from '../layer.js';
import { loadLibrary, loadTrace } from '../library.js';
import { Absent, type Algorithm, type Contender, type Settings } from './contender.js';

export interface ConvkitOptions {
  readonly backend: Isa | 'reference';
  readonly layout: 'channelsLast' | 'nchw';
  readonly algorithm: 'auto' | 'direct' | 'winograd';
}

/** @throws Absent where this machine or build has no such backend. */
export async function convkitContender(settings: Settings, options: ConvkitOptions): Promise<Contender> {
  const { layer, data, threads } = settings;
  const { convkit, engine } = await loadLibrary();
  try {
    if (options.backend === 'reference') engine.use('reference');
    else engine.use('native', { isa: options.backend });
  } catch (error) {
    throw new Absent(error instanceof Error ? error.message : String(error));
  }
  engine.setThreads(threads);
  const shape = shapes(layer);
  const conv = makeConv(layer, options.algorithm, convkit);
  conv.loadStateDict({
    weight: new convkit.Tensor(data.weight, shape.weight),
    bias: new convkit.Tensor(data.bias, [layer.outChannels]),
  });
  const resident = laidOut(new convkit.Tensor(data.x, shape.x), convkit);
  const input =
    options.layout === 'channelsLast' ? () => resident : () => new convkit.Tensor(data.x, shape.x);
  const forward = () => convkit.noGrad(() => conv.forward(input()));
  return {
    run() {
      const y = forward();
      if (options.layout === 'nchw') y.data;
    },
    async output() {
      return forward().data;
    },
    version: `numerics ${engine.info().numerics}`,
    algorithm: await algorithmOf(conv, resident),
  };
}

/** How the library computes this layer: what its own choice was, where it was left to choose. */
async function algorithmOf(layer: WeightedLayer, x: Tensor): Promise<Algorithm> {
  const { observe } = await loadTrace();
  let found: Algorithm = 'direct';
  observe(
    (step) => {
      if (step.kind === 'conv') found = step.geometry.algorithm;
    },
    () => layer.forward(x),
  );
  return found;
}

type Library = Awaited<ReturnType<typeof loadLibrary>>['convkit'];

/** The input as another layer would hand it over; `channelsLast()` takes a batch of sequences for one image. */
function laidOut(x: Tensor, { nn }: Library): Tensor {
  return x.shape.length === 3 ? new nn.MaxPool1d(1).forward(x) : x.channelsLast();
}

/** @throws Absent where the algorithm does not serve the layer, or is the only one that does. */
export function makeConv(
  layer: Layer,
  algorithm: ConvkitOptions['algorithm'],
  { nn }: Library,
): WeightedLayer {
  const { inChannels, outChannels, kernelSize, stride, dilation, groups } = layer;
  const padding = layer.padBegin.map((begin, axis): [number, number] => [begin, layer.padEnd[axis]]);
  if (algorithm === 'winograd' && !servedByWinograd(layer))
    throw new Absent('Winograd does not serve this layer');
  if (algorithm === 'direct' && !servedByWinograd(layer))
    throw new Absent('this layer is always computed directly');
  const options = { stride, dilation, groups, padding, algorithm };
  const { outputPadding } = layer;
  switch (layer.operation) {
    case 'conv1d':
      return new nn.Conv1d(inChannels, outChannels, kernelSize, options);
    case 'conv2d':
      return new nn.Conv2d(inChannels, outChannels, kernelSize, options);
    case 'conv3d':
      return new nn.Conv3d(inChannels, outChannels, kernelSize, options);
    case 'convTranspose1d':
      return new nn.ConvTranspose1d(inChannels, outChannels, kernelSize, { ...options, outputPadding });
    case 'convTranspose2d':
      return new nn.ConvTranspose2d(inChannels, outChannels, kernelSize, { ...options, outputPadding });
    case 'convTranspose3d':
      return new nn.ConvTranspose3d(inChannels, outChannels, kernelSize, { ...options, outputPadding });
  }
}

const servedByWinograd = ({ operation, kernelSize, stride, groups }: Layer): boolean =>
  operation === 'conv2d' && kernelSize.join() === '3,3' && stride.join() === '1,1' && groups === 1;
