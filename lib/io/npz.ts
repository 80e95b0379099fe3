// NumPy's .npz archives: one .npy file a tensor, in a zip.

import { show, wrongType, wrongValue } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { AtomicFile } from './atomic.js';
import { zlib } from './builtins.js';
import { InputFile } from './input-file.js';
import { quoted } from './json-reader.js';
import { readNpy } from './npy.js';
import { encodeNpyHeader } from './npy-format.js';
import { checkedTensors, writeFloats } from './save-tensors.js';
import { openZip } from './zip.js';
import { centralHeader, endRecords, localHeader, type Written } from './zip-write.js';

export interface LoadNpzOptions {
  /**
   * The most bytes that the archive may inflate to. 256 MiB, or 32 times the file where that is more: what measured
   * numbers compress to stays far below, and a small file of zeros cannot fill the memory unasked.
   */
  maxBytes?: number;
}

/**
 * Reads the arrays of a .npz archive by name, stored or deflated, as `io.loadNpy` reads each.
 *
 * @throws RangeError for a damaged archive, one that inflates to more than `maxBytes`, or an entry that is no .npy file.
 * @example
 * const { images, labels } = await io.loadNpz('digits.npz');
 */
export async function loadNpz(path: string, options: LoadNpzOptions = {}): Promise<Record<string, Tensor>> {
  const operation = 'loadNpz';
  const given = checkedLimit(options, operation);
  return InputFile.using(path, operation, async (file) => {
    const archive = await openZip(file, given ?? Math.max(2 ** 28, 32 * file.size));
    for (const { name } of archive.entries) {
      if (!name.endsWith('.npy')) file.fail(`holds ${quoted(name)}, which is no .npy file`);
    }
    const tensors: [string, Tensor][] = [];
    for (const entry of archive.entries) {
      tensors.push([
        entry.name.slice(0, -4),
        await archive.read(entry, (reader) => readNpy(reader, operation)),
      ]);
    }
    return Object.fromEntries(tensors);
  });
}

function checkedLimit(options: unknown, operation: string): number | undefined {
  if (typeof options !== 'object' || options === null) {
    throw wrongType(operation, `options must be an object, not ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (key !== 'maxBytes')
      throw wrongType(operation, `there is no option ${show(key)}`, "known is 'maxBytes'");
  }
  const limit = 'maxBytes' in options ? options.maxBytes : undefined;
  if (limit !== undefined && !(typeof limit === 'number' && limit >= 0)) {
    throw wrongValue(operation, `maxBytes must be a number of bytes, not ${show(limit)}`);
  }
  return limit;
}

/**
 * Writes tensors by name as a .npz archive of float32 arrays, stored as `numpy.savez` does, whole or not at all.
 * Equal tensors give equal files. Await it before the tensors change.
 *
 * @throws TypeError | RangeError where a name or value cannot be stored, or `path` cannot be written.
 * @example
 * await io.saveNpz('features.npz', { features, labels });
 */
export async function saveNpz(path: string, tensors: Record<string, Tensor>): Promise<void> {
  const operation = 'saveNpz';
  if (typeof path !== 'string') throw wrongType(operation, `path must be a string, received ${show(path)}`);
  const entries = checkedTensors(tensors, operation);
  const file = await AtomicFile.create(path);
  try {
    const { crc32 } = zlib();
    const written: Written[] = [];
    let offset = 0;
    const write = async (bytes: Uint8Array): Promise<void> => {
      await file.write(bytes);
      offset += bytes.length;
    };
    for (const { name, tensor, bytes } of entries) {
      const header = encodeNpyHeader(tensor.shape);
      const entry = { name: `${name}.npy`, crc: 0, size: header.length + bytes, offset };
      await write(localHeader(entry));
      await write(header);
      let crc = crc32(header);
      await writeFloats(tensor, quoted(name), operation, async (part) => {
        crc = crc32(part, crc);
        await write(part);
      });
      await file.write(localHeader({ ...entry, crc }), entry.offset);
      written.push({ ...entry, crc });
    }
    const begin = offset;
    for (const entry of written) await write(centralHeader(entry));
    await write(endRecords(written.length, begin, offset - begin));
    for (const entry of entries) entry.checkUnchanged();
    await file.commit();
  } finally {
    await file.discard();
  }
}
