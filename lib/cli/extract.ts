// `convkit extract`: arguments to a job, a job to lines on stderr and an exit code.

import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setThreads } from '../backend/index.js';
import { wrongValue } from '../errors.js';
import { extractFeatures } from '../extract/job.js';
import { type Listing, listImages } from '../extract/listing.js';
import { Progress } from '../extract/progress.js';
import type { Format } from '../extract/sink.js';
import { discardAll } from '../io/atomic.js';
import { Scattering } from '../models/scattering.js';

export const help = `convkit extract <files, folders, patterns> -o features.npy

Turns every image into one row of features with the built-in scattering network, which needs no download and no
training: images that look alike get rows that are near. Folders are searched recursively for PNG, JPEG, WebP, TIFF,
GIF and AVIF files; patterns know * ? [a-z] {a,b} and **. Needs sharp: npm install sharp

  -o, --output <path>    where the rows go; - for standard output (jsonl only)
  --format <npy|jsonl>   npy: a float32 matrix (the default unless the output ends in .jsonl); jsonl: one object a line
  --manifest <path>      what made the rows, which row is which file, what failed
                         (default: features.manifest.json for features.npy; none for -o -)
  --batch <n>            images per forward pass, default 4; changes speed and memory only
  --threads <n>          threads of the engine, default all that this process may use
  --limit <n>            take only the first n images
  --max-pixels <n>       refuse larger images, default 100000000
  --quiet                no progress bar and no closing line; failures are still reported
  --help

Rows come in the order of the arguments; within a folder or pattern, img2 before img10. A file that cannot be read gets
no row: it is reported, and listed with its reason in the manifest. The bytes do not depend on batch, threads or machine.

Exit codes: 0 done; 1 nothing written (wrong arguments, no readable image, output not writable); 2 done, but some
files failed; 130 interrupted, nothing written.
`;

const options = {
  output: { type: 'string', short: 'o' },
  format: { type: 'string' },
  manifest: { type: 'string' },
  batch: { type: 'string' },
  threads: { type: 'string' },
  limit: { type: 'string' },
  'max-pixels': { type: 'string' },
  quiet: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Measured with 1024 x 768 photos on two threads: as fast as 8, with 50 MB less; 1 and 16 are slower. */
const DEFAULT_BATCH = 4;

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
      process.stderr.write('convkit extract: interrupted, nothing was written\n');
      return interruption.code;
    }
    const gone = error instanceof Error && 'code' in error && error.code === 'EPIPE'; // `| head` has read enough
    const message = error instanceof Error ? error.message : String(error);
    if (!gone) process.stderr.write(`convkit extract: ${message.replace(/^extract: /, '')}\n`);
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
  const output = values.output;
  if (output === undefined) throw wrongValue('extract', 'no output', 'give one with -o features.npy');
  if (positionals.length === 0) throw wrongValue('extract', 'no images', 'name files, folders or patterns');
  const format = formatOf(values.format, output);
  const manifest = values.manifest ?? (output === '-' ? null : manifestBeside(output));
  const batch = count(values.batch, 'batch', DEFAULT_BATCH);
  const limit = count(values.limit, 'limit', Number.POSITIVE_INFINITY);
  const maxPixels = count(values['max-pixels'], 'max-pixels', 1e8);
  if (values.threads !== undefined) setThreads(count(values.threads, 'threads', 1));

  const listing = await listImages(positionals);
  const files = listing.files.slice(0, limit);
  await protectInputs(listing, output, manifest);
  const progress = new Progress(process.stderr, files.length, !values.quiet);
  const start = performance.now();
  const model = new Scattering();
  const result = await extractFeatures({
    files,
    missing: listing.missing,
    model,
    output: output === '-' ? process.stdout : output,
    outputName: basename(output),
    format,
    manifest,
    batch,
    decoders: Math.min(8, availableParallelism() + 1),
    maxPixels,
    signal,
    onFailure: ({ file, reason }) => progress.failure(`${file}: ${reason}`),
    onProgress: (done) => progress.update(done),
  }).finally(() => progress.clear());
  const failed = result.failures.length;
  if (result.rows === 0) {
    throw wrongValue(
      'extract',
      `none of ${files.length + listing.missing.length} images could be read, nothing was written`,
    );
  }
  if (!values.quiet) {
    const seconds = (performance.now() - start) / 1000;
    process.stderr.write(
      `${output}: ${result.rows} ${result.rows === 1 ? 'row' : 'rows'} of ${model.featureLength} features, ` +
        `${failed} failed; ${seconds.toFixed(1)} s, ${(result.rows / seconds).toFixed(1)} images/s\n`,
    );
  }
  return failed > 0 ? 2 : 0;
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const law = error instanceof Error ? error.message : String(error);
    throw wrongValue('extract', law.replaceAll('\n', ' '), 'see convkit extract --help');
  }
}

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

/** Nothing that is read may be written: compared by file, not by name, so links and spellings do not matter. */
async function protectInputs(listing: Listing, output: string, manifest: string | null): Promise<void> {
  const identity = (path: string): Promise<string | null> =>
    stat(path, { bigint: true }).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => null,
    );
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
