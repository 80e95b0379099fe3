// Weights in the files that PyTorch's torch.save writes (.pth, .pt, .bin): read without Python, and without running anything
// that a file asks for.

import { show, wrongType, wrongValue } from '../errors.js';
import { allocateOutput, elementCount } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { type Tensor, wrap } from '../tensor/tensor.js';
import { type ByteReader, readElements } from './byte-reader.js';
import { decode, type ElementType, NotFloat32 } from './elements.js';
import { InputFile } from './input-file.js';
import { quoted } from './json-reader.js';
import { OtherTensor, type StorageRef, TensorRef } from './pickle-values.js';
import { type Checkpoint, names, openCheckpoint, weightsIn } from './pth-archive.js';
import { isRowMajor, scatterInto } from './strided.js';

export interface LoadPthOptions {
  /**
   * Where the weights are: the name of an entry of the checkpoint, or the names that lead to it. Without it, those under
   * `state_dict`, `model_state_dict`, `model`, `net`, `network` or `module`, the first of these that is a dictionary, and so
   * on inside it; else the checkpoint itself.
   */
  key?: string | readonly string[];
  /**
   * The most bytes that the tensors may take as float32: 64 MiB, or 8 times the file where that is more. PyTorch can describe
   * a tensor larger than what it is made of, so a small file could fill the memory unasked.
   */
  maxBytes?: number;
}

/** What a checkpoint says of itself. */
export interface PthInfo {
  /** Each tensor's dtype as PyTorch spells it ('float32', 'bfloat16', ...) and shape. */
  tensors: Record<string, { dtype: string; shape: readonly number[] }>;
}

/**
 * Reads weights by name from a file that `torch.save(model.state_dict(), path)` wrote, or a checkpoint that has them under
 * a usual name (see {@link LoadPthOptions.key}). Its pickle is read by a reader of our own that knows a dozen names and
 * builds records of them: nothing is executed. Entries that are no tensors are passed over.
 *
 * Tensors are float32, in logical order whatever their strides were: half precision is widened exactly, double rounded to
 * nearest, bool becomes 0 or 1, and whole numbers must be exact in float32. Equal views of one storage (tied weights) share
 * memory; different ones are copies. Storages are read from the file straight to where they belong.
 *
 * @throws RangeError naming the file and what is wrong with it: PyTorch's format before 1.6, TorchScript, whole models and
 * other classes, quantized, sparse and complex tensors, damage.
 * @example
 * net.loadStateDict(await io.loadPth('resnet50.pth'));
 */
export async function loadPth(path: string, options: LoadPthOptions = {}): Promise<Record<string, Tensor>> {
  const operation = 'loadPth';
  const { key, maxBytes } = checkedOptions(options, operation);
  return InputFile.using(path, operation, async (file) => {
    const limit = maxBytes ?? defaultLimit(file);
    const checkpoint = await openCheckpoint(file, limit);
    const weights = tensorsOf(checkpoint, key, file);
    for (const [name, { dtype }] of weights) {
      if (dtype.type !== null) continue;
      file.fail(
        `holds ${quoted(name)} as ${dtype.name}, which float32 tensors do not stand for`,
        'convert it before',
      );
    }
    const groups = byStorage(weights);
    let total = 0;
    for (const group of groups) for (const { view } of group.views) total += elementCount(view.shape) * 4;
    if (!(total <= limit)) {
      file.fail(`describes tensors of ${total} bytes as float32, the limit is ${limit}`, 'raise maxBytes');
    }
    const places = new Map(groups.map((group) => [group, checkpoint.entryOf(group.storage)]));
    const loaded = new Map<TensorRef, Tensor>();
    for (const group of [...groups].sort((a, b) => places.get(a)!.offset - places.get(b)!.offset)) {
      await checkpoint.archive.read(places.get(group)!, (reader) =>
        readGroup(reader, group, checkpoint.little, loaded, operation),
      );
    }
    return Object.fromEntries(weights.map(([name, view]) => [name, loaded.get(view)!]));
  });
}

/**
 * Reads only what a checkpoint says of its tensors: dtypes and shapes.
 *
 * @throws RangeError naming the file and what is wrong with it.
 * @example
 * const { tensors } = await io.pthInfo('resnet50.pth');
 */
export async function pthInfo(path: string, options: LoadPthOptions = {}): Promise<PthInfo> {
  const { key, maxBytes } = checkedOptions(options, 'pthInfo');
  return InputFile.using(path, 'pthInfo', async (file) => {
    const checkpoint = await openCheckpoint(file, maxBytes ?? defaultLimit(file));
    const weights = tensorsOf(checkpoint, key, file);
    return {
      tensors: Object.fromEntries(
        weights.map(([name, { dtype, shape }]) => [name, { dtype: dtype.name, shape: [...shape] }]),
      ),
    };
  });
}

const defaultLimit = ({ size }: InputFile): number => Math.max(2 ** 26, 8 * size);

