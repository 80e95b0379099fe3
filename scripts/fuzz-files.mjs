// Mutated files through the readers of `io`: each must load, or be refused by a RangeError or TypeError that names the
// reader, soon and with little memory. Anything else ends the run with the file kept.
//   node scripts/fuzz-files.mjs [mutations a format, default 100000] [seed] [format ...]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { io, Tensor } from '../dist/index.js';
import { take } from '../dist/io/byte-reader.js';
import { InputFile } from '../dist/io/input-file.js';
import { openZip } from '../dist/io/zip.js';
import { centralHeader, endRecords, localHeader } from '../dist/io/zip-write.js';
import { changeModel, models } from './fuzz-onnx.mjs';

const SLOWEST_MS = 2000; // a loaded machine counts against it
const MOST_MEMORY = 600 << 20; // of the whole process, garbage included
const folder = mkdtempSync(join(tmpdir(), 'convkit-fuzz-'));
const count = Number(process.argv[2] ?? 100_000);
let state = BigInt(process.argv[3] ?? 1);
const chosen = process.argv.slice(4);

/** SplitMix64: a whole number below `limit`. */
function below(limit) {
  state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  let z = state;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
  return Number((z ^ (z >> 31n)) % BigInt(limit));
}
const oneOf = (list) => list[below(list.length)];

const NUMBERS = [
  '0',
  '1',
  '-1',
  '4',
  '8',
  '01',
  '1.0',
  '1e9',
  '65536',
  '4294967295',
  '4294967296',
  '9007199254740991',
  '9007199254740992',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999',
  'null',
  '""',
  '[]',
  '{}',
]; // prettier-ignore
const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '"a":',
  '"__metadata__":',
  '"F32"',
  '"F16"',
  '"F64"',
  '"I64"',
  '"BOOL"',
  '"F4"',
  '"shape":[',
  '"data_offsets":[0,4]',
  '\u0000',
  '\\ud800',
  ' ',
  '\n',
  '(',
  ')',
  "'",
  "'<f4'",
  "'descr': ",
  'True',
  '()',
]; // prettier-ignore

const splice = (bytes, at, removed, added) =>
  Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)]);

/** One change anywhere in the bytes. */
function changeBytes(bytes) {
  const at = below(bytes.length + 1);
  const length = Math.min(bytes.length - at, 1 + below(oneOf([1, 4, 16, 64])));
  switch (below(7)) {
    case 0: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] ^= 1 << below(8);
      return copy;
    }
    case 1: {
      const copy = Buffer.from(bytes);
      if (at < copy.length) copy[at] = oneOf([0, 1, 0x7f, 0x80, 0xff, 0x22, 0x7b, below(256)]);
      return copy;
    }
    case 2:
      return splice(bytes, at, length, Buffer.alloc(0));
    case 3:
      return splice(bytes, at, 0, Buffer.from(Array.from({ length }, () => below(256))));
    case 4:
      return splice(bytes, at, 0, bytes.subarray(at, at + length));
    case 5: {
      const copy = Buffer.from(bytes);
      const value = oneOf([0, 0xffffffff, 0x80000000, 0x7fffffff, 0xfffffffe, below(2 ** 32)]);
      if (at + 4 <= copy.length) copy.writeUInt32LE(value, at);
      return copy;
    }
    default:
      return bytes.subarray(0, at);
  }
}

/** One change of the text in [begin, end): a number replaced, a token put in, a part moved. */
function changeText(text) {
  const numbers = [...text.matchAll(/\d+/g)];
  const at = below(text.length + 1);
  switch (below(4)) {
    case 0:
    case 1: {
      if (numbers.length === 0) return text;
      const match = oneOf(numbers);
      const near = String(BigInt(match[0]) + BigInt(oneOf([-4, -1, 1, 4])));
      return (
        text.slice(0, match.index) + oneOf([near, ...NUMBERS]) + text.slice(match.index + match[0].length)
      );
    }
    case 2:
      return text.slice(0, at) + oneOf(TOKENS) + text.slice(at + below(3));
    default: {
      const from = below(text.length + 1);
      return text.slice(0, at) + text.slice(from, from + below(60)) + text.slice(at);
    }
  }
}

function times(most, change, value) {
  let changed = value;
  for (let i = 1 + below(most); i > 0; i--) changed = change(changed);
  return changed;
}

