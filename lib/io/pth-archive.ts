// The zip archive that torch.save writes: one folder with a pickle (data.pkl), the bytes of each storage (data/0, data/1, ...)
// and a file that says in which order they are. Reads the pickle, and finds storages; which tensors are weights is not its business.

import { take } from './byte-reader.js';
import type { InputFile } from './input-file.js';
import { quoted } from './json-reader.js';
import { LONGEST_PICKLE, unpickle } from './pickle.js';
import { Dictionary, describe, type StorageRef, type Value } from './pickle-values.js';
import { nameTable, storageOfId } from './pth-names.js';
import { openZip, type ZipArchive } from './zip.js';
import type { ZipEntry } from './zip-format.js';

export interface Checkpoint {
  readonly archive: ZipArchive;
  readonly root: Value;
  readonly little: boolean;
  /** The entry of a storage, whose size has been compared. */
  entryOf(storage: StorageRef): ZipEntry;
}

const CURE_OLD = 'load it in PyTorch 1.6 or later and torch.save it anew, or write a .safetensors file';

/** Says what a file is that is no zip archive, where its first bytes tell. */
async function checkKind(file: InputFile): Promise<void> {
  const first = await file.read(0, Math.min(file.size, 512));
  const starts = (...bytes: number[]): boolean => bytes.every((byte, i) => first[i] === byte);
  if (starts(0x50, 0x4b)) return;
  // A pickle of the number 0x1950a86a20f9469cfc6c opens the format that PyTorch wrote before 1.6
  if (starts(0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)) {
    file.fail('has the format of PyTorch before 1.6, which is no zip archive', CURE_OLD);
  }
  if (Buffer.from(first.subarray(257, 262)).toString('latin1') === 'ustar') {
    file.fail('is a tar archive, as PyTorch wrote before 0.1.10', CURE_OLD);
  }
  if (starts(0x80) && first[1] <= 5) {
    file.fail('is a pickle without the archive that torch.save writes', CURE_OLD);
  }
  if (first[8] === 0x7b && first[7] === 0)
    file.fail('looks like a .safetensors file', 'use io.loadSafetensors');
  if (starts(0x89, 0x48, 0x44, 0x46))
    file.fail('is an HDF5 file', 'write its weights as a .safetensors file');
}

/** The checkpoint of a file, known to inflate to at most `mostBytes`. */
export async function openCheckpoint(file: InputFile, mostBytes: number): Promise<Checkpoint> {
  const fail = (law: string, cure?: string): never => file.fail(law, cure);
  await checkKind(file);
  const archive = await openZip(file, mostBytes);
  const entries = new Map(archive.entries.map((entry) => [entry.name, entry]));
  const pickles = archive.entries.filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    const count = pickles.length === 0 ? 'no' : `${pickles.length}`;
    fail(`is a zip archive with ${count} data.pkl in a folder: torch.save does not write such`);
  }
  const [pickle] = pickles;
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  if (entries.has(`${folder}constants.pkl`)) {
    fail(
      'is a TorchScript archive, which holds a program',
      'save the weights alone: torch.save(torch.jit.load(path).state_dict(), path)',
    );
  }
  if (pickle.size > LONGEST_PICKLE) {
    fail(`has a pickle of ${pickle.size} bytes, the limit is ${LONGEST_PICKLE}`);
  }
  const little = await littleEndian(archive, entries.get(`${folder}byteorder`), fail);

  const storages = new Map<string, StorageRef>();
  const entryOf = ({ key, bytes }: StorageRef): ZipEntry => {
    const entry = entries.get(`${folder}data/${key}`);
    if (entry === undefined) return fail(`refers to the storage ${quoted(key)}, which it does not hold`);
    if (entry.size !== bytes)
      fail(`holds ${entry.size} bytes for the storage ${quoted(key)}, which has ${bytes}`);
    return entry;
  };
  const root = unpickle(await archive.read(pickle, (reader) => take(reader, reader.remaining)), {
    find: nameTable(fail),
    persistent(id) {
      const storage = storageOfId(id, fail);
      const before = storages.get(storage.key);
      if (before === undefined) {
        entryOf(storage);
        storages.set(storage.key, storage);
        return storage;
      }
      if (before.bytes !== storage.bytes || before.dtype !== storage.dtype) {
        fail(`refers to the storage ${quoted(storage.key)} in two ways`);
      }
      return before;
    },
    fail,
  });
  return { archive, root, little, entryOf };
}

async function littleEndian(
  archive: ZipArchive,
  entry: ZipEntry | undefined,
  fail: (law: string) => never,
): Promise<boolean> {
  if (entry === undefined) return true; // PyTorch before 2.1 did not say; it ran on little-endian machines
  if (entry.size > 6) fail('has a byteorder that is neither little nor big');
  const bytes = await archive.read(entry, (reader) => take(reader, reader.remaining));
  const order = Buffer.from(bytes).toString('latin1');
  if (order !== 'little' && order !== 'big') fail('has a byteorder that is neither little nor big');
  return order === 'little';
}

/** Where training scripts put weights beside other things, in the order in which they are looked for. */
const CONTAINERS = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'module'];

/** Containers inside containers; a dictionary may contain itself. */
const DEEPEST = 8;

/** The dictionary that holds the weights: under `key`, or by the rule that `loadPth` states. */
export function weightsIn(
  root: Value,
  key: readonly string[] | null,
  fail: (law: string, cure?: string) => never,
): Dictionary {
  let found = dictionary(root, 'the checkpoint', fail);
  if (key !== null) {
    for (const name of key) {
      const inner = found.entries.get(name);
      if (inner === undefined) return fail(`has no ${quoted(name)}`, `it has ${names(found)}`);
      found = dictionary(inner, quoted(name), fail);
    }
    return found;
  }
  for (let depth = 0; depth < DEEPEST; depth++) {
    const name = CONTAINERS.find((container) => found.entries.get(container) instanceof Dictionary);
    if (name === undefined) break;
    found = dictionary(found.entries.get(name)!, quoted(name), fail);
  }
  return found;
}

function dictionary(value: Value, what: string, fail: (law: string, cure?: string) => never): Dictionary {
  return value instanceof Dictionary
    ? value
    : fail(`holds ${describe(value)} as ${what}, not a dictionary of tensors`);
}

/** The names of a dictionary, as sentences list them. */
export function names({ entries }: Dictionary): string {
  const all = [...entries.keys()];
  return all.length === 0
    ? 'nothing'
    : `${all.slice(0, 8).map(quoted).join(', ')}${all.length > 8 ? ', …' : ''}`;
}
