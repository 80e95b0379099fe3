// Weights in .safetensors files, whole or in shards under an index file: read into one tensor after another, so that a
// file never lies in memory twice.

import { show, wrongType } from '../errors.js';
import { checkedOptions } from '../tensor/options.js';
import { allocateOutput, elementCount } from '../tensor/shape.js';
import { ROW_MAJOR, Storage } from '../tensor/storage.js';
import { Tensor, wrap } from '../tensor/tensor.js';
import { Unread } from '../tensor/unread.js';
import { Part, readElements } from './byte-reader.js';
import { asTheyAre } from './elements.js';
import { fewAtATime } from './few-at-a-time.js';
import { InputFile } from './input-file.js';
import { quoted } from './json-reader.js';
import { laterFrom } from './read-later.js';
import {
  headerLength,
  LENGTH_BYTES,
  parseHeader,
  type SafetensorsHeader,
  type StoredTensor,
} from './safetensors-header.js';
import { readIndex } from './sharded.js';

/** What a .safetensors file says of itself. */
export interface SafetensorsInfo {
  /** The file's `__metadata__`: text by name. */
  metadata: Record<string, string>;
  /** Each tensor's dtype as the file spells it ('F32', 'BF16', ...) and shape. */
  tensors: Record<string, { dtype: string; shape: readonly number[] }>;
}

export interface LoadSafetensorsOptions {
  /**
   * Whether large float32 tensors (64 KB and more) stay in the file until they are needed, which then has to be as it was; a
   * session that is compiled with `releaseWeights` packs them one after another, and they are never in memory together; false.
   */
  lazy?: boolean;
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
export async function loadSafetensors(
  path: string,
  options?: LoadSafetensorsOptions,
): Promise<Record<string, Tensor>> {
  const operation = 'loadSafetensors';
  const { lazy = false } = checkedOptions(options, 'lazy', operation, '{ lazy: true }');
  if (typeof lazy !== 'boolean') throw wrongType(operation, `lazy must be true or false, not ${show(lazy)}`);
  const loaded = await eachFile(path, operation, (file, names) => readTensors(file, names, lazy));
  return Object.fromEntries(loaded.flat());
}

/**
 * Reads only the header of a .safetensors file, or of the shards that a `*.safetensors.index.json` file lists: metadata, and the
 * dtypes and shapes of the tensors.
 *
 * @throws RangeError naming the file and what is wrong with it.
 * @example
 * const { metadata } = await io.safetensorsInfo('checkpoint.safetensors');
 */
export async function safetensorsInfo(path: string): Promise<SafetensorsInfo> {
  const read = await eachFile(path, 'safetensorsInfo', readHeader);
  const tensors = read.flatMap(({ header }) =>
    header.tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }] as const),
  );
  const metadata = read.flatMap(({ header }) => Object.entries(header.metadata));
  return { metadata: Object.fromEntries(metadata), tensors: Object.fromEntries(tensors) };
}

/** What `read` makes of a file, or of the shards of an index file, with the names that this promises of each. */
async function eachFile<Result>(
  path: string,
  operation: string,
  read: (file: InputFile, expected: ReadonlySet<string> | null) => Promise<Result>,
): Promise<Result[]> {
  if (typeof path !== 'string' || !path.endsWith('.json')) {
    return [await InputFile.using(path, operation, (file) => read(file, null))];
  }
  const results: Result[] = [];
  for (const { shard, names } of await readIndex(path, operation)) {
    results.push(await InputFile.using(shard, operation, (file) => read(file, names)));
  }
  return results;
}

/** Read at first: a header is rarely longer, and a read costs 0.1 ms and more beside its bytes. */
const FIRST_BYTES = 1 << 16;

