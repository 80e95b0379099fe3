import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeNpyHeader } from '../../lib/io/npy-format.js';
import { loadNpz, saveNpz } from '../../lib/io/npz.js';
import { centralHeader, endRecords, localHeader } from '../../lib/io/zip-write.js';
import { Tensor } from '../../lib/tensor/tensor.js';
import { bits } from '../support/bits.js';

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-npz-'));
});
afterAll(() => rm(folder, { recursive: true }));

// numpy 2.4: savez_compressed(x=arange(600, dtype=int16).reshape(20, 30) % 7, y=float16 [0.5, -0.25], 'é/z'=Fortran order 0..5)
const COMPRESSED =
  'UEsDBC0AAAAIAAAAIQC3rhBz//////////8FABQAeC5ucHkBABAAMAUAAAAAAABgAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaSuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkYGOgrGBpo6CrUKZAIuBgZGBiYGZgYWBlYGNoZR3ihvlDfKG7w8AFBLAwQtAAAACAAAACEAJAhnX///////////BQAUAHkubnB5AQAQAIQAAAAAAAAASAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBuk2akrqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RpGOpo6CrUKFAAuBguGLQBQSwMELQAACAgAAAAhAOTIBmD//////////wgAFADDqS96Lm5weQEAEACwAAAAAAAAAFcAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNmoa6joJ6WX1RSlJgXn1+UkgoSDykqTQUKF2ckFqQCuRpGOgrGmjoKtQrkAy4GFMDhAKE/2ENoASifAUqLOAAAUEsBAi0DLQAAAAgAAAAhALeuEHNgAAAAMAUAAAUAAAAAAAAAAAAAAIABAAAAAHgubnB5UEsBAi0DLQAAAAgAAAAhACQIZ19IAAAAhAAAAAUAAAAAAAAAAAAAAIABlwAAAHkubnB5UEsBAi0DLQAACAgAAAAhAOTIBmBXAAAAsAAAAAgAAAAAAAAAAAAAAIABFgEAAMOpL3oubnB5UEsFBgAAAAADAAMAnAAAAKcBAAAAAA==';
// numpy 2.4: savez(float32 [1.5])
const STORED =
  'UEsDBC0AAAAAAAAAIQBUeS6D//////////8JABQAYXJyXzAubnB5AQAQAIQAAAAAAAAAhAAAAAAAAACTTlVNUFkBAHYAeydkZXNjcic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgCgAAwD9QSwECLQMtAAAAAAAAACEAVHkug4QAAACEAAAACQAAAAAAAAAAAAAAgAEAAAAAYXJyXzAubnB5UEsFBgAAAAABAAEANwAAAL8AAAAAAA==';

/** An archive of deflated entries spelled out by hand; `changes` are written over the directory's fields. */
function archive(
  entries: readonly { name: string; data: Uint8Array; changes?: Readonly<Record<number, number>> }[],
): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, changes = {} } of entries) {
    const packed = deflateRawSync(data);
    const entry = { name, crc: crc32(data), size: data.length, offset };
    const headers = [localHeader(entry), centralHeader(entry)].map((bytes) => Buffer.from(bytes));
    const [local, central] = headers;
    local.writeUInt16LE(8, 8);
    central.writeUInt16LE(8, 10);
    central.writeUInt32LE(packed.length, 20);
    for (const [field, value] of Object.entries(changes)) central.writeUInt32LE(value, Number(field));
    parts.push(local, packed);
    directory.push(central);
    offset += local.length + packed.length;
  }
  const listed = Buffer.concat(directory);
  return Buffer.concat([...parts, listed, endRecords(entries.length, offset, listed.length)]);
}

const npy = (values: Float32Array): Uint8Array =>
  Buffer.concat([encodeNpyHeader([values.length]), new Uint8Array(values.buffer)]);

async function loadBytes(bytes: Uint8Array, options = {}): Promise<Record<string, Tensor>> {
  await writeFile(at('made.npz'), bytes);
  return loadNpz(at('made.npz'), options);
}

