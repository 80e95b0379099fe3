// Which files a run is about: arguments (files, folders, patterns) become one list without duplicates, in an order
// that depends on names only. Knows nothing of images beyond the endings that folders are searched for.

import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, normalize, resolve, sep } from 'node:path';
import { messageOf } from '../errors.js';
import { expandBraces, hasPattern, segmentTest } from './glob.js';

/** The endings that a folder is searched for. A file named outright, or met by a pattern, may have any. */
const imageEndings = ['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff', '.gif', '.avif'];

export interface Listing {
  /** Paths as the arguments led to them, each file once. */
  readonly files: readonly string[];
  /** Arguments that led nowhere, with the reason. */
  readonly missing: readonly { readonly file: string; readonly reason: string }[];
}

/** Orders names as people count: digits by value, the rest by code unit. A total order, the same in every locale. */
export function naturalOrder(a: string, b: string): number {
  const left = a.match(/\d+|\D/g) ?? [];
  const right = b.match(/\d+|\D/g) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i], right[i]];
    if (x === y) continue;
    const [m, n] = [x, y].map((part) => (/^\d/.test(part) ? part.replace(/^0+(?=\d)/, '') : null));
    if (m !== null && n !== null) {
      if (m.length !== n.length) return m.length - n.length;
      if (m !== n) return m < n ? -1 : 1;
      continue;
    }
    return x < y ? -1 : 1;
  }
  if (left.length !== right.length) return left.length - right.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'other' | null> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'other';
  } catch {
    return null;
  }
}

/** The entries of a folder in natural order, links resolved; an unreadable folder gives none and is noted. */
async function entries(
  folder: string,
  missing: { file: string; reason: string }[],
): Promise<{ name: string; kind: 'file' | 'folder' }[]> {
  let found: Dirent[];
  try {
    found = await readdir(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch (error) {
    missing.push({ file: folder, reason: messageOf(error) });
    return [];
  }
  const kinds = await Promise.all(
    found.map(async (entry) => {
      const kind = entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : null;
      return { name: entry.name, kind: kind ?? (await kindOf(join(folder, entry.name))) };
    }),
  );
  return kinds
    .filter(
      (entry): entry is { name: string; kind: 'file' | 'folder' } =>
        entry.kind === 'file' || entry.kind === 'folder',
    )
    .sort((a, b) => naturalOrder(a.name, b.name));
}

class Walk {
  readonly files: string[] = [];
  readonly missing: { file: string; reason: string }[] = [];
  private readonly seen = new Set<string>();

  add(path: string): void {
    const key = resolve(path);
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.files.push(path);
  }

  /** All images below a folder: its files first, then its folders; hidden names are passed over. */
  async folder(path: string, above: readonly string[] = []): Promise<void> {
    const real = await realpath(path === '' ? '.' : path);
    if (above.includes(real)) return; // a link back up
    const found = (await entries(path, this.missing)).filter((entry) => !entry.name.startsWith('.'));
    for (const { name, kind } of found) {
      const ending = name.slice(name.lastIndexOf('.')).toLowerCase();
      if (kind === 'file' && imageEndings.includes(ending)) this.add(join(path, name));
    }
    for (const { name, kind } of found) {
      if (kind === 'folder') await this.folder(join(path, name), [...above, real]);
    }
  }

  /** All files below `base` that the remaining segments of a pattern meet. Gives how many. */
  async pattern(base: string, segments: readonly string[], above: readonly string[] = []): Promise<number> {
    const [segment, ...rest] = segments;
    if (segment === '**') {
      const real = await realpath(base === '' ? '.' : base).catch(() => base);
      if (above.includes(real)) return 0;
      let met = await this.pattern(base, rest.length === 0 ? ['*'] : rest);
      for (const { name, kind } of await entries(base, this.missing)) {
        if (kind !== 'folder' || name.startsWith('.')) continue;
        met += await this.pattern(join(base, name), segments, [...above, real]);
      }
      return met;
    }
    if (!hasPattern(segment)) {
      const path = join(base, segment);
      const kind = await kindOf(path);
      if (rest.length > 0) return kind === 'folder' ? this.pattern(path, rest) : 0;
      if (kind === 'file') this.add(path);
      return kind === 'file' ? 1 : 0;
    }
    const test = segmentTest(segment);
    let met = 0;
    for (const { name, kind } of await entries(base, this.missing)) {
      if (!test.test(name)) continue;
      if (rest.length > 0 && kind === 'folder') met += await this.pattern(join(base, name), rest);
      if (rest.length > 0 || kind !== 'file') continue;
      this.add(join(base, name));
      met++;
    }
    return met;
  }
}

/**
 * Resolves files, folders (searched recursively for images) and patterns, argument by argument in their order;
 * what one argument leads to comes in natural order (img2 before img10), a file met twice keeps its first place.
 */
export async function listImages(args: readonly string[]): Promise<Listing> {
  const walk = new Walk();
  for (const arg of args) {
    const kind = await kindOf(arg);
    if (kind === 'folder') await walk.folder(normalize(arg));
    else if (kind !== null) walk.add(normalize(arg));
    else if (hasPattern(arg)) {
      let met = 0;
      for (const spelling of expandBraces(arg.split(sep).join('/'))) {
        const rooted = /^(?:[A-Za-z]:)?\//.exec(spelling)?.[0] ?? '';
        met += await walk.pattern(rooted, spelling.slice(rooted.length).split('/').filter(Boolean));
      }
      if (met === 0) walk.missing.push({ file: arg, reason: 'no file matches this pattern' });
    } else walk.missing.push({ file: arg, reason: 'no such file or folder' });
  }
  return { files: walk.files, missing: walk.missing };
}