/** The header of a file; `expected` lists the names an index file promises. */
async function readHeader(
  file: InputFile,
  expected: ReadonlySet<string> | null,
): Promise<{ header: SafetensorsHeader; dataStart: number }> {
  const fail = (law: string, cure?: string): never => file.fail(law, cure);
  const first = await file.read(0, Math.min(FIRST_BYTES, file.size));
  const length = headerLength(first, file.size, fail);
  const dataStart = LENGTH_BYTES + length;
  if (first[LENGTH_BYTES] !== 0x7b) fail("is no safetensors file: its header does not begin with '{'");
  const bytes =
    dataStart <= first.length
      ? first.subarray(LENGTH_BYTES, dataStart)
      : await file.read(LENGTH_BYTES, length);
  const header = parseHeader(bytes, file.size - dataStart, fail);
  if (expected !== null) checkShard(file, header, expected);
  return { header, dataStart };
}

/** The tensors of a file in the order of their names. */
async function readTensors(
  file: InputFile,
  expected: ReadonlySet<string> | null,
  lazy: boolean,
): Promise<[string, Tensor][]> {
  const { header, dataStart } = await readHeader(file, expected);
  for (const { name, dtype, type } of header.tensors) {
    if (type === null) {
      file.fail(
        `holds ${quoted(name)} as ${dtype}, which float32 tensors do not stand for`,
        'convert it before',
      );
    }
  }
  const tensors: [string, Tensor][] = [];
  const keep = (name: string, shape: readonly number[], data: Float32Array): void => {
    tensors.push([name, wrap(data, ROW_MAJOR, shape)]);
  };
  const { now, later } = lazy ? divided(header.tensors) : { now: header.tensors, later: [] };
  const readLater = later.length > 0 ? laterFrom(file) : null;
  for (const { name, shape, begin } of later) {
    const unread = new Unread(elementCount(shape), (data) => readLater?.(bytesIn(data), dataStart + begin));
    tensors.push([name, new Tensor(new Storage(unread, ROW_MAJOR), Object.freeze(shape))]);
  }
  await fewAtATime(runs(now), async (run) => {
    const [{ name, type, shape, begin, end }] = run;
    if (asTheyAre(type!, true)) {
      const arrays = run.map((tensor) => allocateOutput(tensor.shape, 'loadSafetensors'));
      // Beside weights that wait there is little else, in a hundred places: 3 ms of a network's start by promises, 0.4 without
      if (lazy) file.readIntoAllNow(arrays.map(bytesIn), dataStart + begin);
      else await file.readIntoAll(arrays.map(bytesIn), dataStart + begin);
      arrays.forEach((data, i) => {
        keep(run[i].name, run[i].shape, data);
      });
    } else {
      const part = new Part(file, dataStart + begin, dataStart + end);
      const plan = { type: type!, little: true, shape, name: quoted(name) };
      keep(name, shape, await readElements(part, plan, 'loadSafetensors'));
    }
  });
  return tensors.sort(([a], [b]) => (a < b ? -1 : 1));
}

const bytesIn = (data: Float32Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

const LAZY_BYTES = 1 << 16;

/** Tensors to read at once, and those that can wait. */
function divided(tensors: readonly StoredTensor[]): { now: StoredTensor[]; later: StoredTensor[] } {
  const waits = ({ type, begin, end }: StoredTensor) => end - begin >= LAZY_BYTES && asTheyAre(type!, true);
  return { now: tensors.filter((tensor) => !waits(tensor)), later: tensors.filter(waits) };
}

/** So much is read by one call where tensors are small: a call costs about 0.1 ms beside its bytes. */
const RUN_BYTES = 1 << 20;
const RUN_TENSORS = 64;

/** Tensors in the order of their places, those together that one call reads: their bytes are their elements. */
function runs(tensors: readonly StoredTensor[]): StoredTensor[][] {
  const found: StoredTensor[][] = [];
  for (const tensor of tensors) {
    const run = found.at(-1);
    const together =
      run !== undefined &&
      run.length < RUN_TENSORS &&
      tensor.begin === run.at(-1)?.end &&
      tensor.end - run[0].begin <= RUN_BYTES &&
      run[0].type === tensor.type &&
      asTheyAre(tensor.type!, true);
    if (together) run.push(tensor);
    else found.push([tensor]);
  }
  return found;
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
