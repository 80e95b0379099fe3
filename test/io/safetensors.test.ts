import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../lib/graph/compile.js';
import { saveNpy } from '../../lib/io/npy.js';
import { saveNpz } from '../../lib/io/npz.js';
import { loadSafetensors, safetensorsInfo } from '../../lib/io/safetensors.js';
import { saveSafetensors } from '../../lib/io/save-safetensors.js';
import * as nn from '../../lib/nn/index.js';
import { storageOf, Tensor } from '../../lib/tensor/tensor.js';
import { bits } from '../support/bits.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file spelled out by hand: the header's text, and as many bytes of data. */
async function file(header: string | Uint8Array, data = 0, length?: bigint): Promise<string> {
  const text = Buffer.from(header);
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(length ?? BigInt(text.length));
  await writeFile(at('made.safetensors'), Buffer.concat([first, text, Buffer.alloc(data)]));
  return at('made.safetensors');
}

// safetensors 0.8.0: save({'b': arange(6).reshape(2, 3), 'a': [-0.0, 1e-45], 'é😀': 2.5, '\uffff': zeros((0, 3))},
// metadata={'b"': 'q\n\u2028é'}), all float32
const FROM_PYTHON =
  'CAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJiXCIiOiJxXG7igKjDqSJ9LCJhIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOlsyXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzIsM10sImRhdGFfb2Zmc2V0cyI6WzgsMzJdfSwiw6nwn5iAIjp7ImR0eXBlIjoiRjMyIiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOlszMiwzNl19LCLvv78iOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzAsM10sImRhdGFfb2Zmc2V0cyI6WzM2LDM2XX19ICAAAACAAQAAAAAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQAAAIEA=';
const plain = () => ({
  b: Tensor.from([
    [0, 1, 2],
    [3, 4, 5],
  ]),
  a: new Tensor(Float32Array.of(-0, 1e-45), [2]),
  '\uffff': Tensor.zeros([0, 3]),
  'é😀': Tensor.from(2.5),
});

// safetensors.torch 0.8.0 of PyTorch 2.13: f16 [0.1, -65504, 6e-8, inf, nan, -0.0, 6.1e-5, 1], bf16 [0.1, 3e38, 1e-40, -inf],
// f64 [0.1, 1e300, 1 + 2^-24], i64 [5, -2^40], u8 [[0, 255]], bool [true, false], i16 -32768, i32 [2^24], i8 [-128], f32 [1.5]
const OF_ALL_DTYPES =
  'QAIAAAAAAAB7ImkzMiI6eyJkdHlwZSI6Ikk2NCIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzAsOF19LCJpNjQiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls4LDI0XX0sImY2NCI6eyJkdHlwZSI6IkY2NCIsInNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzI0LDQ4XX0sImYzMiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzQ4LDUyXX0sImJmMTYiOnsiZHR5cGUiOiJCRjE2Iiwic2hhcGUiOls0XSwiZGF0YV9vZmZzZXRzIjpbNTIsNjBdfSwiZjE2Ijp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOls4XSwiZGF0YV9vZmZzZXRzIjpbNjAsNzZdfSwiaTE2Ijp7ImR0eXBlIjoiSTE2Iiwic2hhcGUiOltdLCJkYXRhX29mZnNldHMiOls3Niw3OF19LCJpOCI6eyJkdHlwZSI6Ikk4Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbNzgsNzldfSwidTgiOnsiZHR5cGUiOiJVOCIsInNoYXBlIjpbMSwyXSwiZGF0YV9vZmZzZXRzIjpbNzksODFdfSwiYm9vbCI6eyJkdHlwZSI6IkJPT0wiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls4MSw4M119fSAgICAgICAAAAABAAAAAAUAAAAAAAAAAAAAAAD///+amZmZmZm5P5x1AIg85Dd+AAAAEAAA8D8AAMA/zT1ifwEAgP9mLv/7AQAAfAB+AID/AwA8AICAAP8BAA==';

