// Files to pixels, by sharp: an optional peer, loaded when the first image is decoded and never before.
// What reproducibility begins with is what this returns: uint8 pixels. Resizing and grey are convkit's own.

import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { default as MakeSharp, Sharp } from 'sharp';
import { BackendError, messageOf } from '../errors.js';
import type { Pixels } from './resize.js';

type Library = typeof MakeSharp;
let loading: Promise<Library> | undefined;

/** `require` takes 30 ms for it where `import`, which reads its many files one after another, takes 45 to 80. */
const require = createRequire(import.meta.url);

async function loadSharp(): Promise<Library> {
  try {
    const sharp: Library = require('sharp');
    return sharp;
  } catch (error) {
    const reason = messageOf(error).split('\n')[0];
    throw new BackendError(
      `image: files are decoded and encoded by sharp, which did not load (${reason}); run: npm install sharp`,
    );
  }
}

/** sharp, loaded once. @throws BackendError saying how to install it where it is missing. */
export function requireSharp(): Promise<Library> {
  loading ??= loadSharp();
  return loading;
}

export interface DecodeOptions {
  /** Images of more pixels are refused before they are unpacked. Default 10^8. */
  readonly maxPixels?: number;
}

/**
 * Decodes a PNG, JPEG, WebP, TIFF, GIF or AVIF file to uint8 sRGB pixels of 3 channels, or 4 with transparency:
 * turned as its EXIF orientation says, the first page or frame only, 16-bit samples reduced to 8, palettes
 * expanded, CMYK converted. A truncated file is an error, never a half-grey picture.
 *
 * @throws BackendError without sharp; Error with the decoder's own words for an unreadable file.
 */
export async function decodeImage(path: string, options: DecodeOptions = {}): Promise<Pixels> {
  const image = await openImage(path, options);
  return inWordsOfFiles(pixelsOf(image));
}

/** A file that sharp has not begun to decode, to be turned as its EXIF orientation says. */
export async function openImage(path: string, options: DecodeOptions): Promise<Sharp> {
  const sharp = await requireSharp();
  const image = sharp(await inputOf(path), {
    failOn: 'truncated',
    limitInputPixels: options.maxPixels ?? 1e8,
    sequentialRead: true, // every pixel is wanted once, in order: nothing is kept to go back to
  });
  return image.rotate();
}

/** What sharp makes of an image, as uint8 sRGB. */
export async function pixelsOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** sharp's errors, which speak of the buffers that files were read into, as ones about files. */
export async function inWordsOfFiles<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replace(/^Input buffer/, 'Input file');
    throw error;
  }
}

/** Larger files stay where they are, and libvips reads them as it goes. */
const LARGEST_READ = 1 << 24;

/**
 * The bytes of a file: a JPEG of 1024 x 768 pixels takes 3.4 ms of processor time from memory and 4.7 from its path. What cannot
 * be read is left to libvips, which says why.
 */
async function inputOf(path: string): Promise<Buffer | string> {
  try {
    const { size } = await stat(path);
    return size <= LARGEST_READ ? await readFile(path) : path;
  } catch {
    return path;
  }
}
