// The batch job: files in, one row of features a readable file out, in the files' order. Decoding runs ahead while
// the model computes. It knows nothing of terminals, arguments or exit codes.

import type { Writable } from 'node:stream';
import { requireSharp } from '../image/decode.js';
import type { Scattering } from '../models/scattering.js';
import { Tensor } from '../tensor/tensor.js';
import { ahead } from './ahead.js';
import { type Failure, Manifest, weightsSha256 } from './manifest.js';
import { loadImage, preprocessing } from './preprocess.js';
import { type Format, openSink, type Sink } from './sink.js';

export interface ExtractJob {
  readonly files: readonly string[];
  /** Known before the work starts: arguments that led nowhere. They open the list of failures. */
  readonly missing: readonly Failure[];
  readonly model: Scattering;
  /** A path, or a stream for jsonl. */
  readonly output: string | Writable;
  readonly format: Format;
  /** Where the manifest goes; null for none. */
  readonly manifest: string | null;
  /** The name of the output in the manifest. */
  readonly outputName: string;
  /** Images per forward pass: it changes speed and memory, never a bit of the result. */
  readonly batch: number;
  /** Images decoded at once. */
  readonly decoders: number;
  readonly maxPixels: number;
  readonly signal?: AbortSignal;
  onFailure(failure: Failure): void;
  onProgress(done: number): void;
}

export interface ExtractResult {
  readonly rows: number;
  readonly failures: readonly Failure[];
}

type Loaded = { readonly file: string } & ({ readonly values: Float32Array } | { readonly reason: string });

/**
 * Runs the job. Output and manifest appear whole at the end, or not at all: after an error, after an abort, and where no
 * image was readable, whatever stood under their names stays.
 *
 * @throws RangeError before the work where an output cannot be written; BackendError without sharp; the signal's
 * reason once it is aborted.
 */
export async function extractFeatures(job: ExtractJob): Promise<ExtractResult> {
  await requireSharp();
  const sink = await openSink(job.output, job.format, job.model.featureLength);
  let manifest: Manifest | null = null;
  try {
    if (job.manifest !== null) manifest = await Manifest.create(job.manifest, description(job.model));
    const result = await run(job, sink, manifest);
    if (result.rows === 0) return result;
    const written = await sink.finish();
    await manifest?.finish({ file: job.outputName, format: job.format, ...written }, result.failures);
    return result;
  } finally {
    await sink.discard();
    await manifest?.discard();
  }
}

function description(model: Scattering): Record<string, unknown> {
  const { inputSize, scales, orientations, grid, secondGrid, featureLength } = model;
  return {
    model: {
      name: 'scattering',
      options: { inputSize, scales, orientations, grid, secondGrid },
      featureLength,
      weightsSha256: weightsSha256(model),
    },
    preprocessing: preprocessing(inputSize),
  };
}

async function run(job: ExtractJob, sink: Sink, manifest: Manifest | null): Promise<ExtractResult> {
  const { model, signal } = job;
  const failures: Failure[] = [];
  const fail = (failure: Failure): void => {
    failures.push(failure);
    job.onFailure(failure);
  };
  for (const failure of job.missing) fail(failure);

  let rows = 0;
  let done = 0;
  const compute = async (files: readonly string[], batch: readonly Float32Array[]): Promise<void> => {
    const features = await model.forwardAsync(stack(batch, model.inputSize), { signal });
    signal?.throwIfAborted();
    await sink.append(files, features.data);
    await manifest?.append(files, features.data);
    rows += files.length;
    done += files.length;
    job.onProgress(done);
  };

  // One batch computes while the next is decoded.
  let computing: Promise<void> = Promise.resolve();
  let files: string[] = [];
  let batch: Float32Array[] = [];
  const flush = async (): Promise<void> => {
    await computing;
    if (files.length > 0) computing = compute(files, batch);
    computing.catch(() => {}); // awaited above or below: this only says that it will be
    [files, batch] = [[], []];
  };
  const limits = { running: job.decoders, waiting: job.decoders + job.batch };
  try {
    for await (const loaded of ahead(job.files, limits, (file) => load(file, job))) {
      signal?.throwIfAborted();
      if ('reason' in loaded) {
        fail(loaded);
        job.onProgress(++done);
        continue;
      }
      files.push(loaded.file);
      batch.push(loaded.values);
      if (files.length === job.batch) await flush();
    }
    await flush();
  } finally {
    await computing;
  }
  return { rows, failures };
}

/** Never rejects: what went wrong is the file's failure, in the first line of the decoder's words. */
async function load(file: string, job: ExtractJob): Promise<Loaded> {
  try {
    job.signal?.throwIfAborted();
    return { file, values: await loadImage(file, job.model.inputSize, { maxPixels: job.maxPixels }) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { file, reason: message.split('\n')[0].trim() };
  }
}

function stack(images: readonly Float32Array[], size: number): Tensor {
  const all = new Float32Array(images.length * size * size);
  for (const [i, image] of images.entries()) all.set(image, i * size * size);
  return new Tensor(all, [images.length, 1, size, size]);
}
