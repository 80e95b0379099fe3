// The batch job: files in, one row of features a readable file out, in the files' order. Decoding runs ahead while
// the model computes. It knows nothing of terminals, arguments or exit codes.

import type { Writable } from 'node:stream';
import { messageOf } from '../errors.js';
import { requireSharp } from '../image/decode.js';
import type { Tensor } from '../tensor/tensor.js';
import { ahead } from './ahead.js';
import type { FeatureModel, ReadImage } from './features.js';
import type { FinishedRows } from './finished.js';
import { described, type Failure, Manifest } from './manifest.js';
import { PartialRows } from './partial.js';
import { type Format, openSink, type Sink } from './sink.js';

export interface ExtractJob {
  readonly files: readonly string[];
  /** Known before the work starts: arguments that led nowhere. They open the list of failures. */
  readonly missing: readonly Failure[];
  readonly model: FeatureModel;
  /** What else made the rows: which part of the files these are. */
  readonly about: Readonly<Record<string, unknown>>;
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
  /** Whether rows are kept beside the output as they come, and those of an earlier run are gone on with. */
  readonly resumable: boolean;
  /** Rows of an earlier run that ended, taken as they are; null for none. */
  readonly finished: FinishedRows | null;
  /** Whether files that failed in that run are read again. */
  readonly retryFailed: boolean;
  readonly signal?: AbortSignal;
  onFailure(failure: Failure): void;
  onProgress(done: number): void;
}

export interface ExtractResult {
  readonly rows: number;
  readonly failures: readonly Failure[];
  /** Rows that were there before. */
  readonly kept: number;
}

type Loaded = { readonly file: string } & (
  | { readonly image: ReadImage }
  | { readonly row: Float32Array }
  | { readonly reason: string }
  | { readonly broken: unknown }
);
type Readable = Extract<Loaded, { readonly image: ReadImage } | { readonly row: Float32Array }>;

/**
 * Runs the job. Output and manifest appear whole at the end, or not at all: after an error, after an abort, and where no
 * image was readable, whatever stood under their names stays.
 *
 * @throws RangeError before the work where an output cannot be written; BackendError without sharp; the signal's
 * reason once it is aborted.
 */
export async function extractFeatures(job: ExtractJob): Promise<ExtractResult> {
  await requireSharp();
  const about = async () => ({ ...(await job.model.about()), ...job.about });
  const width = job.model.featureLength;
  const partial =
    job.resumable && typeof job.output === 'string'
      ? await PartialRows.open(job.output, width, described(await about()))
      : null;
  const sink = partial ?? (await openSink(job.output, job.format, width));
  let manifest: Manifest | null = null;
  try {
    const files = partial === null ? job.files : partial.remaining(job.files);
    if (job.manifest !== null) manifest = await Manifest.create(job.manifest, about);
    if (partial !== null) await manifest?.list(partial.done);
    const result = await new Run(job, sink, manifest, partial).through(files);
    if (result.rows === 0 && (job.files.length > 0 || job.missing.length > 0)) {
      await partial?.remove();
      return result;
    }
    const written = await sink.finish();
    await manifest?.finish({ file: job.outputName, format: job.format, ...written }, result.failures);
    return result;
  } finally {
    await sink.discard();
    await manifest?.discard();
  }
}

class Run {
  private readonly failures: Failure[] = [];
  private rows: number;
  private kept: number;
  private done: number;

  constructor(
    private readonly job: ExtractJob,
    private readonly sink: Sink,
    private readonly manifest: Manifest | null,
    private readonly partial: PartialRows | null,
  ) {
    this.rows = partial?.done.length ?? 0;
    this.kept = this.rows;
    this.done = this.rows + (partial?.failures.length ?? 0);
    this.failures.push(...job.missing, ...(partial?.failures ?? []));
    for (const failure of this.failures) job.onFailure(failure);
  }

  async through(files: readonly string[]): Promise<ExtractResult> {
    const { job } = this;
    // One batch computes while the next is decoded.
    let computing: Promise<void> = Promise.resolve();
    let batch: Readable[] = [];
    let images = 0;
    const flush = async (): Promise<void> => {
      const found = batch.flatMap((item) => ('image' in item ? [item.image] : []));
      const ready = found.length === 0 ? null : job.model.batch(found);
      await computing;
      if (batch.length > 0) computing = this.#compute(batch, ready);
      computing.catch(() => {}); // awaited above or below: this only says that it will be
      [batch, images] = [[], 0];
    };
    const limits = { running: job.decoders, waiting: job.decoders + job.batch };
    try {
      for await (const loaded of ahead(files, limits, (file) => this.#load(file))) {
        job.signal?.throwIfAborted();
        if ('broken' in loaded) throw loaded.broken;
        if ('reason' in loaded) {
          await this.#fail({ file: loaded.file, reason: loaded.reason });
          continue;
        }
        batch.push(loaded);
        if ('image' in loaded) images++;
        if (images === job.batch || batch.length >= MOST_WAITING) await flush();
      }
      await flush();
    } finally {
      await computing;
    }
    return { rows: this.rows, failures: this.failures, kept: this.kept };
  }

  async #compute(batch: readonly Readable[], ready: Tensor | null): Promise<void> {
    const { model, signal } = this.job;
    const computing = ready === null ? new Float32Array(0) : model.rows(ready, signal);
    this.manifest?.begin();
    const computed = await computing;
    signal?.throwIfAborted();
    const images = ready?.shape[0] ?? 0;
    const values = images === batch.length ? computed : interleaved(batch, computed, model.featureLength);
    const files = batch.map(({ file }) => file);
    await this.sink.append(files, values);
    await this.manifest?.append(files, values);
    this.rows += files.length;
    this.kept += files.length - images;
    this.done += files.length;
    this.job.onProgress(this.done);
  }

  async #fail(failure: Failure): Promise<void> {
    this.failures.push(failure);
    this.job.onFailure(failure);
    await this.partial?.fail(failure);
    this.job.onProgress(++this.done);
  }

  /** Never rejects: what went wrong is the file's failure, in one line, unless a row of an earlier run has changed. */
  async #load(file: string): Promise<Loaded> {
    const { finished, retryFailed, model, maxPixels, signal } = this.job;
    if (finished?.has(file)) {
      return finished.row(file).then(
        (row) => ({ file, row }),
        (broken: unknown) => ({ file, broken }),
      );
    }
    const before = retryFailed ? null : (finished?.reason(file) ?? null);
    if (before !== null) return { file, reason: before };
    try {
      signal?.throwIfAborted();
      return { file, image: await model.read(file, { maxPixels }) };
    } catch (error) {
      const message = messageOf(error);
      return { file, reason: message.split('\n')[0].trim() };
    }
  }
}

/** Rows of earlier runs are written in runs of at most so many. */
const MOST_WAITING = 256;

function interleaved(batch: readonly Readable[], computed: Float32Array, width: number): Float32Array {
  const values = new Float32Array(batch.length * width);
  let next = 0;
  batch.forEach((item, i) => {
    values.set('row' in item ? item.row : computed.subarray(next, next + width), i * width);
    if ('image' in item) next += width;
  });
  return values;
}
