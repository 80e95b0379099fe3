// What computes: a compiled session of convkit, or onnxruntime-node behind the same few functions, to compare.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { backend, compile, io, models, nn, Tensor } from 'convkit';
import { normalisePlanes } from './image.js';
import { UsageError } from './options.js';

/**
 * An engine: `run(pixels, signal)` gives `{ output, features }` of one image [size, size, 3], each `{ data, shape }` without
 * the batch, features null where there are none; `busy(error)` says whether it refused because too much waits; `close()`
 * resolves when everything under way has ended.
 */
export const makeEngine = (options) =>
  options.engine === 'convkit' ? convkitEngine(options) : onnxruntimeEngine(options);

async function convkitEngine(options) {
  const { size, queue, threads } = options;
  if (threads !== undefined) backend.setThreads(threads);
  const network = await load(options);
  const paths = new Set(network.namedModules().map(([path]) => path));
  const features = options.features ?? (paths.has('avgpool') ? 'avgpool' : undefined);
  const session = await compile(network.eval(), {
    inputShape: [1, 3, size, size],
    outputs: features === undefined ? ['output'] : [features, 'output'],
    releaseWeights: true, // images have one size, and nothing else uses the network
  });
  // One array for all images: a session that is not running takes it over before the next one is written. A new one for each
  // image would have the garbage collector stop the event loop several times a second
  const values = new Float32Array(3 * size * size);
  const compute = async (pixels, signal) => {
    signal?.throwIfAborted();
    const x = new Tensor(normalisePlanes(pixels, values), [1, 3, size, size]);
    const { output, [features ?? 'output']: inner } = await session.run(x, { signal });
    return {
      output: withoutBatch(output.data, output.shape),
      features: features ? withoutBatch(inner.data, inner.shape) : null,
    };
  };
  await compute(new Uint8Array(3 * size * size));
  const { isa, name, threads: taken } = backend.info();
  return {
    name: `convkit, ${isa ?? name}, ${taken} threads`,
    features: features ?? null,
    ...inTurn(compute, queue),
    close: () => session.close(),
  };
}

const withoutBatch = (data, shape) => ({ data, shape: [...shape.slice(1)] });

async function load({ model, weights, onnx, network }) {
  if (network !== undefined) {
    const made = (await import(pathToFileURL(resolve(network)).href)).default;
    if (made instanceof nn.Module) return made;
    throw new UsageError(`the default export of ${network} must be an nn.Module`);
  }
  if (onnx !== undefined) return io.loadOnnx(onnx);
  const made = named(model);
  if (weights !== undefined) {
    const dict = await (/\.pth?$/.test(weights) ? io.loadPth : io.loadSafetensors)(weights);
    made.loadStateDict(dict, { assign: true, remap: 'auto' });
  }
  return made;
}

function named(model) {
  try {
    return models.byName(model);
  } catch (error) {
    throw new UsageError(error.message);
  }
}

async function onnxruntimeEngine({ onnx, size, queue, threads, onnxruntime }) {
  const { InferenceSession, Tensor: OnnxTensor } = findOnnxruntime(onnxruntime);
  const session = await InferenceSession.create(onnx, {
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  const compute = async (pixels, signal) => {
    signal?.throwIfAborted();
    const values = normalisePlanes(pixels, new Float32Array(3 * size * size));
    const x = new OnnxTensor('float32', values, [1, 3, size, size]);
    const { data, dims } = (await session.run({ [input]: x }))[output];
    return { output: withoutBatch(data, dims), features: null };
  };
  await compute(new Uint8Array(3 * size * size));
  return {
    name: `onnxruntime-node, ${threads ?? 'its own number of'} threads`,
    features: null,
    ...inTurn(compute, queue),
  };
}

class QueueFull extends Error {}

/** One image after the other, and a refusal where `queue` of them wait already. */
function inTurn(compute, queue) {
  let waiting = 0;
  let last = Promise.resolve();
  return {
    async run(pixels, signal) {
      if (waiting > queue) throw new QueueFull();
      waiting++;
      const result = last.then(() => compute(pixels, signal)).finally(() => waiting--);
      last = result.catch(() => {});
      return result;
    },
    busy: (error) => error instanceof QueueFull,
    close: () => last,
  };
}

function findOnnxruntime(folder) {
  const root = join(import.meta.dirname, '..', '..');
  const places = [folder, import.meta.dirname, join(root, 'bench')].filter((place) => place !== undefined);
  for (const place of places) {
    const manifest = join(resolve(place), 'package.json');
    try {
      return createRequire(existsSync(manifest) ? manifest : join(place, 'x.js'))('onnxruntime-node');
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new UsageError(
    `onnxruntime-node is in none of ${places.join(', ')}; run: npm install onnxruntime-node`,
  );
}
