// The rows of an earlier run that ended, by file, for one that adds to them: images that were read need not be read again.

import { type FileHandle, open, readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { messageOf, wrongValue } from '../errors.js';
import { encodeNpyHeader } from '../io/npy-format.js';
import { checkSame, type Failure, rowSha256 } from './manifest.js';

interface OldManifest extends Record<string, unknown> {
  readonly images: readonly { readonly file: string; readonly sha256: string }[];
  readonly failures: readonly Failure[];
}

export class FinishedRows {
  private readonly places = new Map<string, { readonly row: number; readonly sha256: string }>();
  private readonly reasons = new Map<string, string>();
  private readonly begin: number;

  private constructor(
    private readonly output: string,
    private readonly width: number,
    private readonly handle: FileHandle,
    manifest: OldManifest,
  ) {
    manifest.images.forEach(({ file, sha256 }, row) => {
      this.places.set(file, { row, sha256 });
    });
    for (const { file, reason } of manifest.failures) this.reasons.set(file, reason);
    this.begin = encodeNpyHeader([manifest.images.length, width]).length;
  }

  /** @throws RangeError where there is no such run, or one made by something else than `about` says. */
  static async open(
    output: string,
    manifest: string,
    width: number,
    about: Readonly<Record<string, unknown>>,
  ): Promise<FinishedRows> {
    let text: string;
    let handle: FileHandle;
    try {
      text = await readFile(manifest, 'utf8');
      handle = await open(output, 'r');
    } catch (error) {
      const reason = messageOf(error);
      throw wrongValue('extract', `cannot read what an earlier run wrote: ${reason}`);
    }
    try {
      const old = parsed(text, manifest);
      checkSame(old, about, output);
      const { size } = await handle.stat();
      const rows = old.images.length;
      if (size !== encodeNpyHeader([rows, width]).length + rows * width * 4) {
        throw wrongValue('extract', `${output} does not have the ${rows} rows that ${manifest} lists`);
      }
      return new FinishedRows(output, width, handle, old);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  has(file: string): boolean {
    return this.places.has(file);
  }

  /** Why a file had no row; null where it had one, or was not there. */
  reason(file: string): string | null {
    return this.reasons.get(file) ?? null;
  }

  get failures(): number {
    return this.reasons.size;
  }

  /** @throws RangeError where the row is no longer what the manifest says. */
  async row(file: string): Promise<Float32Array> {
    const { row, sha256 } = this.places.get(file)!;
    const values = new Float32Array(this.width);
    const bytes = Buffer.from(values.buffer);
    await this.handle.read(bytes, 0, bytes.length, this.begin + row * bytes.length);
    if (endianness() === 'BE') bytes.swap32();
    if (rowSha256(values) !== sha256) {
      throw wrongValue('extract', `row ${row} of ${this.output} is not what its manifest says`, 'begin anew');
    }
    return values;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

function parsed(text: string, manifest: string): OldManifest {
  try {
    const value: unknown = JSON.parse(text);
    if (isManifest(value)) return value;
  } catch {
    // Told below.
  }
  throw wrongValue('extract', `${manifest} is no manifest of features`);
}

function isManifest(value: unknown): value is OldManifest {
  if (typeof value !== 'object' || value === null || !('images' in value) || !('failures' in value))
    return false;
  const { images, failures } = value;
  const texts = (item: unknown, second: string): boolean => {
    const entry: Record<string, unknown> = typeof item === 'object' && item !== null ? { ...item } : {};
    return typeof entry.file === 'string' && typeof entry[second] === 'string';
  };
  return (
    Array.isArray(images) &&
    Array.isArray(failures) &&
    images.every((item) => texts(item, 'sha256')) &&
    failures.every((item) => texts(item, 'reason'))
  );
}