/** Half of the changes reach the header's text, and keep its length right: otherwise few would get past it. */
function changeHeader(bytes, lengthOf, withLength) {
  if (below(2) === 0) return times(3, changeBytes, bytes);
  const { begin, end } = lengthOf(bytes);
  const text = Buffer.from(times(3, changeText, bytes.toString('utf8', begin, end)));
  return Buffer.concat([withLength(bytes.subarray(0, begin), text.length), text, bytes.subarray(end)]);
}

async function saved(name, save) {
  await save(join(folder, name));
  return readFileSync(join(folder, name));
}

const tensors = {
  'conv.weight': Tensor.randn([4, 1, 3, 3], { seed: 1 }),
  'conv.bias': Tensor.randn([4], { seed: 2 }),
  empty: Tensor.zeros([0, 3]),
  scalar: Tensor.from(3),
};
const safetensorsOf = (header, bytes) => {
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([first, Buffer.from(header), Buffer.alloc(bytes)]);
};

// numpy.savez_compressed of 40 bytes
const DEFLATED =
  'UEsDBC0AAAAIAAAAIQBNrg3e//////////8FABQAeC5ucHkBABAAqAAAAAAAAABLAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loF5Taqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GqY6ChaaOgq1CmQDLgZGJqIQAFBLAQItAy0AAAAIAAAAIQBNrg3eSwAAAKgAAAAFAAAAAAAAAAAAAACAAQAAAAB4Lm5weVBLBQYAAAAAAQABADMAAACCAAAAAAA=';

/** The entries of an archive by name. */
const entriesOf = (path) =>
  InputFile.using(path, 'fuzz', async (file) => {
    const archive = await openZip(file, 1 << 24);
    const entries = [];
    for (const entry of archive.entries) {
      const data = await archive.read(entry, (reader) => take(reader, reader.remaining));
      entries.push({ name: entry.name, data: Buffer.from(data) });
    }
    return entries;
  });

/** An archive of them, with right checksums. */
function zipOf(entries) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, data } of entries) {
    const entry = { name, crc: crc32(data), size: data.length, offset };
    const local = localHeader(entry);
    parts.push(local, data);
    directory.push(centralHeader(entry));
    offset += local.length + data.length;
  }
  const listed = Buffer.concat(directory);
  return Buffer.concat([...parts, listed, endRecords(entries.length, offset, listed.length)]);
}

/** What a pickle is made of: opcodes with plausible arguments. */
const PICKLED = [
  '(',
  ')',
  '}',
  ']',
  '0',
  '1',
  'N',
  '.',
  'a',
  'e',
  's',
  'u',
  't',
  'b',
  'R',
  'Q',
  '\x81',
  '\x85',
  '\x86',
  '\x87',
  '\x88',
  '\x93',
  '\x94',
  'q\x01',
  'h\x01',
  'h\x05',
  'K\x00',
  'K\xff',
  'M\xff\xff',
  'J\xff\xff\xff\xff',
  '\x8a\x07\xff\xff\xff\xff\xff\xff\x1f',
  'X\x05\x00\x00\x00model',
  'cos\nsystem\n',
  'ccollections\nOrderedDict\n',
  'ctorch\nHalfStorage\n',
  'ctorch.storage\nUntypedStorage\n',
  'ctorch._utils\n_rebuild_tensor_v2\n',
  'ctorch._utils\n_rebuild_tensor_v3\n',
  'ctorch._utils\n_rebuild_parameter\n',
].map((text) => Buffer.from(text, 'latin1'));

function changePickle(bytes) {
  const at = below(bytes.length + 1);
  switch (below(4)) {
    case 0:
      return splice(bytes, at, below(2), oneOf(PICKLED));
    case 1: {
      // A small number, most often a size, a stride or an offset
      const numbers = [];
      for (let i = 0; i + 1 < bytes.length; i++) if (bytes[i] === 0x4b) numbers.push(i);
      if (numbers.length === 0) return bytes;
      const copy = Buffer.from(bytes);
      copy[oneOf(numbers) + 1] = oneOf([0, 1, 2, 3, 24, 255, below(256)]);
      return copy;
    }
    case 2: {
      const from = below(bytes.length + 1);
      return splice(bytes, at, 0, bytes.subarray(from, from + below(40)));
    }
    default:
      return changeBytes(bytes);
  }
}

const pthFile = (name) => join(import.meta.dirname, '..', 'test', 'io', 'pth', `${name}.pth`);
const pthNames = ['protocol2', 'protocol4', 'checkpoint4', 'views', 'types'];
const pthEntries = new Map();
for (const name of pthNames) {
  const entries = await entriesOf(pthFile(name));
  pthEntries.set(zipOf(entries), entries);
}

