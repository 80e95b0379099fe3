// Files that PyTorch wrote (scripts/pth-files.py) hold what NumPy says they hold; files that nobody should have written are
// refused by a sentence, soon, and without running anything.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadNpz } from '../../lib/io/npz.js';
import { type LoadPthOptions, loadPth, pthInfo } from '../../lib/io/pth.js';
import { storageOf, type Tensor } from '../../lib/tensor/tensor.js';
import { bits } from '../support/bits.js';
import { type HandEntry, zipOf } from '../support/zip.js';

const made = (name: string): string => join(import.meta.dirname, 'pth', name);
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-pth-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function expectSame(actual: Record<string, Tensor>, expected: Record<string, Tensor>): Promise<void> {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, tensor] of Object.entries(expected)) {
    expect([name, actual[name].shape, bits(actual[name])]).toEqual([name, tensor.shape, bits(tensor)]);
  }
}

describe('loadPth reads', () => {
  test.each([2, 3, 4, 5])('weights by protocol %i, in their order', async (protocol) => {
    const weights = await loadPth(made(`protocol${protocol}.pth`));
    expect(Object.keys(weights).slice(0, 3)).toEqual(['conv.weight', 'conv.bias', 'norm.weight']);
    await expectSame(weights, await loadNpz(made('weights.npz')));
  });

  test('elements of every type that float32 stands for', async () => {
    await expectSame(await loadPth(made('types.pth')), await loadNpz(made('types.npz')));
  });

  test('views of every kind, several over one storage', async () => {
    await expectSame(await loadPth(made('views.pth')), await loadNpz(made('views.npz')));
  });

  test('equal views as tensors that share memory, and others as copies', async () => {
    const views = await loadPth(made('views.pth'));
    const storage = (name: string) => storageOf(views[name]);
    expect(storage('tied a')).toBe(storage('tied b'));
    expect(views['tied a']).not.toBe(views['tied b']);
    expect(views['tied a']).toBe(views['tied c']); // one object when it was saved
    expect(storage('tied part')).not.toBe(storage('tied a'));
  });

  test.each([2, 4])("a training script's checkpoint, by protocol %i", async (protocol) => {
    const path = made(`checkpoint${protocol}.pth`);
    const expected = await loadNpz(made('checkpoint.npz'));
    await expectSame(await loadPth(path), expected); // model, and in it state_dict
    await expectSame(await loadPth(path, { key: ['model', 'state_dict'] }), expected);
    const other = await loadPth(path, { key: 'other' });
    expect(Object.entries(other).map(([name, tensor]) => [name, tensor.toArray()])).toEqual([
      ['parameter', [1, 2]],
      ['plain', [0, 0]],
    ]);
    expect((await loadPth(path, { key: [] })).loss.item()).toBe(0.5);
    await expect(loadPth(path, { key: 'ema' })).rejects.toThrow(/has no "ema"; it has "epoch", "loss", /);
    await expect(loadPth(path, { key: 'flags' })).rejects.toThrow('holds a list as "flags"');
    await expect(loadPth(path, { key: ['optimizer', 'state'] })).resolves.toEqual({});
  });

  test('what a big-endian machine wrote', async () => {
    await expectSame(await loadPth(made('big-endian.pth')), await loadNpz(made('weights.npz')));
  });

  test('its names, dtypes and shapes alone', async () => {
    const { tensors } = await pthInfo(made('types.pth'));
    expect(tensors.bfloat16).toEqual({ dtype: 'bfloat16', shape: [6] });
    expect((await pthInfo(made('float8.pth'))).tensors.a).toEqual({ dtype: 'float8_e4m3fn', shape: [2] });
  });
});