describe('loadNpz', () => {
  test('reads what numpy.savez_compressed and numpy.savez write', async () => {
    const tensors = await loadBytes(Buffer.from(COMPRESSED, 'base64'));
    expect(tensors.x.shape).toEqual([20, 30]);
    expect([...tensors.x.data]).toEqual(Array.from({ length: 600 }, (_, i) => i % 7));
    expect(tensors.y.toArray()).toEqual([0.5, -0.25]);
    expect(tensors['é/z'].toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect((await loadBytes(Buffer.from(STORED, 'base64'))).arr_0.toArray()).toEqual([1.5]);
  });

  test('inflates entries of many chunks', async () => {
    const x = Tensor.randn([300_000], { seed: 3 });
    const back = await loadBytes(archive([{ name: 'x.npy', data: npy(x.data) }]));
    expect(bits(back.x)).toEqual(bits(x));
  });

  test('refuses a bomb, unless it is asked to take it', async () => {
    const zeros = archive([{ name: 'x.npy', data: npy(new Float32Array(1 << 22)) }]);
    expect(zeros.length).toBeLessThan(20_000);
    await expect(loadBytes(zeros, { maxBytes: 1 << 24 })).rejects.toThrow(
      /claims to inflate from \d+ to 16777344/,
    );
    expect((await loadBytes(zeros)).x.shape).toEqual([1 << 22]);
  });

  const entry = { name: 'x.npy', data: npy(Float32Array.of(1, 2, 3)) };
  const size = entry.data.length;
  test.each([
    [
      'a size no deflate reaches',
      archive([{ ...entry, changes: { 24: 0xfffffffe } }]),
      /which no \d+ deflated bytes/,
    ],
    [
      'a size below the truth',
      archive([{ ...entry, changes: { 24: size - 4 } }]),
      /claims 12 bytes .* but 8 follow/,
    ],
    [
      'a size above the truth',
      archive([{ ...entry, changes: { 24: size + 4 } }]),
      /claims 12 bytes .* but 16 follow/,
    ],
    ['another checksum', archive([{ ...entry, changes: { 16: 7 } }]), /checksum/],
    ['an encrypted entry', archive([{ ...entry, changes: { 8: 0x0801 | (8 << 16) } }]), /encrypted/],
    ['another method', archive([{ ...entry, changes: { 10: 12 } }]), /method 12/],
    ['entries over each other', archive([entry, { ...entry, name: 'y.npy', changes: { 42: 0 } }]), /over/],
    ['two entries of one name', archive([entry, entry]), /two entries "x.npy"/],
    [
      'a text in it',
      archive([entry, { name: 'notes.txt', data: Buffer.from('hi') }]),
      /"notes.txt", which is no .npy/,
    ],
    [
      'bytes after the array',
      archive([{ name: 'x.npy', data: Buffer.concat([entry.data, Buffer.of(0)]) }]),
      /but 13 follow/,
    ],
    ['no end record', archive([entry]).subarray(0, -1), /no end record/],
    ['bytes before it', Buffer.concat([Buffer.of(0), archive([entry])]), /in another place/],
    ['nothing', Buffer.alloc(0), /no end record/],
  ])('refuses an archive with %s', async (_, bytes, law) => {
    await expect(loadBytes(bytes)).rejects.toThrow(law);
    await expect(loadBytes(bytes)).rejects.toThrow(/^loadNpz: .*made\.npz /);
    await expect(loadBytes(bytes)).rejects.toThrow(RangeError);
  });

  test('refuses a deflated stream that is cut, broken, or followed by more', async () => {
    const whole = archive([entry]);
    const start = 30 + 'x.npy'.length;
    for (let i = start; i < start + 12; i++) {
      const broken = Buffer.from(whole);
      broken[i] ^= 0xff;
      await expect(loadBytes(broken)).rejects.toThrow(RangeError);
    }
  });

  test('refuses options it does not know', async () => {
    await expect(loadBytes(archive([entry]), { limit: 1 })).rejects.toThrow(TypeError);
    await expect(loadBytes(archive([entry]), { maxBytes: 'all' })).rejects.toThrow(RangeError);
  });
});

describe('saveNpz', () => {
  test('brings tensors back bit for bit, and writes equal files of equal tensors', async () => {
    const x = Tensor.randn([2, 3, 4, 4], { seed: 1 });
    const tensors = { x: x.channelsLast(), 'é/z': Tensor.from(1.5), empty: Tensor.zeros([0, 2]) };
    await saveNpz(at('a.npz'), tensors);
    const back = await loadNpz(at('a.npz'));
    expect(Object.keys(back).sort()).toEqual(['empty', 'x', 'é/z']);
    expect(bits(back.x)).toEqual(bits(x));
    expect(back['é/z'].item()).toBe(1.5);
    expect(back.empty.shape).toEqual([0, 2]);
    await saveNpz(at('b.npz'), { ...back });
    expect(await readFile(at('b.npz'))).toEqual(await readFile(at('a.npz')));
  });

  test('gives zip64 records where numbers outgrow 32 bits', () => {
    const big = { name: 'x', crc: 1, size: 2 ** 33, offset: 2 ** 34 };
    expect(localHeader(big)).toHaveLength(30 + 1 + 20);
    expect(centralHeader(big)).toHaveLength(46 + 1 + 28);
    expect(endRecords(1, 2 ** 35, 100)).toHaveLength(56 + 20 + 22);
  });

  test('refuses what is no tensor', async () => {
    await expect(Reflect.apply(saveNpz, null, [at('c.npz'), { x: [1] }])).rejects.toThrow(TypeError);
  });
});
