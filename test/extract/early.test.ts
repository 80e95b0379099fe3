import { describe, expect, test } from 'vitest';
import { readEarly } from '../../lib/extract/early.js';

/** A reader that writes down what it was asked, and reads the number in a file's name. */
function reader(fail: (file: string, maxPixels: number) => boolean = () => false) {
  const calls: string[] = [];
  const read = async (file: string, { maxPixels }: { maxPixels: number }) => {
    calls.push(`${file} ${maxPixels}`);
    await Promise.resolve();
    if (fail(file, maxPixels)) throw new Error(`${file} at ${maxPixels}`);
    return Uint8Array.of(Number(file));
  };
  return { calls, read };
}

const files = Array.from({ length: 20 }, (_, i) => String(i));
const SMALL = 1 << 22;

describe('readEarly', () => {
  test('begins the first files at once, small images alone, and hands each out once', async () => {
    const { calls, read } = reader();
    const early = readEarly(files, read);
    expect(calls).toEqual(files.slice(0, 16).map((file) => `${file} ${SMALL}`));
    for (const file of files) expect(await early(file, { maxPixels: 1e8 })).toEqual(Uint8Array.of(+file));
    expect(calls.slice(16)).toEqual(files.slice(16).map((file) => `${file} 100000000`));
    await early('3', { maxPixels: 1e8 });
    expect(calls.at(-1)).toBe('3 100000000');
  });

  test('reads once more what could not be read early: larger images, and broken ones for their reason', async () => {
    const { calls, read } = reader(
      (file, maxPixels) => file === '2' || (file === '1' && maxPixels === SMALL),
    );
    const early = readEarly(files.slice(0, 3), read);
    expect(await early('1', { maxPixels: 1e8 })).toEqual(Uint8Array.of(1));
    await expect(early('2', { maxPixels: 1e8 })).rejects.toThrow('2 at 100000000');
    expect(calls.slice(3)).toEqual(['1 100000000', '2 100000000']);
  });

  test('leaves images to their turn where smaller ones are asked for', async () => {
    const { calls, read } = reader();
    const early = readEarly(files.slice(0, 1), read);
    await early('0', { maxPixels: 1000 });
    expect(calls).toEqual([`0 ${SMALL}`, '0 1000']);
  });
});
