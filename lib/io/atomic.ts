// Files that appear under their final name whole or not at all: written beside the target, synced, renamed.
// Knows nothing of what they hold. Never touches signals: a program that wants to leave at once calls discardAll().

import { unlinkSync } from 'node:fs';
import { access, constants, type FileHandle, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { messageOf, wrongValue } from '../errors.js';
import { crypto } from './builtins.js';

const unfinished = new Set<string>();

/** Removes every unfinished temporary file of this isolate, synchronously: the last act before an exit. */
export function discardAll(): void {
  for (const path of unfinished) {
    try {
      unlinkSync(path);
    } catch {
      // Gone already, or out of reach: there is nothing left to do on the way out.
    }
  }
  unfinished.clear();
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'its folder does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EROFS') return 'the file system is read-only';
  if (code === 'ENOTDIR') return 'a part of its path is not a folder';
  return messageOf(error);
}

async function existing<T>(look: Promise<T>): Promise<T | null> {
  try {
    return await look;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** A file being written. End it with exactly one of `commit` and `discard`; both may be called again harmlessly. */
export class AtomicFile {
  private open = true;

  private constructor(
    readonly path: string,
    private readonly temporary: string,
    readonly handle: FileHandle,
  ) {}

  /**
   * Creates the temporary file beside `path`, so an unwritable place is found before any work is done.
   * @throws RangeError naming the path and the reason.
   */
  static async create(path: string): Promise<AtomicFile> {
    try {
      const target = (await existing(realpath(path))) ?? resolve(path);
      const present = await existing(stat(target));
      if (present !== null && !present.isFile()) {
        throw new Error(present.isDirectory() ? 'it is a folder' : 'it is not a regular file');
      }
      if (present !== null) await access(target, constants.W_OK);
      const name = `.${basename(target).slice(0, 200)}.${crypto().randomBytes(6).toString('hex')}.tmp`;
      const temporary = join(dirname(target), name);
      const handle = await open(temporary, 'wx', present === null ? 0o666 : present.mode & 0o777);
      unfinished.add(temporary);
      return new AtomicFile(target, temporary, handle);
    } catch (error) {
      throw wrongValue('output', `cannot write ${path}: ${reasonOf(error)}`);
    }
  }

  /** Writes all of `bytes` at the current end, or at `position`. */
  async write(bytes: Uint8Array, position: number | null = null): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const at = position === null ? null : position + done;
      const { bytesWritten } = await this.handle.write(bytes, done, bytes.length - done, at);
      done += bytesWritten;
    }
  }

  /** Syncs, closes and renames onto the final name. */
  async commit(): Promise<void> {
    if (!this.open) return;
    try {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.temporary, this.path);
    } catch (error) {
      await this.discard();
      throw error;
    }
    this.open = false;
    unfinished.delete(this.temporary);
    await syncFolder(dirname(this.path));
  }

  /** Removes the temporary file; whatever stood under the final name stays as it was. */
  async discard(): Promise<void> {
    if (!this.open) return;
    this.open = false;
    await this.handle.close().catch(() => undefined);
    await unlink(this.temporary).catch(() => undefined);
    unfinished.delete(this.temporary);
  }
}

/** Makes a rename durable where the system lets folders be synced; elsewhere the rename alone has to do. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some network file systems refuse.
  }
}

/** Writes a whole file atomically. */
export async function writeAtomically(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    for (const part of parts) await file.write(part);
    await file.commit();
  } finally {
    await file.discard();
  }
}
