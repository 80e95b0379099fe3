// What files may cost: a slice of scripts/fuzz-files.mjs, and the memory that loading and saving takes, each in a process of its own.

import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { centralHeader, endRecords, localHeader } from '../../lib/io/zip-write.js';

const root = join(import.meta.dirname, '..', '..');
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'convkit-hostile-'));
});
afterAll(() => rm(folder, { recursive: true }));

function node(...args: string[]): string {
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  expect([run.status, run.stderr]).toEqual([0, '']);
  return run.stdout;
}

test('mutated files load or are refused by a sentence, whatever was changed', { timeout: 120_000 }, () => {
  const lines = node('scripts/fuzz-files.mjs', '400', '3').trim().split('\n');
  expect(lines.map((line) => line.split(':')[0])).toEqual(['onnx', 'safetensors', 'npy', 'npz', 'pth']);
  for (const line of lines)
    expect(line).toMatch(/: 400 mutations of \d+ files, [1-9]\d* load, the rest is refused/);
});

test('a file of weights never lies in memory twice, read or written', { timeout: 60_000 }, async () => {
  const megabytes = 96;
  const bytes = megabytes << 20;
  const header = Buffer.from(
    `{"a":{"dtype":"F32","shape":[${bytes / 8}],"data_offsets":[0,${bytes / 2}]},` +
      `"b":{"dtype":"F32","shape":[${bytes / 8}],"data_offsets":[${bytes / 2},${bytes}]}}`,
  );
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(header.length));
  const path = join(folder, 'zeros.safetensors');
  const file = await open(path, 'w');
  await file.write(Buffer.concat([first, header]));
  await file.truncate(8 + header.length + bytes);
  await file.close();
  const script = `
    import { io } from './dist/index.js';
    await io.safetensorsInfo(${JSON.stringify(path)});
    const peak = () => process.resourceUsage().maxRSS / 1024;
    const before = peak();
    const tensors = await io.loadSafetensors(${JSON.stringify(path)});
    const loaded = peak();
    await io.saveSafetensors(${JSON.stringify(path)}, tensors);
    console.log(loaded - before, peak() - loaded);`;
  const [loading, saving] = node('--input-type=module', '-e', script).split(' ').map(Number);
  expect(loading).toBeGreaterThan(megabytes * 0.9);
  expect(loading).toBeLessThan(megabytes * 1.2);
  expect(saving).toBeLessThan(megabytes * 0.2);
});

test("nor does a checkpoint of PyTorch's, whatever its strides are", { timeout: 60_000 }, async () => {
  const megabytes = 96;
  const side = 1 << 12; // two storages of [side, 3 * side / 4] float32, 48 MB each; the second is read turned
  const [rows, columns] = [side, (3 * side) / 4];
  const bytes = rows * columns * 4;
  const text = (value: string): string => `X${String.fromCharCode(value.length, 0, 0, 0)}${value}`;
  const int = (value: number): string => `M${String.fromCharCode(value & 255, value >> 8)}`;
  const long = (value: number): string =>
    `J${String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, value >> 24)}`;
  const tensor = (key: string, shape: number[], strides: number[]): string =>
    `ctorch._utils\n_rebuild_tensor_v2\n((${text('storage')}ctorch\nFloatStorage\n${text(key)}${text('cpu')}` +
    `${long(rows * columns)}tQK\x00(${shape.map(int).join('')}t(${strides.map(int).join('')}t\x89` +
    'ccollections\nOrderedDict\n)RtR';
  const pickle = `\x80\x02}(${text('a')}${tensor('0', [rows, columns], [columns, 1])}${text('b')}${tensor('1', [columns, rows], [1, columns])}u.`;
  let crc = 0;
  for (let done = 0; done < bytes; done += 1 << 20) crc = crc32(new Uint8Array(1 << 20), crc);
  const path = join(folder, 'zeros.pth');
  const file = await open(path, 'w');
  const data = Buffer.from(pickle, 'latin1');
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const entry of [
    { name: 'm/data.pkl', crc: crc32(data), size: data.length },
    { name: 'm/data/0', crc, size: bytes },
    { name: 'm/data/1', crc, size: bytes },
  ]) {
    const header = localHeader({ ...entry, offset });
    await file.write(header, 0, header.length, offset);
    if (entry.size === data.length) await file.write(data, 0, data.length, offset + header.length);
    directory.push(centralHeader({ ...entry, offset }));
    offset += header.length + entry.size;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.concat([listed, endRecords(3, offset, listed.length)]);
  await file.write(end, 0, end.length, offset);
  await file.close();
  const script = `
    import { io } from './dist/index.js';
    await io.pthInfo(${JSON.stringify(path)});
    const peak = () => process.resourceUsage().maxRSS / 1024;
    const before = peak();
    const { a, b } = await io.loadPth(${JSON.stringify(path)});
    console.log(peak() - before, a.shape.join(), b.shape.join());`;
  const [loading, ...shapes] = node('--input-type=module', '-e', script).trim().split(' ');
  expect(shapes).toEqual([`${rows},${columns}`, `${columns},${rows}`]);
  expect(Number(loading)).toBeGreaterThan(megabytes * 0.9);
  expect(Number(loading)).toBeLessThan(megabytes * 1.3);
});