describe('saveSafetensors', () => {
  test('writes the bytes that the reference implementation writes', async () => {
    await saveSafetensors(at('ours.safetensors'), plain(), { metadata: { 'b"': 'q\n\u2028é' } });
    expect((await readFile(at('ours.safetensors'))).toString('base64')).toBe(FROM_PYTHON);
  });

  test('and loadSafetensors bring every tensor back bit for bit, channels-last ones in logical order', async () => {
    const x = Tensor.randn([2, 3, 5, 4], { seed: 1 });
    const odd = new Tensor(Float32Array.of(Number.NaN, -Infinity, 3.4e38, 1e-42), [4]);
    await saveSafetensors(at('round.safetensors'), { 'x.y': x.channelsLast(), odd, __proto__y: x, '': odd });
    const back = await loadSafetensors(at('round.safetensors'));
    expect(Object.keys(back)).toEqual(['', '__proto__y', 'odd', 'x.y']);
    expect(back['x.y'].shape).toEqual([2, 3, 5, 4]);
    expect(bits(back['x.y'])).toEqual(bits(x));
    expect(bits(back.odd)).toEqual(bits(odd));
  });

  test('takes a tensor named __proto__ as any other', async () => {
    const tensors = Object.fromEntries([['__proto__', Tensor.from([1, 2])]]);
    await saveSafetensors(at('proto.safetensors'), tensors, { metadata: JSON.parse('{"__proto__": "m"}') });
    const back = await loadSafetensors(at('proto.safetensors'));
    expect(Object.entries(back).map(([name, tensor]) => [name, tensor.toArray()])).toEqual([
      ['__proto__', [1, 2]],
    ]);
    const { metadata } = await safetensorsInfo(at('proto.safetensors'));
    expect(Object.entries(metadata)).toEqual([['__proto__', 'm']]);
  });

  test.each([
    [{ a: [1] }, {}, TypeError],
    [[Tensor.zeros([1])], {}, TypeError],
    [{ __metadata__: Tensor.zeros([1]) }, {}, RangeError],
    [{ '\ud800': Tensor.zeros([1]) }, {}, RangeError],
    [{}, { metadata: { a: 1 } }, TypeError],
    [{}, { meta: {} }, TypeError],
    [{}, { metadata: { a: '\udc00' } }, RangeError],
  ])('refuses %j with %j, and writes nothing', async (tensors, options, kind) => {
    await mkdir(at('refused'), { recursive: true });
    const call = Reflect.apply(saveSafetensors, null, [at('refused/x.safetensors'), tensors, options]);
    await expect(call).rejects.toThrow(kind);
    expect(await readdir(at('refused'))).toEqual([]);
  });

  test('leaves the old file where a tensor changes or goes away while it writes', async () => {
    await mkdir(at('torn'));
    const path = at('torn/x.safetensors');
    await saveSafetensors(path, { a: Tensor.ones([2]) });
    const large = Tensor.zeros([3 << 20]);
    const changed = saveSafetensors(path, { large });
    large.markChanged();
    await expect(changed).rejects.toThrow(/"large" may have changed/);
    const lost = saveSafetensors(path, { large });
    const { buffer } = large.data;
    if (buffer instanceof ArrayBuffer) structuredClone(buffer, { transfer: [buffer] });
    await expect(lost).rejects.toThrow(/detached/);
    expect(await readdir(at('torn'))).toEqual(['x.safetensors']);
    expect((await loadSafetensors(path)).a.toArray()).toEqual([1, 1]);
  });
});

