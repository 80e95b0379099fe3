// A regular file being read at given places: every reader's errors name the operation and the path, and nothing is
// allocated that the file cannot fill.

import { readSync, readvSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { show, wrongType, wrongValue } from '../errors.js';
import { fewAtATime } from './few-at-a-time.js';

/** What tells a file from another one, and from what it was before it was written to. */
export interface FileState {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

export class InputFile {
  private constructor(
    readonly path: string,
    /** As it was when it was opened. */
    readonly opened: FileState,
    readonly operation: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * @throws TypeError where `path` is no string, RangeError where it is no regular file (a pipe could keep the reader
   * waiting for ever), and the system's own error where the file is missing or unreadable.
   */
  static async open(path: unknown, operation: string): Promise<InputFile> {
    if (typeof path !== 'string') {
      throw wrongType(operation, `path must be a string, received ${show(path)}`);
    }
    const present = await stat(path);
    if (!present.isFile()) {
      throw wrongValue(operation, `${path} is ${present.isDirectory() ? 'a folder' : 'not a regular file'}`);
    }
    const handle = await open(path, 'r');
    try {
      return new InputFile(path, await handle.stat(), operation, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Does `use` with the opened file, which is closed afterwards in any case. */
  static async using<T>(path: unknown, operation: string, use: (file: InputFile) => Promise<T>): Promise<T> {
    const file = await InputFile.open(path, operation);
    try {
      return await use(file);
    } finally {
      await file.handle.close();
    }
  }

  /** In bytes. */
  get size(): number {
    return this.opened.size;
  }

  /** @throws RangeError `operation: path law; cure`. */
  fail(law: string, cure?: string): never {
    throw wrongValue(this.operation, `${this.path} ${law}`, cure);
  }

  /** `length` bytes from `position` on, both inside the file. */
  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    await this.readInto(bytes, position);
    return bytes;
  }

  /** Fills `bytes` from `position` on. Nobody else may reach their memory meanwhile. */
  async readInto(bytes: Uint8Array, position: number): Promise<void> {
    const starts = Array.from({ length: Math.ceil(bytes.length / LARGEST_READ) }, (_, i) => i * LARGEST_READ);
    await fewAtATime(starts, async (start) => {
      const part = bytes.subarray(start, start + LARGEST_READ);
      for (let done = 0; done < part.length; ) {
        const { bytesRead } = await this.handle.read(part, done, part.length - done, position + start + done);
        if (bytesRead === 0) this.fail('became shorter while it was read');
        done += bytesRead;
      }
    });
  }

  /** The same at once, without giving way to anything else: for little that lies in many places. */
  readIntoAllNow(arrays: readonly Uint8Array[], position: number): void {
    const wanted = arrays.reduce((sum, { length }) => sum + length, 0);
    let done = readvSync(this.handle.fd, arrays, position);
    let begin = 0;
    for (const bytes of arrays) {
      for (let from = Math.max(done - begin, 0); done < wanted && from < bytes.length; ) {
        const count = readSync(this.handle.fd, bytes, from, bytes.length - from, position + begin + from);
        if (count === 0) this.fail('became shorter while it was read');
        from += count;
        done += count;
      }
      begin += bytes.length;
    }
  }

  /** Fills the arrays, one after the other, from `position` on: many small ones by one call, which may stop short. */
  async readIntoAll(arrays: readonly Uint8Array[], position: number): Promise<void> {
    const { bytesRead } = arrays.length === 1 ? { bytesRead: 0 } : await this.handle.readv(arrays, position);
    let begin = 0;
    for (const bytes of arrays) {
      const done = Math.min(Math.max(bytesRead - begin, 0), bytes.length);
      await this.readInto(bytes.subarray(done), position + begin + done);
      begin += bytes.length;
    }
  }
}

const LARGEST_READ = 1 << 24;
