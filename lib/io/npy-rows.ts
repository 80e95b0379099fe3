// A float32 .npy matrix written row by row: memory stays flat however many rows come, and the row count, known only
// at the end, is patched into the header before the file appears under its name.

import { endianness } from 'node:os';
import { wrongShape } from '../errors.js';
import { AtomicFile } from './atomic.js';
import { crypto } from './builtins.js';
import { encodeNpyHeader } from './npy-format.js';

/** The bytes of floats as files have them: little-endian. A view where the machine agrees, else a swapped copy. */
export function littleEndianBytes(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32();
}

/**
 * Writes [rows, width] float32. End it with `finish` or `discard`.
 *
 * @example
 * const rows = await NpyRows.create('features.npy', 128);
 * await rows.append(new Float32Array(2 * 128)); // two rows
 * await rows.finish();                          // shape (2, 128)
 */
export class NpyRows {
  private rows = 0;
  private readonly hash = crypto().createHash('sha256');

  private constructor(
    private readonly file: AtomicFile,
    private readonly width: number,
  ) {}

  static async create(path: string, width: number): Promise<NpyRows> {
    const file = await AtomicFile.create(path);
    try {
      await file.write(encodeNpyHeader([0, width]));
    } catch (error) {
      await file.discard();
      throw error;
    }
    return new NpyRows(file, width);
  }

  /** Appends whole rows. @throws ShapeError where the last one is not whole. */
  async append(values: Float32Array): Promise<void> {
    if (values.length % this.width !== 0) {
      throw wrongShape('NpyRows', `rows have ${this.width} elements, received ${values.length} in all`);
    }
    const bytes = littleEndianBytes(values);
    this.hash.update(bytes);
    await this.file.write(bytes);
    this.rows += values.length / this.width;
  }

  /** Patches the row count, and lets the file appear. Gives its shape and the SHA-256 of its elements. */
  async finish(): Promise<{ shape: readonly [number, number]; dataSha256: string }> {
    await this.file.write(encodeNpyHeader([this.rows, this.width]), 0);
    await this.file.commit();
    return { shape: [this.rows, this.width], dataSha256: this.hash.digest('hex') };
  }

  discard(): Promise<void> {
    return this.file.discard();
  }
}
