import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AtomicFile, discardAll } from '../../lib/io/atomic.js';
import { loadNpy, saveNpy } from '../../lib/io/npy.js';
import { encodeNpyHeader, parseNpyHeader } from '../../lib/io/npy-format.js';
import { NpyRows } from '../../lib/io/npy-rows.js';
import { Tensor } from '../../lib/tensor/tensor.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-npy-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A .npy file spelled out by hand. */
async function file(name: string, header: string, body: Uint8Array, version = 1): Promise<string> {
  const text = new TextEncoder().encode(header);
  const length =
    version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  const parts = [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0], length, text, body];
  await writeFile(at(name), Buffer.concat(parts.map((part) => Uint8Array.from(part))));
  return at(name);
}
const header = (descr: string, shape: string, fortran = 'False'): string =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;
const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('saveNpy and loadNpy', () => {
  test.each([[[]], [[0]], [[1]], [[5]], [[2, 3]], [[0, 7]], [[2, 1, 3, 2]]])(
    'bring shape %j back, bit for bit',
    async (shape) => {
      const count = shape.reduce((a, b) => a * b, 1);
      const values = Float32Array.from(
        { length: count },
        (_, i) => [-0, 1e-45, Number.NaN, 3.4e38, 0.1, -7][i % 6],
      );
      await saveNpy(at('round.npy'), new Tensor(values, shape));
      const back = await loadNpy(at('round.npy'));
      expect(back.shape).toEqual(shape);
      expect(bytesOf(back.data)).toEqual(bytesOf(values));
    },
  );

  test('write what numpy.save writes: magic, version 1.0, data at a multiple of 64', async () => {
    await saveNpy(
      at('plain.npy'),
      Tensor.from([
        [1, 2],
        [3, 4],
      ]),
    );
    const bytes = await readFile(at('plain.npy'));
    expect(bytes.subarray(0, 8)).toEqual(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
    expect((10 + bytes.readUInt16LE(8)) % 64).toBe(0);
    expect(bytes.toString('latin1', 10, bytes.length - 16)).toMatch(
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 2\), \} *\n$/,
    );
  });

  test('a channels-last tensor is written in logical order', async () => {
    const x = Tensor.randn([2, 3, 2, 2], { seed: 1 });
    await saveNpy(at('last.npy'), x.channelsLast());
    expect((await loadNpy(at('last.npy'))).toArray()).toEqual(x.toArray());
  });
});

describe('loadNpy', () => {
  test.each([
    ['|u1', Uint8Array.of(0, 255, 7, 8, 9, 10)],
    ['|i1', Int8Array.of(0, -128, 127, 3, 4, 5)],
    ['|b1', Uint8Array.of(0, 1, 1, 0, 0, 1)],
    ['<u2', Uint16Array.of(0, 65535, 1, 2, 3, 4)],
    ['<i2', Int16Array.of(0, -32768, 1, 2, 3, 4)],
    ['<i4', Int32Array.of(0, -16777216, 16777216, 1 << 30, 3, 4)],
    ['<i8', BigInt64Array.of(0n, -5n, 1n << 40n, 3n, 4n, 5n)],
    ['<f8', Float64Array.of(0.1, -1e300, 1e-320, Number.NaN, -0, 3)],
  ] as const)('widens %s', async (descr, values) => {
    const x = await loadNpy(await file('wide.npy', header(descr, '(2, 3)'), bytesOf(values)));
    expect([...x.data]).toEqual([...values].map((value) => Math.fround(Number(value))));
    expect(x.shape).toEqual([2, 3]);
  });

  test('reads big-endian, Fortran order, and versions 2 and 3', async () => {
    const big = Buffer.alloc(8);
    big.writeFloatBE(1.5, 0);
    big.writeFloatBE(-2, 4);
    expect([...(await loadNpy(await file('big.npy', header('>f4', '(2,)'), big))).data]).toEqual([1.5, -2]);
    const columns = Uint8Array.of(1, 4, 2, 5, 3, 6);
    const x = await loadNpy(await file('f.npy', header('|u1', '(2, 3)', 'True'), columns));
    expect(x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const deep = await loadNpy(
      await file(
        'f3.npy',
        header('|u1', '(2, 3, 2)', 'True'),
        Uint8Array.from({ length: 12 }, (_, i) => i),
      ),
    );
    expect(deep.toArray()).toEqual([
      [
        [0, 6],
        [2, 8],
        [4, 10],
      ],
      [
        [1, 7],
        [3, 9],
        [5, 11],
      ],
    ]);
    for (const version of [2, 3]) {
      expect((await loadNpy(await file('v.npy', header('|u1', '(6,)'), columns, version))).shape).toEqual([
        6,
      ]);
    }
  });

  test('refuses whole numbers that float32 cannot hold', async () => {
    await expect(
      loadNpy(await file('i.npy', header('<i4', '(1,)'), bytesOf(Int32Array.of(16777217)))),
    ).rejects.toThrow(/16777217 is no float32/);
    const wide = await file('i8.npy', header('<i8', '(1,)'), bytesOf(BigInt64Array.of((1n << 53n) + 1n)));
    await expect(loadNpy(wide)).rejects.toThrow(RangeError);
  });

  test('names a truncated file as truncated, wherever it ends, and one that is too long', async () => {
    await saveNpy(at('whole.npy'), Tensor.zeros([3, 5]));
    const whole = await readFile(at('whole.npy'));
    for (const length of [0, 5, 9, 11, 60, 127, 128, 150, whole.length - 1]) {
      await writeFile(at('cut.npy'), whole);
      await truncate(at('cut.npy'), length);
      await expect(loadNpy(at('cut.npy'))).rejects.toThrow(RangeError);
    }
    await expect(loadNpy(at('cut.npy'))).rejects.toThrow(/truncated/);
    await writeFile(at('long.npy'), Buffer.concat([whole, Buffer.of(0)]));
    await expect(loadNpy(at('long.npy'))).rejects.toThrow(/but 61 follow/);
  });

  test.each([
    ['no .npy file', Buffer.from('PNG and so on and on')],
    ['version 4', Buffer.from('\x93NUMPY\x04\x00\x10\x00\x00\x00..............', 'latin1')],
    ['a header of 4 GB', Buffer.from('\x93NUMPY\x02\x00\xff\xff\xff\xff..............', 'latin1')],
  ])('refuses %s', async (_, bytes) => {
    await writeFile(at('bad.npy'), bytes);
    await expect(loadNpy(at('bad.npy'))).rejects.toThrow(RangeError);
  });

  test.each([
    "{'descr': '<f4', 'fortran_order': False}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740993,)}",
    "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
    "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 'y'}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}",
    "__import__('os')",
    '',
  ])('refuses the header %s', (text) => {
    const fail = (law: string): never => {
      throw new RangeError(law);
    };
    expect(() => parseNpyHeader(text, fail)).toThrow(RangeError);
  });

  test.each(['|O', '<c8', '<U4', '=f4', '|f4', '<f3', '<u1', 'f4'])('refuses dtype %s', async (descr) => {
    await expect(loadNpy(await file('d.npy', header(descr, '(1,)'), new Uint8Array(8)))).rejects.toThrow(
      /dtype/,
    );
  });

  test('a claim of more than the file holds allocates nothing', async () => {
    const huge = await file('huge.npy', header('<f4', '(4000000, 4000000)'), new Uint8Array(4));
    await expect(loadNpy(huge)).rejects.toThrow(/truncated/);
  });

  test('any single changed byte of a file gives a tensor or a RangeError', async () => {
    await saveNpy(at('seed.npy'), Tensor.zeros([2, 3]));
    const whole = await readFile(at('seed.npy'));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (position, value) => {
        const changed = Buffer.from(whole);
        changed[position] = value;
        await writeFile(at('fuzz.npy'), changed);
        await loadNpy(at('fuzz.npy')).catch((error: unknown) => expect(error).toBeInstanceOf(RangeError));
      }),
      { numRuns: 300 },
    );
  });
});