describe('loadPth refuses', () => {
  test.each([
    ['before-1.6', /has the format of PyTorch before 1\.6, which is no zip archive; .*torch\.save it anew/],
    [
      'module',
      /refers to "torch\.nn\.modules\.\w+\.\w+", which no weights need.*; .*torch\.save\(model\.state_dict\(\)/,
    ],
    ['namespace', /refers to "argparse\.Namespace"/],
    ['numpy', /refers to "numpy\._core\.multiarray\.scalar"/],
    ['evil', /refers to "posix\.system", which no weights need and nothing here runs/],
    ['script', /is a TorchScript archive, which holds a program; save the weights alone/],
    ['sparse', /holds "a" as a sparse tensor/],
    ['quantized', /holds "a" as a quantized tensor/],
    ['meta', /holds "a" as a tensor without elements/],
    ['complex', /holds "a" as complex64, which float32 tensors do not stand for/],
    ['float8', /holds "a" as float8_e4m3fn, which float32 tensors do not stand for/],
    ['inexact', /holds in "a" the whole number 16777217 is no float32/],
    ['numbers', /has no tensors among "epoch"; say where they are: \{ key: 'name' \}/],
    ['list', /holds a list as the checkpoint, not a dictionary of tensors/],
  ])('%s.pth, and says what it is', async (name, message) => {
    await expect(loadPth(made(`${name}.pth`))).rejects.toThrow(RangeError);
    await expect(loadPth(made(`${name}.pth`))).rejects.toThrow(message);
    expect(existsSync('/tmp/convkit-was-here')).toBe(false);
  });

  test('files of other formats by name', async () => {
    const cases: [Uint8Array, RegExp][] = [
      [
        Buffer.from('\x10\0\0\0\0\0\0\0{"a":null}       '),
        /looks like a \.safetensors file; use io\.loadSafetensors/,
      ],
      [Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), /is an HDF5 file/],
      [Buffer.from([0x80, 4, 0x4e, 0x2e]), /is a pickle without the archive/],
      [Buffer.from('hello'), /is no zip archive, or was cut off/],
      [Buffer.alloc(0), /is no zip archive, or was cut off/],
      [zipOf([{ name: 'a/other', data: Buffer.from('x') }]), /with no data\.pkl in a folder/],
    ];
    for (const [bytes, message] of cases) await expect(loadBytes(bytes)).rejects.toThrow(message);
  });

  test('options that are none', async () => {
    const load = (options: object) => loadPth(made('types.pth'), options);
    await expect(load({ keys: 'a' })).rejects.toThrow(
      "there is no option 'keys'; known are 'key', 'maxBytes'",
    );
    await expect(load({ key: 3 })).rejects.toThrow('key must be a name or an array of names, not 3');
    await expect(load({ maxBytes: '1' })).rejects.toThrow("maxBytes must be a number of bytes, not '1'");
  });
});

async function loadBytes(bytes: Uint8Array, options?: LoadPthOptions): Promise<Record<string, Tensor>> {
  const path = join(folder, 'made.pth');
  await writeFile(path, bytes);
  return loadPth(path, options);
}

/** Pickles spelled out: opcodes as text, numbers as bytes. */
const pickle = (...parts: (string | number[])[]): Buffer =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
const text = (value: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(value));
  return Buffer.concat([Buffer.from('X'), length, Buffer.from(value)]);
};
const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(10);
  bytes.writeUInt8(0x8a, 0);
  bytes.writeUInt8(8, 1);
  bytes.writeBigInt64LE(BigInt(value), 2);
  return bytes;
};
const tuple = (...items: Buffer[]): Buffer => Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]);
const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);

/** A checkpoint { t: tensor } over a storage of float32. */
function tensorFile(
  { offset = 0, shape = [2], strides = [1], elements = 2, key = '0', type = 'FloatStorage' },
  data: Uint8Array = Buffer.alloc(8),
  more: readonly HandEntry[] = [],
): Buffer {
  const id = tuple(text('storage'), global('torch', type), text(key), text('cpu'), number(elements));
  const args = tuple(
    Buffer.concat([id, Buffer.from('Q')]),
    number(offset),
    tuple(...shape.map(number)),
    tuple(...strides.map(number)),
    pickle([0x89]),
    Buffer.concat([global('collections', 'OrderedDict'), Buffer.from(')R')]),
  );
  const rebuilt = Buffer.concat([global('torch._utils', '_rebuild_tensor_v2'), args, Buffer.from('R')]);
  const file = Buffer.concat([pickle([0x80, 2], '}'), text('t'), rebuilt, Buffer.from('s.')]);
  return zipOf([{ name: 'm/data.pkl', data: file }, { name: 'm/data/0', data }, ...more]);
}
const pickleFile = (data: Uint8Array, deflated = false): Buffer =>
  zipOf([{ name: 'm/data.pkl', data, deflated }]);

