// Tensors to a .safetensors file, byte for byte as the reference implementation writes them.

import { show, wrongType, wrongValue } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { AtomicFile } from './atomic.js';
import { quoted } from './json-reader.js';
import { encodeHeader } from './safetensors-header.js';
import { checkedTensors, checkText, writeFloats } from './save-tensors.js';

export interface SaveSafetensorsOptions {
  /** Text by name, kept in the file's `__metadata__`; `io.safetensorsInfo` reads it. */
  metadata?: Record<string, string>;
}

const OPERATION = 'saveSafetensors';

/**
 * Writes tensors by name as float32, whole or not at all: the file appears under its name once everything is on the disk.
 * The order is that of the names' bytes, so equal tensors give equal files. Await it before the tensors change.
 *
 * @throws TypeError | RangeError where a name or value cannot be stored, `path` cannot be written, or a tensor may have
 * changed while it was written.
 * @example
 * await io.saveSafetensors('net.safetensors', net.stateDict(), { metadata: { epoch: '3' } });
 */
export async function saveSafetensors(
  path: string,
  tensors: Record<string, Tensor>,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  if (typeof path !== 'string') throw wrongType(OPERATION, `path must be a string, received ${show(path)}`);
  const entries = checkedTensors(tensors, OPERATION);
  if (entries.some(({ name }) => name === '__metadata__')) {
    throw wrongValue(OPERATION, 'a tensor cannot be called __metadata__', 'the option metadata writes text');
  }
  const metadata = checkedMetadata(options);
  const header = encodeHeader(
    entries.map(({ name, tensor, bytes }) => ({ name, shape: tensor.shape, bytes })),
    metadata,
    OPERATION,
  );
  const file = await AtomicFile.create(path);
  try {
    await file.write(header);
    for (const { name, tensor } of entries) {
      await writeFloats(tensor, quoted(name), OPERATION, (bytes) => file.write(bytes));
    }
    for (const entry of entries) entry.checkUnchanged();
    await file.commit();
  } finally {
    await file.discard();
  }
}

function checkedMetadata(options: SaveSafetensorsOptions): Record<string, string> | null {
  if (typeof options !== 'object' || options === null) {
    throw wrongType(OPERATION, `options must be an object, not ${show(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (key !== 'metadata')
      throw wrongType(OPERATION, `there is no option ${show(key)}`, "known is 'metadata'");
  }
  const { metadata } = options;
  if (metadata === undefined) return null;
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw wrongType(OPERATION, `metadata must be an object of strings, not ${show(metadata)}`);
  }
  for (const [key, text] of Object.entries<unknown>(metadata)) {
    if (typeof text !== 'string') {
      throw wrongType(OPERATION, `metadata ${quoted(key)} must be a string, not ${show(text)}`);
    }
    checkText(key, 'a name of metadata', OPERATION);
    checkText(text, `metadata ${quoted(key)}`, OPERATION);
  }
  return metadata;
}