describe('loadSafetensors', () => {
  test('widens what float32 can hold', async () => {
    await writeFile(at('all.safetensors'), Buffer.from(OF_ALL_DTYPES, 'base64'));
    const tensors = await loadSafetensors(at('all.safetensors'));
    const values = Object.fromEntries(
      Object.entries(tensors).map(([name, tensor]) => [name, tensor.toArray()]),
    );
    expect(values).toEqual({
      f16: [0.0999755859375, -65504, 2 ** -24, Infinity, Number.NaN, -0, 1023 * 2 ** -24, 1],
      bf16: [0.10009765625, 226 * 2 ** 120, 2 ** -133, -Infinity],
      f32: [1.5],
      f64: [Math.fround(0.1), Infinity, 1],
      i64: [5, -(2 ** 40)],
      i32: [2 ** 24],
      i16: -32768,
      i8: [-128],
      u8: [[0, 255]],
      bool: [1, 0],
    });
    expect((await safetensorsInfo(at('all.safetensors'))).tensors.bf16).toEqual({
      dtype: 'BF16',
      shape: [4],
    });
  });

  test('widens every float16 to the float32 of its definition', async () => {
    const path = await file('{"x":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}');
    const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.from(patterns.buffer)]));
    const { data } = (await loadSafetensors(path)).x;
    const wrong = [...patterns].filter((half) => {
      const fraction = half & 1023;
      const exponent = (half >> 10) & 31;
      const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
      const special = fraction === 0 ? Infinity : Number.NaN;
      return !Object.is(data[half], (half >> 15 ? -1 : 1) * (exponent === 31 ? special : size));
    });
    expect(wrong).toEqual([]);
  });

  test('reads a scalar, no tensors at all, metadata that is null, and fields it does not know', async () => {
    const scalar =
      '{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4],"note":[{"a":[1.5e3,true,null,""]}]},"__metadata__":null}  \n';
    expect((await loadSafetensors(await file(scalar, 4))).s.item()).toBe(0);
    expect(await loadSafetensors(await file('{}'))).toEqual({});
  });

  test('names a whole number that float32 cannot hold, and its tensor', async () => {
    const path = await file('{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}');
    await writeFile(
      path,
      Buffer.concat([await readFile(path), Buffer.from(BigInt64Array.of(16777217n).buffer)]),
    );
    await expect(loadSafetensors(path)).rejects.toThrow(
      /made\.safetensors holds in "n" the whole number 16777217/,
    );
  });

  const one = (fields: string) => `{"a":{${fields}}}`;
  const f32 = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
  const next = '{"dtype":"F32","shape":[1],"data_offsets":[4,8]}';
  test.each([
    ['a hole', `{"a":${next}}`, 8, /leaves a hole/],
    ['a hole at the end', `{"a":${f32}}`, 8, /in 4 bytes, but 8 follow/],
    ['missing bytes', `{"a":${f32}}`, 3, /truncated/],
    ['an overlap', `{"a":${f32},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}`, 6, /overlaps/],
    ['the same place twice', `{"a":${f32},"b":${f32}}`, 4, /overlaps/],
    ['two tensors of one name', `{"a":${f32},"a":${next}}`, 8, /two entries "a"/],
    ['one name spelled in two ways', `{"a":${f32},"\\u0061":${next}}`, 8, /two entries "a"/],
    ['two texts of one name', `{"__metadata__":{"k":"1","k":"2"}}`, 0, /two entries "k"/],
    ['metadata twice', `{"__metadata__":{},"__metadata__":{}}`, 0, /two entries/],
    ['a number in the metadata', `{"__metadata__":{"k":1}}`, 0, /must be a string/],
    ['a field twice', one('"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]'), 4, /two entries/],
    ['no dtype', one('"shape":[1],"data_offsets":[0,4]'), 4, /lacks one of/],
    ['an unknown dtype', one('"dtype":"f32","shape":[1],"data_offsets":[0,4]'), 4, /unknown dtype "f32"/],
    ['a dtype of Object', one('"dtype":"constructor","shape":[1],"data_offsets":[0,4]'), 4, /unknown dtype/],
    [
      'a dtype beyond float32',
      one('"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]'),
      1,
      /"a" as F8_E4M3/,
    ],
    ['a negative size', one('"dtype":"F32","shape":[-1],"data_offsets":[0,4]'), 4, /whole number/],
    ['a broken size', one('"dtype":"F32","shape":[1.0],"data_offsets":[0,4]'), 4, /whole number/],
    [
      'a size with a zero before it',
      one('"dtype":"F32","shape":[01],"data_offsets":[0,4]'),
      4,
      /whole number/,
    ],
    ['a size past 2^53', one('"dtype":"F32","shape":[0,9007199254740992],"data_offsets":[0,0]'), 0, /2\^53/],
    [
      'elements past 2^53',
      one('"dtype":"F32","shape":[94906267,94906267,0],"data_offsets":[0,0]'),
      0,
      /counted/,
    ],
    [
      '65 dimensions',
      one(`"dtype":"F32","shape":[${'1,'.repeat(64)}1],"data_offsets":[0,4]`),
      4,
      /more than 64/,
    ],
    ['a size that differs', one('"dtype":"F32","shape":[2],"data_offsets":[0,4]'), 4, /needs 8 bytes/],
    ['three offsets', one('"dtype":"F32","shape":[1],"data_offsets":[0,4,8]'), 4, /more than 2/],
    ['offsets in reverse', one('"dtype":"F32","shape":[1],"data_offsets":[4,0]'), 4, /before they begin/],
    ['half a byte', one('"dtype":"F4","shape":[1],"data_offsets":[0,1]'), 1, /needs 0.5 bytes/],
    ['a list for an object', '{"a":["F32",[1],[0,4]]}', 4, /needs '\{'/],
    ['a space before it', ` {"a":${f32}}`, 4, /begin with '\{'/],
    ['something after it', `{"a":${f32}}x`, 4, /follows its end/],
    ['no end', `{"a":${f32}`, 4, /needs '\}'/],
    ['an open string', '{"a', 0, /without an end/],
    ['half a surrogate pair', `{"\\ud800":${f32}}`, 4, /wrong escape/],
    ['a line break in a name', `{"a\n":${f32}}`, 4, /control character/],
    ['deep nesting', `{"a":{"x":${'['.repeat(100_000)}`, 0, /128 deep/],
    ['an array', '[1]', 0, /begin with/],
  ])('refuses a header with %s', async (_, header, data, law) => {
    const path = await file(header, data);
    await expect(loadSafetensors(path)).rejects.toThrow(law);
    await expect(loadSafetensors(path)).rejects.toThrow(RangeError);
    await expect(loadSafetensors(path)).rejects.toThrow(/^loadSafetensors: .*made\.safetensors /);
  });

  test('refuses names that are not UTF-8', async () => {
    const header = Buffer.from(`{"a?":${f32}}`).map((byte) => (byte === 0x3f ? 0xff : byte));
    await expect(loadSafetensors(await file(header, 4))).rejects.toThrow(/not UTF-8/);
  });

  test.each([2n ** 63n, 2n ** 64n - 1n, 100_000_001n, 100_000_000n, 1000n, 1n, 0n])(
    'refuses a header of %d bytes in a short file at once',
    async (length) => {
      const path = await file('{}  ', 0, length);
      await expect(loadSafetensors(path)).rejects.toThrow(RangeError);
    },
  );

  test('refuses a file cut anywhere', async () => {
    await saveSafetensors(at('whole.safetensors'), plain());
    const whole = await readFile(at('whole.safetensors'));
    for (let length = 0; length < whole.length; length++) {
      await writeFile(at('cut.safetensors'), whole.subarray(0, length));
      await expect(loadSafetensors(at('cut.safetensors'))).rejects.toThrow(RangeError);
    }
    await truncate(at('whole.safetensors'), whole.length + 1);
    await expect(loadSafetensors(at('whole.safetensors'))).rejects.toThrow(RangeError);
  });

  test('refuses what is no file, and says so', async () => {
    await expect(loadSafetensors(folder)).rejects.toThrow(/is a folder/);
    await expect(loadSafetensors(at('none'))).rejects.toThrow(/ENOENT/);
    await expect(Reflect.apply(loadSafetensors, null, [7])).rejects.toThrow(TypeError);
  });

  test('says what reads a file of another kind', async () => {
    const w = Tensor.zeros([2]);
    await saveNpz(at('zip.safetensors'), { w });
    await saveNpy(at('npy.safetensors'), w);
    const torch = [0x50, 0x4b, 3, 4, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    await writeFile(at('torch.safetensors'), Buffer.from(torch));
    await writeFile(at('old.safetensors'), Buffer.from([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9]));
    await writeFile(at('keras.safetensors'), Buffer.from('\x89HDF\r\n\x1a\n\0', 'latin1'));
    const refusal = (name: string) => expect(loadSafetensors(at(`${name}.safetensors`))).rejects;
    for (const name of ['zip', 'torch']) {
      await refusal(name).toThrow(/a zip archive, as torch.save .* write; use io.loadPth or io.loadNpz/);
    }
    await refusal('npy').toThrow(/a \.npy file; use io\.loadNpy/);
    await refusal('old').toThrow(/the format of PyTorch before 1\.6/);
    await refusal('keras').toThrow(/an HDF5 file/);
    await expect(safetensorsInfo(at('zip.safetensors'))).rejects.toThrow('use io.loadPth');
  });
});