function checkedOptions(
  options: unknown,
  operation: string,
): { key: readonly string[] | null; maxBytes: number | undefined } {
  if (typeof options !== 'object' || options === null) {
    throw wrongType(operation, `options must be an object such as { key: 'model' }, not ${show(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (name !== 'maxBytes' && name !== 'key') {
      throw wrongType(operation, `there is no option ${show(name)}`, "known are 'key', 'maxBytes'");
    }
  }
  const maxBytes: unknown = 'maxBytes' in options ? options.maxBytes : undefined;
  if (maxBytes !== undefined && !(typeof maxBytes === 'number' && maxBytes >= 0)) {
    throw wrongValue(operation, `maxBytes must be a number of bytes, not ${show(maxBytes)}`);
  }
  const key: unknown = 'key' in options ? options.key : undefined;
  if (key === undefined) return { key: null, maxBytes };
  const path: unknown[] = Array.isArray(key) ? key : [key];
  const texts = path.filter((name) => typeof name === 'string');
  if (texts.length < path.length) {
    throw wrongType(operation, `key must be a name or an array of names, not ${show(key)}`);
  }
  return { key: texts, maxBytes };
}

function tensorsOf(
  checkpoint: Checkpoint,
  key: readonly string[] | null,
  file: InputFile,
): [string, TensorRef][] {
  const fail = (law: string, cure?: string): never => file.fail(law, cure);
  const dictionary = weightsIn(checkpoint.root, key, fail);
  const tensors: [string, TensorRef][] = [];
  for (const [name, value] of dictionary.entries) {
    if (value instanceof TensorRef) tensors.push([name, value]);
    else if (value instanceof OtherTensor) {
      fail(`holds ${quoted(name)} as ${value.what}`, 'make it a dense float tensor before it is saved');
    }
  }
  if (tensors.length === 0 && dictionary.entries.size > 0) {
    fail(`has no tensors among ${names(dictionary)}`, "say where they are: { key: 'name' }");
  }
  return tensors;
}

interface Group {
  readonly storage: StorageRef;
  /** The different views of it, each with all that are equal. */
  readonly views: { readonly view: TensorRef; readonly name: string; readonly all: TensorRef[] }[];
}

function byStorage(weights: readonly (readonly [string, TensorRef])[]): Group[] {
  const groups = new Map<StorageRef, Group & { readonly seen: Map<string, TensorRef[]> }>();
  for (const [name, view] of weights) {
    let group = groups.get(view.storage);
    if (group === undefined) {
      group = { storage: view.storage, views: [], seen: new Map() };
      groups.set(view.storage, group);
    }
    const spelling = `${view.dtype.name} ${view.offset} ${view.shape} ${view.strides}`;
    const equal = group.seen.get(spelling);
    if (equal !== undefined) equal.push(view);
    else {
      const all = [view];
      group.seen.set(spelling, all);
      group.views.push({ view, name, all });
    }
  }
  return [...groups.values()];
}

const CHUNK_BYTES = 1 << 20; // divisible by every element's size

/** Reads a storage once, from end to end, into all its views. */
async function readGroup(
  reader: ByteReader,
  { storage, views }: Group,
  little: boolean,
  loaded: Map<TensorRef, Tensor>,
  operation: string,
): Promise<void> {
  const [{ view, name }] = views;
  const { dtype, shape } = view;
  const keep = (all: readonly TensorRef[], values: Float32Array, ofShape: readonly number[]): void => {
    const tensor = wrap(values, ROW_MAJOR, Object.freeze([...ofShape]));
    for (const [i, equal] of all.entries()) loaded.set(equal, i === 0 ? tensor : tensor.detach());
  };
  const whole = isRowMajor(view) && elementCount(shape) * dtype.bytes === storage.bytes;
  if (views.length === 1 && whole) {
    const plan = { type: dtype.type!, little, shape, name: quoted(name) };
    keep(views[0].all, await readElements(reader, plan, operation), shape);
    return;
  }
  const targets = views.map(({ view, name, all }) => {
    const values = allocateOutput(view.shape, operation);
    return { all, name, values, view, put: scatterInto(view, values) };
  });
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, reader.remaining));
  const kinds = [...new Set(targets.map(({ view }) => view.dtype))].map((kind) => {
    const floats = new Float32Array(chunk.length / kind.bytes);
    return { kind, type: kind.type!, floats };
  });
  let done = 0;
  while (reader.remaining > 0) {
    const bytes = chunk.subarray(0, Math.min(chunk.length, reader.remaining));
    await reader.fill(bytes);
    for (const { kind, type, floats } of kinds) {
      const part = floats.subarray(0, bytes.length / kind.bytes);
      decodeInto(part, type, bytes.subarray(0, part.length * kind.bytes), little, reader);
      for (const { view, put } of targets) if (view.dtype === kind) put(part, done / kind.bytes);
    }
    done += bytes.length;
  }
  for (const { all, values, view } of targets) keep(all, values, view.shape);
}

function decodeInto(
  floats: Float32Array,
  type: ElementType,
  bytes: Uint8Array,
  little: boolean,
  reader: ByteReader,
): void {
  try {
    decode(type, bytes, floats, little);
  } catch (error) {
    if (!(error instanceof NotFloat32)) throw error;
    reader.fail(`holds ${error.message}`, 'store float32, or smaller numbers');
  }
}
