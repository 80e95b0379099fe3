// The manifest beside the features: what made them, which row is which file, what failed. It holds no times, paths of
// machines or thread counts, so the same images give the same manifest everywhere.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NUMERICS_VERSION } from '../backend/index.js';
import { wrongValue } from '../errors.js';
import { AtomicFile } from '../io/atomic.js';
import { littleEndianBytes } from '../io/npy-rows.js';
import type { Written } from './sink.js';

export interface Failure {
  readonly file: string;
  readonly reason: string;
}

/** The package's own version. */
export function convkitVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  return version;
}

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** SHA-256 of a row as little-endian float32. */
export const rowSha256 = (values: Float32Array): string => hex(littleEndianBytes(values));

/**
 * Compares what made rows before with what would make them now.
 *
 * @throws RangeError naming what differs.
 */
export function checkSame(
  before: Readonly<Record<string, unknown>>,
  now: Readonly<Record<string, unknown>>,
  path: string,
): void {
  const differing = Object.keys(now).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]),
  );
  const optional = ['rows', 'shard'].filter((key) => before[key] !== undefined && !(key in now));
  const names = [...differing, ...optional].map((key) => differences(key, before[key], now[key]));
  if (names.length === 0) return;
  throw wrongValue(
    'extract',
    `${path} was made otherwise: ${names.join('; ')}`,
    'give the options of then, or another output',
  );
}

/** The parts of a part that differ. */
function differences(key: string, before: unknown, now: unknown): string {
  const fields = (value: unknown): Record<string, unknown> =>
    typeof value === 'object' && value !== null ? { ...value } : {};
  const [old, current] = [fields(before), fields(now)];
  const inner = [...new Set([...Object.keys(old), ...Object.keys(current)])].filter(
    (name) => JSON.stringify(old[name]) !== JSON.stringify(current[name]),
  );
  const shown = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 80);
  if (inner.length === 0) return `${key} ${shown(before)}, now ${shown(now)}`;
  return inner.map((name) => `${key}.${name} ${shown(old[name])}, now ${shown(current[name])}`).join('; ');
}

/** What made the rows, as manifests and journals have it. */
export const described = (about: Readonly<Record<string, unknown>>): Record<string, unknown> => ({
  numerics: NUMERICS_VERSION,
  ...about,
});

/** Writes the manifest as the rows come, one line a row. End it with `finish` or `discard`. */
export class Manifest {
  private rows = 0;
  /** Lines that wait for what made the rows to be known: the rows themselves need not. */
  private waiting: string | null = '';
  private begun: Promise<void> | null = null;

  private constructor(
    private readonly file: AtomicFile,
    private readonly about: () => Promise<Readonly<Record<string, unknown>>>,
  ) {}

  /** `about` says what made the rows, and is asked by {@link begin}. */
  static async create(
    path: string,
    about: () => Promise<Readonly<Record<string, unknown>>>,
  ): Promise<Manifest> {
    return new Manifest(await AtomicFile.create(path), about);
  }

  /** Begins to write, once; `finish` does where nobody else has. */
  begin(): Promise<void> {
    this.begun ??= this.#head();
    this.begun.catch(() => {}); // `finish` says so
    return this.begun;
  }

  async #head(): Promise<void> {
    const head = { convkit: convkitVersion(), ...described(await this.about()) };
    const text = JSON.stringify(head, null, 2).replace(/\n\}$/, ',\n  "images": [');
    const lines = this.waiting;
    this.waiting = null;
    await this.file.write(Buffer.from(`${text}${lines}`));
  }

  /** Adds one row per file: values [files.length * width]. */
  async append(files: readonly string[], values: Float32Array): Promise<void> {
    const width = values.length / files.length;
    const rows = files.map((file, i) => ({
      file,
      sha256: rowSha256(values.subarray(i * width, (i + 1) * width)),
    }));
    await this.list(rows);
  }

  /** Adds rows whose hashes are known. */
  async list(rows: readonly { readonly file: string; readonly sha256: string }[]): Promise<void> {
    let text = '';
    for (const { file, sha256 } of rows) {
      text += `${this.rows === 0 ? '' : ','}\n    ${JSON.stringify({ row: this.rows, file, sha256 })}`;
      this.rows++;
    }
    if (this.waiting === null) {
      await this.begun; // lines follow the head
      await this.file.write(Buffer.from(text));
    } else this.waiting += text;
  }

  async finish(
    output: Readonly<Record<string, unknown>> & Written,
    failures: readonly Failure[],
  ): Promise<void> {
    await this.begin();
    const tail = JSON.stringify({ output, failures }, null, 2).replace(/^\{/, '');
    await this.file.write(Buffer.from(`${this.rows === 0 ? '' : '\n  '}],${tail}\n`));
    await this.file.commit();
  }

  discard(): Promise<void> {
    return this.file.discard();
  }
}
