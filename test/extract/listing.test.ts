import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expandBraces, segmentTest } from '../../lib/extract/glob.js';
import { listImages, naturalOrder } from '../../lib/extract/listing.js';

let root = '';
const tree = [
  'img10.png',
  'img2.PNG',
  'img1.png',
  'notes.txt',
  '.hidden.png',
  'a b.jpg',
  'we[i]rd.png',
  'sub/x.webp',
  'sub/deep/y.tiff',
  'sub/deep/z.tif',
  '.git/object.png',
  'empty/readme.md',
];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'convkit-listing-'));
  for (const name of tree) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), '');
  }
  await symlink(join(root, 'sub'), join(root, 'sub', 'deep', 'loop'));
});
afterAll(() => rm(root, { recursive: true }));

async function list(...args: string[]): Promise<string[]> {
  const { files } = await listImages(args.map((arg) => join(root, arg)));
  return files.map((file) => relative(root, file).split(sep).join('/'));
}

describe('listImages', () => {
  test('searches folders for images: natural order, files before folders, nothing hidden, links end', async () => {
    expect(await list('.')).toEqual([
      'a b.jpg',
      'img1.png',
      'img2.PNG',
      'img10.png',
      'we[i]rd.png',
      'sub/x.webp',
      'sub/deep/y.tiff',
      'sub/deep/z.tif',
    ]);
  });
  test('keeps the order of arguments and the first place of a file named twice', async () => {
    expect(await list('sub/x.webp', 'img1.png', '.', 'img1.png')).toEqual([
      'sub/x.webp',
      'img1.png',
      'a b.jpg',
      'img2.PNG',
      'img10.png',
      'we[i]rd.png',
      'sub/deep/y.tiff',
      'sub/deep/z.tif',
    ]);
  });
  test('takes files by name whatever they are called, brackets and endings included', async () => {
    expect(await list('notes.txt', '.hidden.png', 'we[i]rd.png')).toEqual([
      'notes.txt',
      '.hidden.png',
      'we[i]rd.png',
    ]);
  });
  test('understands * ? [] {} and **', async () => {
    expect(await list('img?.*')).toEqual(['img1.png', 'img2.PNG']);
    expect(await list('img[12]*.png')).toEqual(['img1.png', 'img10.png']);
    expect(await list('{img1,a b}.{png,jpg}')).toEqual(['img1.png', 'a b.jpg']);
    expect(await list('**/*.ti*')).toEqual(['sub/deep/y.tiff', 'sub/deep/z.tif']);
    expect(await list('s*/**')).toEqual(['sub/x.webp', 'sub/deep/y.tiff', 'sub/deep/z.tif']);
    expect(await list('.h*')).toEqual(['.hidden.png']);
  });
  test('says what led nowhere', async () => {
    const { files, missing } = await listImages([
      join(root, 'gone.png'),
      join(root, '*.bmp'),
      join(root, 'empty'),
    ]);
    expect(files).toEqual([]);
    expect(missing.map(({ reason }) => reason)).toEqual([
      'no such file or folder',
      'no file matches this pattern',
    ]);
  });
});

test('naturalOrder is a total order: digits by value, then by text', () => {
  const sorted = ['', 'a', 'a1', 'a01', 'a1b', 'a2', 'a10', 'a100000000000000000000', 'b', 'é'];
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) {
      if (![a, b].every((name) => /^a0?1$/.test(name)))
        expect(Math.sign(naturalOrder(a, b))).toBe(Math.sign(i - j));
    }
  }
  expect(naturalOrder('a1', 'a01')).toBe(-naturalOrder('a01', 'a1'));
  expect(naturalOrder('a1', 'a01')).not.toBe(0);
});

test('braces expand as in a shell, and stand for themselves without a comma or partner', () => {
  expect(expandBraces('a{b,c{d,e}}f')).toEqual(['abf', 'acdf', 'acef']);
  expect(expandBraces('{a,b}{c,d}')).toEqual(['ac', 'ad', 'bc', 'bd']);
  expect(expandBraces('{x}.png')).toEqual(['{x}.png']);
  expect(expandBraces('{a,b')).toEqual(['{a,b']);
});

test('a segment treats all but * ? [ ] as itself', () => {
  expect(segmentTest('a+(b).png').test('a+(b).png')).toBe(true);
  expect(segmentTest('a.png').test('aXpng')).toBe(false);
  expect(segmentTest('[!a-c]x').test('dx')).toBe(true);
  expect(segmentTest('[!a-c]x').test('bx')).toBe(false);
  expect(segmentTest('[]]').test(']')).toBe(true);
  expect(segmentTest('[open').test('[open')).toBe(true);
  expect(segmentTest('*').test('.hidden')).toBe(false);
});
