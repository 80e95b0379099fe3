// `convkit extract`: arguments to a job, a job to lines on stderr and an exit code.

import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setThreads } from '../backend/index.js';
import { wrongValue } from '../errors.js';
import { type ReadFile, readEarly } from '../extract/early.js';
import { FinishedRows } from '../extract/finished.js';
import { type ExtractResult, extractFeatures } from '../extract/job.js';
import { type Listing, listImages } from '../extract/listing.js';
import { described } from '../extract/manifest.js';
import { hasPartial, partialPath } from '../extract/partial.js';
import { Progress } from '../extract/progress.js';
import type { Format } from '../extract/sink.js';
import { discardAll } from '../io/atomic.js';
import { parsedArguments } from './arguments.js';
import { help } from './extract-help.js';
import { chosenModel, modelOptions } from './extract-model.js';
import { PHOTO_MODEL_NAMES } from './named-models.js';
import { sentenceOf } from './sentence.js';

export { help };

const options = {
  output: { type: 'string', short: 'o' },
  format: { type: 'string' },
  manifest: { type: 'string' },
  ...modelOptions,
  models: { type: 'boolean', default: false },
  resume: { type: 'boolean', default: false },
  'retry-failed': { type: 'boolean', default: false },
  shard: { type: 'string' },
  batch: { type: 'string' },
  threads: { type: 'string' },
  limit: { type: 'string' },
  'max-pixels': { type: 'string' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Of scattering, measured with 1024 x 768 photos on two threads: as fast as 8, with 50 MB less; 1 and 16 are slower. */
const DEFAULT_BATCH = 4;
const NETWORK_BATCH = 8;

/**
 * As many as libuv has threads to decode with: a batch's images are then decoded at a stretch, while the engine gives way. Two
 * processors, one of them the engine's: 64 photos by ResNet-50 took 2.45 s with three, 2.33 with four.
 */
const DECODERS = 4;

/** Stops the job at SIGINT or SIGTERM; a second signal leaves at once. */
class Interruption {
  private readonly controller = new AbortController();
  readonly signal = this.controller.signal;
  code = 0;

  readonly listen = (name: NodeJS.Signals): void => {
    const first = this.code === 0;
    this.code = name === 'SIGINT' ? 130 : 143;
    if (first) {
      this.controller.abort(new Error(`interrupted by ${name}`));
      return;
    }
    discardAll();
    process.exit(this.code);
  };
}

/** Runs the command. Gives the exit code; everything foreseeable is reported on stderr, nothing is thrown. */
export async function run(argv: readonly string[]): Promise<number> {
  const interruption = new Interruption();
  process.on('SIGINT', interruption.listen).on('SIGTERM', interruption.listen);
  try {
    return await extract(argv, interruption.signal);
  } catch (error) {
    if (interruption.code !== 0) {
      const kept = argv.includes('--resume')
        ? 'the rows so far are kept: go on with the same command'
        : 'nothing was written';
      process.stderr.write(`convkit extract: interrupted, ${kept}\n`);
      return interruption.code;
    }
    const gone = error instanceof Error && 'code' in error && error.code === 'EPIPE'; // `| head` has read enough
    if (!gone) process.stderr.write(`convkit extract: ${sentenceOf(error, 'extract')}\n`);
    return 1;
  } finally {
    process.off('SIGINT', interruption.listen).off('SIGTERM', interruption.listen);
  }
}

async function extract(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const { values, positionals } = parsed(argv);
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (values.models) {
    process.stdout.write(`${['scattering', ...PHOTO_MODEL_NAMES].join('\n')}\n`);
    return 0;
  }
  const output = values.output;
  if (output === undefined) throw wrongValue('extract', 'no output', 'give one with -o features.npy');
  if (positionals.length === 0) throw wrongValue('extract', 'no images', 'name files, folders or patterns');
  const format = formatOf(values.format, output);
  const manifest = values.manifest ?? (output === '-' ? null : manifestBeside(output));
  const wantedBatch = count(
    values.batch,
    'batch',
    values.model === 'scattering' ? DEFAULT_BATCH : NETWORK_BATCH,
  );
  const limit = count(values.limit, 'limit', Number.POSITIVE_INFINITY);
  const maxPixels = count(values['max-pixels'], 'max-pixels', 1e8);
  if (values.threads !== undefined) setThreads(count(values.threads, 'threads', 1));
  const shard = shardOf(values.shard);
  const earlier = await earlierRun(values.resume, values['retry-failed'], output, format, manifest);

  const listing = await listImages(positionals);
  const files = shard.take(listing.files.slice(0, limit));
  await protectInputs(listing, output, manifest);
  // Which files are left of an earlier run is known once there is a model
  const begin = (read: ReadFile) => (earlier === null ? readEarly(files, read) : read);
  const { features, words, batch } = await chosenModel(values, wantedBatch, begin);
  const about = shard.about;
  const width = features.featureLength;
  const finished =
    earlier === 'ended' && manifest !== null
      ? await FinishedRows.open(output, manifest, width, described({ ...(await features.about()), ...about }))
      : null;
  const progress = new Progress(process.stderr, files.length, !values.quiet);
  const start = performance.now();
  const result = await extractFeatures({
    files,
    missing: listing.missing,
    model: features,
    about,
    output: output === '-' ? process.stdout : output,
    outputName: basename(output),
    format,
    manifest,
    batch,
    decoders: Math.max(DECODERS, Math.min(8, availableParallelism() + 1)),
    maxPixels,
    resumable: earlier === 'going',
    finished,
    retryFailed: values['retry-failed'],
    signal,
    onFailure: ({ file, reason }) => progress.failure(`${file}: ${reason}`),
    onProgress: (done) => progress.update(done),
  }).finally(async () => {
    progress.clear();
    await finished?.close();
  });
  const failed = result.failures.length;
  const all = files.length + listing.missing.length;
  if (all === 0 && values.shard === undefined) {
    throw wrongValue('extract', `there are no images in ${positionals.join(', ')}`);
  }
  if (result.rows === 0 && (all > 0 || values.shard === undefined)) {
    throw wrongValue('extract', `none of ${all} images could be read, nothing was written`);
  }
  if (!values.quiet) {
    const seconds = (performance.now() - start) / 1000;
    process.stderr.write(`${output}: ${closing(result, features.featureLength, seconds)}\n`);
    if (values.model !== 'scattering') process.stderr.write(`${words}\n`);
  }
  return failed > 0 ? 2 : 0;
}

function closing({ rows, kept, failures }: ExtractResult, width: number, seconds: number): string {
  const made = rows - kept;
  const before = kept > 0 ? ` (${kept} of them from before)` : '';
  return (
    `${rows} ${rows === 1 ? 'row' : 'rows'} of ${width} features${before}, ${failures.length} failed; ` +
    `${seconds.toFixed(1)} s, ${(made / seconds).toFixed(1)} images/s`
  );
}

interface Shard {
  readonly about: Readonly<Record<string, unknown>>;
  take(files: readonly string[]): readonly string[];
}

/** The i-th of n runs of neighbours, whose lengths differ by one at most. */
function shardOf(text: string | undefined): Shard {
  if (text === undefined) return { about: {}, take: (files) => files };
  const [, i, n] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  if (!(i >= 1 && i <= n)) {
    throw wrongValue('extract', `--shard must be i/n with i from 1 to n, such as 2/4, received '${text}'`);
  }
  return {
    about: { shard: `${i}/${n}` },
    take: (files) =>
      files.slice(Math.floor(((i - 1) * files.length) / n), Math.floor((i * files.length) / n)),
  };
}

/**
 * What --resume and --retry-failed find: 'going': rows are kept as they come, after those of a run that stopped, if there was
 * one; 'ended': there is a finished output, whose rows are taken; null: neither was asked for.
 */
async function earlierRun(
  resume: boolean,
  retry: boolean,
  output: string,
  format: Format,
  manifest: string | null,
): Promise<'going' | 'ended' | null> {
  if (!resume && !retry) return null;
  const option = resume ? '--resume' : '--retry-failed';
  if (format !== 'npy' || output === '-' || manifest === null) {
    throw wrongValue('extract', `${option} goes with .npy files, received -o ${output} --format ${format}`);
  }
  const stopped = await hasPartial(output);
  const ended = (await identity(output)) !== null && (await identity(manifest)) !== null;
  if (stopped && retry) {
    throw wrongValue(
      'extract',
      `${partialPath(output)} has not ended`,
      'go on with --resume alone, and retry then',
    );
  }
  if (retry && !ended) {
    throw wrongValue(
      'extract',
      `there is no ${output} with its manifest ${manifest} to retry`,
      'run without --retry-failed',
    );
  }
  return ended && !stopped ? 'ended' : 'going';
}

const parsed = (argv: readonly string[]) => parsedArguments('extract', argv, options);

function formatOf(name: string | undefined, output: string): Format {
  const format = name ?? (output === '-' || output.endsWith('.jsonl') ? 'jsonl' : 'npy');
  if (format !== 'npy' && format !== 'jsonl') {
    throw wrongValue('extract', `--format must be npy or jsonl, received '${format}'`);
  }
  if (format === 'npy' && output === '-') {
    throw wrongValue(
      'extract',
      'a .npy matrix cannot go to standard output',
      'use --format jsonl or name a file',
    );
  }
  return format;
}

function manifestBeside(output: string): string {
  return join(dirname(output), `${basename(output).replace(/\.(npy|jsonl)$/, '')}.manifest.json`);
}

function count(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1) throw wrongValue('extract', `--${name} must be a positive whole number, received '${text}'`);
  return value;
}

/** Which file a path leads to; null where there is none. */
const identity = (path: string): Promise<string | null> =>
  stat(path, { bigint: true }).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => null,
  );

/** Nothing that is read may be written: compared by file, not by name, so links and spellings do not matter. */
async function protectInputs(listing: Listing, output: string, manifest: string | null): Promise<void> {
  const targets = [output, manifest].filter((path): path is string => path !== null && path !== '-');
  if (output !== '-' && manifest !== null && resolve(output) === resolve(manifest)) {
    throw wrongValue('extract', `output and manifest are both ${output}`, 'give another --manifest');
  }
  const written = new Map<string, string>();
  for (const path of targets) {
    const id = await identity(path);
    if (id === null) continue;
    if (written.has(id)) throw wrongValue('extract', `${written.get(id)} and ${path} are one file`);
    written.set(id, path);
  }
  if (written.size === 0) return;
  for (const file of listing.files) {
    const path = written.get((await identity(file)) ?? '');
    if (path !== undefined)
      throw wrongValue('extract', `${path} is one of the images, and would be overwritten`);
  }
}