describe('NpyRows', () => {
  test('patches the row count it only knows at the end', async () => {
    const rows = await NpyRows.create(at('rows.npy'), 3);
    for (let i = 0; i < 12; i++) await rows.append(Float32Array.of(i, i, i));
    await rows.append(new Float32Array(0));
    expect((await rows.finish()).shape).toEqual([12, 3]);
    const x = await loadNpy(at('rows.npy'));
    expect(x.shape).toEqual([12, 3]);
    expect(x.data[35]).toBe(11);
  });
  test('headers of any row count have one length', () => {
    const lengths = [0, 9, 123456, 2 ** 40].map((rows) => encodeNpyHeader([rows, 3216]).length);
    expect(new Set(lengths).size).toBe(1);
  });
  test('refuses part of a row', async () => {
    const rows = await NpyRows.create(at('part.npy'), 3);
    await expect(rows.append(new Float32Array(4))).rejects.toThrow(RangeError);
    await rows.discard();
  });
});

describe('AtomicFile', () => {
  test('leaves the old file alone until commit, and nothing behind after discard', async () => {
    await mkdir(at('atomic'));
    const path = at('atomic/x');
    await writeFile(path, 'old');
    await chmod(path, 0o640);
    const first = await AtomicFile.create(path);
    await first.write(Buffer.from('half'));
    expect(await readFile(path, 'utf8')).toBe('old');
    await first.discard();
    expect(await readdir(at('atomic'))).toEqual(['x']);
    const second = await AtomicFile.create(path);
    await second.write(Buffer.from('new'));
    await second.commit();
    await second.discard();
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readdir(at('atomic'))).toEqual(['x']);
  });
  test('writes through a link instead of replacing it', async () => {
    await writeFile(at('real'), 'old');
    await symlink(at('real'), at('link'));
    const linked = await AtomicFile.create(at('link'));
    await linked.write(Buffer.from('new'));
    await linked.commit();
    expect(await readFile(at('real'), 'utf8')).toBe('new');
  });
  test('says why a place cannot be written', async () => {
    await expect(AtomicFile.create(at('no/such/x'))).rejects.toThrow(/its folder does not exist/);
    await expect(AtomicFile.create(folder)).rejects.toThrow(/it is a folder/);
    await expect(AtomicFile.create('/dev/null')).rejects.toThrow(/not a regular file/);
  });
  test('discardAll removes whatever is unfinished', async () => {
    await mkdir(at('sudden'));
    const pending = await AtomicFile.create(at('sudden/x'));
    expect(await readdir(at('sudden'))).toHaveLength(1);
    discardAll();
    expect(await readdir(at('sudden'))).toEqual([]);
    await pending.discard();
  });
});
