// Where feature rows go: a .npy matrix, or one JSON object a line.

import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { AtomicFile } from '../io/atomic.js';
import { littleEndianBytes, NpyRows } from '../io/npy-rows.js';

export type Format = 'npy' | 'jsonl';

/** What the manifest says of the finished output. */
export interface Written {
  readonly shape: readonly [rows: number, width: number];
  /** SHA-256 of the rows as little-endian float32, one after another: the same for every format. */
  readonly dataSha256: string;
}

export interface Sink {
  /** Adds one row per file: values [files.length * width]. */
  append(files: readonly string[], values: Float32Array): Promise<void>;
  finish(): Promise<Written>;
  /** Drops everything; harmless after `finish`. */
  discard(): Promise<void>;
}

/** Opens the output, so that one that cannot be written is found before the work starts. */
export function openSink(output: string | Writable, format: Format, width: number): Promise<Sink> {
  if (typeof output !== 'string') return Promise.resolve(jsonLines(streamLines(output), width));
  return format === 'npy'
    ? npyMatrix(output, width)
    : fileLines(output).then((lines) => jsonLines(lines, width));
}

async function npyMatrix(path: string, width: number): Promise<Sink> {
  const rows = await NpyRows.create(path, width);
  return {
    append: (_, values) => rows.append(values),
    finish: () => rows.finish(),
    discard: () => rows.discard(),
  };
}

interface Lines {
  write(text: string): Promise<void>;
  finish(): Promise<void>;
  discard(): Promise<void>;
}

function jsonLines(lines: Lines, width: number): Sink {
  const hash = createHash('sha256');
  let rows = 0;
  return {
    async append(files, values) {
      hash.update(littleEndianBytes(values));
      rows += files.length;
      let text = '';
      for (const [i, file] of files.entries()) {
        const row = Array.from(values.subarray(i * width, (i + 1) * width), shortDecimal);
        text += `{"file":${JSON.stringify(file)},"features":[${row.join(',')}]}\n`;
      }
      await lines.write(text);
    },
    async finish() {
      await lines.finish();
      return { shape: [rows, width], dataSha256: hash.digest('hex') };
    },
    discard: () => lines.discard(),
  };
}

/** The first of 6 to 9 digits that read back as the same float32; JSON has no other than finite ones. */
export function shortDecimal(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return JSON.stringify(rounded);
  }
  return JSON.stringify(Number(value.toPrecision(9)));
}

async function fileLines(path: string): Promise<Lines> {
  const file = await AtomicFile.create(path);
  return {
    write: (text) => file.write(Buffer.from(text)),
    finish: () => file.commit(),
    discard: () => file.discard(),
  };
}

/** Waits until the stream has taken each text; a reader that went away is the writer's error. */
function streamLines(stream: Writable): Lines {
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        stream.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    finish: () => Promise.resolve(),
    discard: () => Promise.resolve(),
  };
}
