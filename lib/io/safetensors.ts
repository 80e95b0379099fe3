// Weights in .safetensors files, whole or in shards under an index file: read into one tensor after another, so that a
// file never lies in memory twice.

import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { FilePart, readElements } from './byte-reader.js';
import { InputFile } from './input-file.js';
import { quoted } from './json-reader.js';
import { headerLength, LENGTH_BYTES, parseHeader, type SafetensorsHeader } from './safetensors-header.js';
import { readIndex } from './sharded.js';

/** What a .safetensors file says of itself. */
export interface SafetensorsInfo {
  /** The file's `__metadata__`: text by name. */
  metadata: Record<string, string>;
  /** Each tensor's dtype as the file spells it ('F32', 'BF16', ...) and shape. */
  tensors: Record<string, { dtype: string; shape: readonly number[] }>;
}

/**
 * Reads weights from a .safetensors file, or from the shards that a `*.safetensors.index.json` file beside them lists.
 * Tensors are float32: F16 and BF16 are widened exactly, F64 is rounded to nearest, BOOL becomes 0 or 1, and whole
 * numbers (U8 to I64) must be exact in float32. The rest (F8, F6, F4, C64) is refused by name.
 *
 * A file that is not exactly as the format says is refused before anything is allocated for it: a header above 100 MB,
 * holes or overlaps between tensors, bytes left over, two tensors of one name, a size that differs from shape and dtype.
 *
 * @throws RangeError naming the file and what is wrong with it.
 * @example
 * net.loadStateDict(await io.loadSafetensors('resnet50.safetensors'));
 */
export async function loadSafetensors(path: string): Promise<Record<string, Tensor>> {
  const operation = 'loadSafetensors';
  if (typeof path !== 'string' || !path.endsWith('.json')) {
    const entries = await InputFile.using(path, operation, (file) => readTensors(file, null));
    return Object.fromEntries(entries);
  }
  const loaded: [string, Tensor][] = [];
  for (const { shard, names } of await readIndex(path, operation)) {
    loaded.push(...(await InputFile.using(shard, operation, (file) => readTensors(file, names))));
  }
  return Object.fromEntries(loaded);
}

/**
 * Reads only the header of a .safetensors file: its metadata, and the dtypes and shapes of its tensors.
 *
 * @throws RangeError naming the file and what is wrong with it.
 * @example
 * const { metadata } = await io.safetensorsInfo('checkpoint.safetensors');
 */
export async function safetensorsInfo(path: string): Promise<SafetensorsInfo> {
  const { header } = await InputFile.using(path, 'safetensorsInfo', readHeader);
  const tensors = header.tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }] as const);
  return { metadata: { ...header.metadata }, tensors: Object.fromEntries(tensors) };
}

async function readHeader(file: InputFile): Promise<{ header: SafetensorsHeader; dataStart: number }> {
  const fail = (law: string, cure?: string): never => file.fail(law, cure);
  const first = await file.read(0, Math.min(LENGTH_BYTES, file.size));
  const length = headerLength(first, file.size, fail);
  const dataStart = LENGTH_BYTES + length;
  if ((await file.read(LENGTH_BYTES, 1))[0] !== 0x7b) {
    fail("is no safetensors file: its header does not begin with '{'");
  }
  const header = parseHeader(await file.read(LENGTH_BYTES, length), file.size - dataStart, fail);
  return { header, dataStart };
}

/** The tensors of a file in the order of their names; `expected` lists the names an index file promises. */
async function readTensors(
  file: InputFile,
  expected: ReadonlySet<string> | null,
): Promise<[string, Tensor][]> {
  const { header, dataStart } = await readHeader(file);
  if (expected !== null) checkShard(file, header, expected);
  for (const { name, dtype, type } of header.tensors) {
    if (type === null) {
      file.fail(
        `holds ${quoted(name)} as ${dtype}, which float32 tensors do not stand for`,
        'convert it before',
      );
    }
  }
  const tensors: [string, Tensor][] = [];
  for (const { name, type, shape, begin, end } of header.tensors) {
    const part = new FilePart(file, dataStart + begin, dataStart + end);
    const plan = { type: type!, little: true, shape, name: quoted(name) };
    tensors.push([name, wrap(await readElements(part, plan, 'loadSafetensors'), ROW_MAJOR, shape)]);
  }
  return tensors.sort(([a], [b]) => (a < b ? -1 : 1));
}

function checkShard(file: InputFile, { tensors }: SafetensorsHeader, expected: ReadonlySet<string>): void {
  const present = new Set(tensors.map(({ name }) => name));
  for (const name of expected) {
    if (!present.has(name)) file.fail(`lacks ${quoted(name)}, which the index file says it holds`);
  }
  for (const name of present) {
    if (!expected.has(name)) file.fail(`holds ${quoted(name)}, which the index file does not say`);
  }
}
