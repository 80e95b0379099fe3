// What computes: a compiled session of convkit, or onnxruntime-node behind the same few functions, to compare.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { backend, compile, io, models, nn, ops, Tensor } from 'convkit';
import { normalisePixels, normalisePlanes } from './image.js';
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
    maxQueue: queue,
  });
  const values = new Float32Array(3 * size * size);
  // Pixels have their channels last, as the engine wants them: dimensions are named anew, and nothing is transposed
  const tensorOf = (pixels) =>
    ops.permute(new Tensor(normalisePixels(pixels, values), [1, size, size, 3]), { dims: [0, 3, 1, 2] });
  await session.run(tensorOf(new Uint8Array(3 * size * size)));
  const { isa, name, threads: taken } = backend.info();
  return {
    name: `convkit, ${isa ?? name}, ${taken} threads`,
    features: features ?? null,
    async run(pixels, signal) {
      const results = await session.run(tensorOf(pixels), { signal });
      return {
        output: withoutBatch(results.output.data, results.output.shape),
        features: features ? withoutBatch(results[features].data, results[features].shape) : null,
      };
    },
    busy: (error) => error?.code === 'ERR_QUEUE_FULL' || error?.code === 'ERR_CLOSED',
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

/** Runs one image after the other, as convkit's session does, and refuses like it where too many wait. */
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
  let waiting = 0;
  let last = Promise.resolve();
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

class QueueFull extends Error {}

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