describe('lazy', () => {
  const weights = () => ({
    '0.weight': Tensor.randn([64, 32, 3, 3], { seed: 1 }),
    '0.bias': Tensor.randn([64], { seed: 2 }),
    '3.weight': Tensor.randn([300, 64], { seed: 3 }),
    '3.bias': Tensor.randn([300], { seed: 4 }),
  });
  const network = () =>
    new nn.Sequential(
      new nn.Conv2d(32, 64, 3),
      new nn.AdaptiveAvgPool2d(1),
      new nn.Flatten(),
      new nn.Linear(64, 300),
    );
  const saved = async (name: string): Promise<string> => {
    await saveSafetensors(at(name), weights());
    return at(name);
  };
  const waits = (tensor: Tensor): boolean => storageOf(tensor).unread !== null;

  test('leaves large tensors in the file until they are asked for, and gives the same numbers then', async () => {
    const lazy = await loadSafetensors(await saved('lazy.safetensors'), { lazy: true });
    expect(Object.keys(lazy).filter((name) => waits(lazy[name]))).toEqual(['0.weight', '3.weight']);
    for (const [name, tensor] of Object.entries(weights())) {
      expect(lazy[name].shape).toEqual(tensor.shape);
      expect(bits(lazy[name])).toEqual(bits(tensor));
      expect(waits(lazy[name])).toBe(false);
    }
  });

  test('a session that takes the weights packs them from the file, and nobody ever holds them', async () => {
    const path = await saved('session.safetensors');
    const x = Tensor.randn([1, 32, 10, 10], { seed: 5 });
    const plainly = network();
    plainly.loadStateDict(weights());
    const wanted = (await compile(plainly, { inputShape: x.shape })).runSync(x);
    for (const releaseWeights of [true, false]) {
      const lazy = await loadSafetensors(path, { lazy: true });
      const net = network();
      net.loadStateDict(lazy, { assign: true });
      expect(net.parameters().filter(waits).length).toBe(2);
      const session = await compile(net, { inputShape: x.shape, releaseWeights });
      expect(bits(session.runSync(x))).toEqual(bits(wanted));
      expect(waits(lazy['0.weight'])).toBe(releaseWeights);
      if (releaseWeights) expect(() => net.parameters()[0].data).toThrow(/releaseWeights/);
      else expect(bits(net.forward(x))).toEqual(bits(plainly.forward(x)));
      expect(session.runSync(Tensor.randn([2, 32, 10, 10], { seed: 6 })).shape).toEqual([2, 300]);
    }
  });

  test('modules that share a tensor share its memory once it is read, and copies are their own', async () => {
    const lazy = await loadSafetensors(await saved('shared.safetensors'), { lazy: true });
    const [one, two, other] = [network(), network(), network()];
    one.loadStateDict(lazy, { assign: true });
    two.loadStateDict(lazy, { assign: true });
    nn.init.zeros(one.parameters()[0]);
    expect(two.parameters()[0].data.every((value) => value === 0)).toBe(true);
    expect(lazy['0.weight'].data).toBe(one.parameters()[0].data);
    other.loadStateDict(lazy);
    nn.init.ones(other.parameters()[2]);
    expect(bits(lazy['3.weight'])).toEqual(bits(weights()['3.weight']));
  });

  test('refuses a file that has changed meanwhile', async () => {
    const path = await saved('changed.safetensors');
    const lazy = await loadSafetensors(path, { lazy: true });
    await saveSafetensors(path, { ...weights(), '0.weight': Tensor.zeros([64, 32, 3, 3]) });
    expect(() => lazy['0.weight'].data).toThrow(/changed\.safetensors has changed since its header was read/);
    await truncate(path, 100);
    expect(() => lazy['3.weight'].data).toThrow(RangeError);
    await rm(path);
    expect(() => lazy['3.weight'].data).toThrow(/ENOENT/);
  });

  test.skipIf(process.platform !== 'linux')(
    'opens its file once for all that is read before anything else happens, and lets it go (counted on Linux alone)',
    async () => {
      const path = await saved('handles.safetensors');
      const lazy = await loadSafetensors(path, { lazy: true });
      const open = (): number =>
        readdirSync('/proc/self/fd').filter((fd) => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`) === path;
          } catch {
            return false; // the folder's own
          }
        }).length;
      expect(open()).toBe(0);
      for (const name of ['0.weight', '3.weight']) {
        expect(waits(lazy[name])).toBe(true);
        expect(lazy[name].data.length).toBeGreaterThan(0);
        expect(open()).toBe(1);
      }
      await Promise.resolve();
      expect(open()).toBe(0);
    },
  );

  test('is true or false', async () => {
    const path = await saved('option.safetensors');
    await expect(loadSafetensors(path, { lazy: 1 } as never)).rejects.toThrow(/lazy must be true or false/);
    await expect(loadSafetensors(path, { lasy: true } as never)).rejects.toThrow(/there is no option 'lasy'/);
  });
});

test('tensors of all sizes come back from where they lie, small ones between large ones and none at all', async () => {
  const sizes = [1, 0, 20_000, 7, 30_000, 3, 0, 270_000, 12, ...Array.from({ length: 150 }, (_, i) => i)];
  const many = Object.fromEntries(
    sizes.map((size, i) => [`t${i}`, Tensor.randn([size], { seed: i })] as const),
  );
  await saveSafetensors(at('many.safetensors'), many);
  for (const lazy of [false, true]) {
    const back = await loadSafetensors(at('many.safetensors'), { lazy });
    for (const [name, tensor] of Object.entries(many)) {
      expect(Buffer.from(back[name].data.buffer).equals(Buffer.from(tensor.data.buffer)), name).toBe(true);
    }
  }
});

describe('an index file', () => {
  const index = (text: string) => writeFile(at('shards/model.safetensors.index.json'), text);
  const load = () => loadSafetensors(at('shards/model.safetensors.index.json'));
  beforeAll(async () => {
    await mkdir(at('shards'));
    await saveSafetensors(at('shards/one.safetensors'), { a: Tensor.from([1]), b: Tensor.from([2]) });
    await saveSafetensors(at('shards/two.safetensors'), { c: Tensor.from([3]) });
  });

  test('loads its shards as one', async () => {
    const map = '{"c":"two.safetensors","a":"one.safetensors","b":"one.safetensors"}';
    await index(`{"metadata":{"total_size":12,"more":[{}]},"weight_map":${map}}`);
    const tensors = await load();
    expect(Object.entries(tensors).map(([name, tensor]) => [name, tensor.toArray()])).toEqual([
      ['a', [1]],
      ['b', [2]],
      ['c', [3]],
    ]);
    const info = await safetensorsInfo(at('shards/model.safetensors.index.json'));
    expect(info.tensors).toEqual({
      a: { dtype: 'F32', shape: [1] },
      b: { dtype: 'F32', shape: [1] },
      c: { dtype: 'F32', shape: [1] },
    });
    await index('{"weight_map":{"c":"one.safetensors"}}');
    await expect(safetensorsInfo(at('shards/model.safetensors.index.json'))).rejects.toThrow(
      /^safetensorsInfo: .*one\.safetensors lacks "c", which the index file says it holds/,
    );
  });

  test.each([
    ['a shard outside its folder', '{"weight_map":{"c":"../shards/two.safetensors"}}', /in the same folder/],
    ['an absolute path', '{"weight_map":{"c":"/etc/two.safetensors"}}', /in the same folder/],
    ['a path of Windows', '{"weight_map":{"c":"..\\\\two.safetensors"}}', /in the same folder/],
    ['another kind of file', '{"weight_map":{"c":"two.bin"}}', /must be a .safetensors file/],
    ['a tensor its shard lacks', '{"weight_map":{"c":"two.safetensors","d":"two.safetensors"}}', /lacks "d"/],
    ['a tensor it does not list', '{"weight_map":{"a":"one.safetensors"}}', /holds "b"/],
    ['a tensor twice', '{"weight_map":{"c":"two.safetensors","c":"two.safetensors"}}', /two entries/],
    ['a shard that is not there', '{"weight_map":{"c":"three.safetensors"}}', /ENOENT/],
    ['no map', '{"metadata":{}}', /no weight_map/],
    ['no JSON', 'weights', /no index file/],
  ])('with %s is refused', async (_, text, law) => {
    await index(text);
    await expect(load()).rejects.toThrow(law);
  });
});