const formats = {
  onnx: {
    load: (path) => io.loadOnnx(path),
    seeds: models,
    change: (bytes) => times(3, (model) => changeModel(model, below, changeBytes), bytes),
  },
  safetensors: {
    load: (path) => io.loadSafetensors(path),
    seeds: [
      await saved('a.safetensors', (path) => io.saveSafetensors(path, tensors, { metadata: { epoch: '3' } })),
      safetensorsOf(
        '{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},"n":{"dtype":"I64","shape":[],"data_offsets":[6,14]}}',
        14,
      ),
    ],
    change: (bytes) =>
      changeHeader(
        bytes,
        (file) => ({ begin: 8, end: 8 + Number(file.readBigUInt64LE(0)) }),
        (first, length) => {
          const copy = Buffer.from(first);
          copy.writeBigUInt64LE(BigInt(length));
          return copy;
        },
      ),
  },
  npy: {
    load: (path) => io.loadNpy(path),
    seeds: [await saved('a.npy', (path) => io.saveNpy(path, tensors['conv.weight']))],
    change: (bytes) =>
      changeHeader(
        bytes,
        (file) => ({ begin: 10, end: 10 + file.readUInt16LE(8) }),
        (first, length) => {
          const copy = Buffer.from(first);
          copy.writeUInt16LE(Math.min(length, 65535), 8);
          return copy;
        },
      ),
  },
  npz: {
    load: (path) => io.loadNpz(path),
    seeds: [
      await saved('a.npz', (path) => io.saveNpz(path, { 'x/y': tensors['conv.weight'], b: tensors.scalar })),
      Buffer.from(DEFLATED, 'base64'),
    ],
    change: (bytes) => times(3, changeBytes, bytes),
  },
  pth: {
    load: (path) => io.loadPth(path),
    seeds: [...pthEntries.keys()],
    // Most changes reach the pickle, in an archive that is right
    change(bytes) {
      if (below(4) === 0) return times(3, changeBytes, bytes);
      const entries = pthEntries
        .get(bytes)
        .map((entry) =>
          entry.name.endsWith('/data.pkl') || below(40) === 0
            ? { ...entry, data: times(3, changePickle, entry.data) }
            : entry,
        );
      return zipOf(entries);
    },
  },
};

function give(name, bytes, law) {
  const kept = join(tmpdir(), `convkit-fuzz-${name}-${process.pid}`);
  writeFileSync(kept, bytes);
  console.error(`${name}: ${law}\nthe file is kept as ${kept}`);
  process.exit(1);
}

for (const [name, { load, seeds, change }] of Object.entries(formats)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const path = join(folder, `mutant.${name}`);
  const outcomes = new Map();
  let slowest = 0;
  for (let i = 0; i < count; i++) {
    const bytes = change(oneOf(seeds));
    writeFileSync(path, bytes);
    const began = performance.now();
    let outcome = 'loaded';
    try {
      await load(path);
    } catch (error) {
      const known = error instanceof RangeError || error instanceof TypeError;
      if (!known || !/^load\w+: /.test(error.message)) give(name, bytes, `threw ${error?.stack}`);
      outcome = error.message
        .replace(path, 'file')
        .replace(/"(?:[^"\\]|\\.)*"?|'[^']*'?|-?[\d.]+n?/g, '_')
        .slice(0, 90);
    }
    slowest = Math.max(slowest, performance.now() - began);
    if (slowest > SLOWEST_MS) give(name, bytes, `took ${slowest.toFixed(0)} ms`);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  const memory = process.resourceUsage().maxRSS * 1024;
  if (memory > MOST_MEMORY) give(name, readFileSync(path), `the process has taken ${memory >> 20} MB`);
  const loaded = outcomes.get('loaded') ?? 0;
  console.log(
    `${name}: ${count} mutations of ${seeds.length} files, ${loaded} load, the rest is refused in ${outcomes.size - 1} ways; ` +
      `slowest ${slowest.toFixed(0)} ms, process at most ${memory >> 20} MB`,
  );
  if (process.env.CONVKIT_FUZZ_OUTCOMES === '1') {
    for (const [outcome, times] of [...outcomes].sort((a, b) => b[1] - a[1]))
      console.log(`  ${times} ${outcome}`);
  }
}
rmSync(folder, { recursive: true });
