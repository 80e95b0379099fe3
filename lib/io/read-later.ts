// Numbers that stay in their file until someone asks for them. The file has to be the same then as it was when its header
// was read.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { wrongValue } from '../errors.js';
import type { FileState, InputFile } from './input-file.js';

const sameFile = (a: FileState, b: FileState): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeMs === b.mtimeMs;

/** Gives what reads bytes of this file later, from a position on. */
export function laterFrom(file: InputFile): (bytes: Uint8Array, position: number) => void {
  const path = resolve(file.path);
  const { operation, opened: before } = file;
  const changed = (): never => {
    const law = `${path} has changed since its header was read, and its tensors were to be read when they are needed`;
    throw wrongValue(operation, law, 'load it again, or without lazy');
  };
  let opened: number | null = null;
  const open = (): number => {
    const handle = openSync(path, 'r');
    try {
      if (!sameFile(before, fstatSync(handle))) changed();
    } catch (error) {
      closeSync(handle);
      throw error;
    }
    // A session packs weight after weight: one handle for all that is read before anything else happens
    queueMicrotask(() => {
      opened = null;
      closeSync(handle);
    });
    return handle;
  };
  return (bytes, position) => {
    opened ??= open();
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(opened, bytes, done, Math.min(bytes.length - done, LARGEST), position + done);
      if (count === 0) changed();
      done += count;
    }
  };
}

const LARGEST = 1 << 30;