describe('a hand-made file', () => {
  test('is read where it is right', async () => {
    expect((await loadBytes(tensorFile({}))).t.toArray()).toEqual([0, 0]);
    const deflated = pickleFile(pickle([0x80, 2], '}.'), true);
    expect(await loadBytes(deflated)).toEqual({});
  });

  test.each([
    [
      'offset',
      { offset: 1 },
      /a tensor of size \[2\] and stride \[1\] at offset 1, outside its storage of 2 elements/,
    ],
    ['negative offset', { offset: -1 }, /offset is no whole number from 0 up/],
    ['negative size', { shape: [-2] }, /size is no tuple of at most 64 whole numbers from 0 up/],
    ['negative stride', { strides: [-1], offset: 1 }, /stride is no tuple/],
    ['absurd stride', { strides: [2 ** 52] }, /outside its storage/],
    [
      'absurd strides',
      { shape: [2, 2, 2], strides: [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1] },
      /outside its storage/,
    ],
    ['absurd size', { shape: [2 ** 30, 2 ** 30], strides: [0, 0] }, /more elements than can be counted/],
    [
      'large size of one element',
      { shape: [2 ** 40], strides: [0] },
      /describes tensors of \d+ bytes as float32, the limit is 67108864/,
    ],
    ['more sizes than strides', { shape: [1, 2] }, /has a tensor of size \[1, 2\] and stride \[1\]/],
    ['storage larger than its entry', { elements: 3 }, /holds 8 bytes for the storage "0", which has 12/],
    ['negative storage', { elements: -2 }, /refers to something outside its pickle that is no storage/],
    ['absurd storage', { elements: 2 ** 53 - 1 }, /claims a storage of 9007199254740991 elements/],
    ['missing storage', { key: '1' }, /refers to the storage "1", which it does not hold/],
    [
      'storage elsewhere',
      { key: '../data.pkl' },
      /refers to the storage "\.\.\/data\.pkl", which it does not hold/,
    ],
    ['unknown storage', { type: 'EvilStorage' }, /refers to "torch\.EvilStorage"/],
  ])('with a wrong %s is refused', async (_, options, message) => {
    await expect(loadBytes(tensorFile(options))).rejects.toThrow(message);
  });

  test('may fill memory only where it is asked to', async () => {
    const file = tensorFile({ shape: [1 << 20, 5], strides: [0, 0] });
    expect((await loadBytes(file, { maxBytes: 1 << 25 })).t.shape).toEqual([1 << 20, 5]);
    await expect(loadBytes(file, { maxBytes: 1 << 24 })).rejects.toThrow('raise maxBytes');
  });

  test.each([
    ['no end', pickle([0x80, 2], '}'), /ends too early/],
    ['an empty pickle', pickle(), /ends too early/],
    ['protocol 1', pickle([0x80, 1], '}.'), /has protocol 1, readable are those from 2 to 5/],
    ['bytes after its end', pickle([0x80, 2], '}.}'), /goes on after its end/],
    ['values left over', pickle('}}.'), /ends with 1 values left over/],
    [
      'an unknown opcode',
      pickle('}', 'i'),
      /has the opcode 0x69, which torch\.save does not write \(byte 1 of 2\)/,
    ],
    ['a text opcode', pickle("S'x'\n."), /has the opcode 0x53/],
    ['an extension', pickle([0x82, 1], '.'), /has the opcode 0x82/],
    ['a name without an end', pickle('cos'), /has a name without an end/],
    ['a long name', pickle(`c${'a'.repeat(500)}\nb\n.`), /has a name without an end/],
    [
      'os.system',
      pickle('cos\nsystem\n(', text('touch x').toString('latin1'), 'tR.'),
      /refers to "os\.system"/,
    ],
    [
      'eval',
      pickle('c__builtin__\neval\n(', text('1').toString('latin1'), 'tR.'),
      /refers to "builtins\.eval"/,
    ],
    [
      'a name made of parts',
      pickle(text('os').toString('latin1'), text('system').toString('latin1'), [0x93], '.'),
      /refers to "os\.system"/,
    ],
    ['a name that is no text', pickle('K\x01K\x02', [0x93], '.'), /looks up a name that is no text/],
    ['a call of a number', pickle('K\x01)R.'), /calls 1/],
    [
      'arguments that are none',
      pickle('ccollections\nOrderedDict\nK\x01R.'),
      /calls collections\.OrderedDict with 1/,
    ],
    [
      'an OrderedDict of something',
      pickle('ccollections\nOrderedDict\n(K\x01tR.'),
      /makes an OrderedDict of something/,
    ],
    ['state on a number', pickle('K\x01}b.'), /sets the state of 1/],
    ['an entry of a number', pickle('K\x01K\x01K\x01s.'), /sets entries of 1/],
    ['an item of a dictionary', pickle('}K\x01a.'), /appends to a dictionary/],
    ['an odd dictionary', pickle('}(K\x01u.'), /last name has no value/],
    ['a group that was not opened', pickle('}u.'), /closes a group that was not opened/],
    ['an empty stack', pickle('0.'), /takes a value from an empty stack/],
    ['a mark as a value', pickle('(.'), /takes a value that is not there/],
    ['a forgotten value', pickle('h\x07.'), /recalls a value 7 that it did not remember/],
    ['a memo of 2^32', pickle('}r\xff\xff\xff\xff.'), /remembers a value under 4294967295, the limit is/],
    ['a string of 4 GB', pickle('X\xff\xff\xff\xffabc'), /ends too early/],
    ['a string of 2^64', pickle([0x8d, 255, 255, 255, 255, 255, 255, 255, 255], 'abc'), /ends too early/],
    ['text that is none', pickle([0x8c, 1, 0xff], '.'), /text that is not UTF-8/],
    ['a number of 255 bytes', pickle([0x8a, 255], '\x01'.repeat(255), '.'), /whole number of 255 bytes/],
    [
      'a persistent id that is none',
      pickle('K\x01Q.'),
      /refers to something outside its pickle that is no storage/,
    ],
    [
      'a parameter of nothing',
      pickle('ctorch._utils\n_rebuild_parameter\n)R.'),
      /makes a parameter of nothing/,
    ],
    [
      'a tensor of nothing',
      pickle('ctorch._utils\n_rebuild_tensor_v2\n)R.'),
      /has a tensor without a storage/,
    ],
  ])('with %s is refused', async (_, data, message) => {
    await expect(loadBytes(pickleFile(data))).rejects.toThrow(RangeError);
    await expect(loadBytes(pickleFile(data))).rejects.toThrow(message);
  });

  test('with a dictionary that contains itself ends', async () => {
    const file = pickle([0x80, 2], '}q\x00', text('model').toString('latin1'), 'h\x00s.');
    await expect(loadBytes(pickleFile(file))).rejects.toThrow('has no tensors among "model"');
  });

  test.each([
    ['dictionaries', '}'.repeat(1 << 22)],
    ['tuples', ')'.repeat(1 << 22)],
    ['marks', '('.repeat(1 << 23)],
    ['strings', '\x8c\x00'.repeat(1 << 22)],
    ['recalled values', `}q\x00${'h\x00'.repeat(1 << 22)}`],
  ])('of nothing but %s is refused soon', async (_, data) => {
    const bomb = pickleFile(Buffer.from(data, 'latin1'), true);
    expect(bomb.length).toBeLessThan(1 << 16);
    const began = performance.now();
    await expect(loadBytes(bomb)).rejects.toThrow('makes more than 4194304 values');
    expect(performance.now() - began).toBeLessThan(15_000);
  });

  test('whose pickle inflates to much is refused before it is read', async () => {
    const bomb = pickleFile(Buffer.alloc((1 << 24) + 1), true);
    await expect(loadBytes(bomb)).rejects.toThrow('has a pickle of 16777217 bytes, the limit is 16777216');
    const larger = pickleFile(Buffer.alloc(70 << 20), true);
    await expect(loadBytes(larger)).rejects.toThrow(/claims to inflate from \d+ to 73400320 bytes/);
  });

  test('whose entries overlap, or whose checksums differ, is refused', async () => {
    const data = pickle([0x80, 2], '}.');
    const two = { name: 'm/data/0', data: Buffer.alloc(8), changes: { 42: 0 } };
    await expect(loadBytes(zipOf([{ name: 'm/data.pkl', data }, two]))).rejects.toThrow(/over/);
    const wrong = zipOf([{ name: 'm/data.pkl', data, changes: { 16: 1 } }]);
    await expect(loadBytes(wrong)).rejects.toThrow('does not have the checksum it claims');
  });

  test('whose two end records differ is refused', async () => {
    const bytes = await readFile(made('types.pth'));
    const wide = bytes.lastIndexOf('PK\x06\x06');
    bytes.writeUInt8(bytes[wide + 32] + 1, wide + 32);
    await expect(loadBytes(bytes)).rejects.toThrow('has two end records that differ');
  });

  test('with an unknown order of bytes is refused', async () => {
    const entry = (order: string) => [{ name: 'm/byteorder', data: Buffer.from(order) }];
    await expect(loadBytes(tensorFile({}, undefined, entry('middle')))).rejects.toThrow(/byteorder/);
    await expect(loadBytes(tensorFile({}, undefined, entry('x'.repeat(1000))))).rejects.toThrow(/byteorder/);
  });

  test('cut off anywhere is refused', async () => {
    const whole = await readFile(made('protocol2.pth'));
    for (let length = 0; length < whole.length; length += 97) {
      await expect(loadBytes(whole.subarray(0, length))).rejects.toThrow(RangeError);
    }
  });
});
