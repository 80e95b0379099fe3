// The structure of a zip archive: where its directory lies, what the directory says. Only what data files use is taken:
// one disk, entries stored or deflated, none encrypted, zip64 where sizes need it. The format: PKWARE's APPNOTE.TXT.

import { quoted } from './json-reader.js';

export type Fail = (law: string, cure?: string) => never;

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
export const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
/** The end record, its comment, and the zip64 records before them. */
export const LONGEST_END = END_BYTES + LONGEST_COMMENT + 20 + 56;
/** A directory is read at once. 64 MB list more than half a million entries. */
const LONGEST_DIRECTORY = 1 << 26;
/** What deflate can gain at most: 258 bytes from two bits. */
const HIGHEST_RATIO = 1032;

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export interface Directory {
  readonly begin: number;
  readonly end: number;
  readonly entries: number;
}

export interface ZipEntry {
  readonly name: string;
  readonly deflated: boolean;
  readonly crc: number;
  /** Bytes in the archive, and once inflated. */
  readonly stored: number;
  readonly size: number;
  /** Where its local header lies. */
  readonly offset: number;
}

/** Finds the directory. `tail` are the last bytes of an archive of `size` bytes, LONGEST_END of them or all. */
export function findDirectory(tail: Uint8Array, size: number, fail: Fail): Directory {
  const view = viewOf(tail);
  let at = tail.length - END_BYTES;
  while (at >= 0) {
    // The comment must reach exactly to the end of the file, so that no comment can pass for the record.
    if (view.getUint32(at, true) === END && view.getUint16(at + 20, true) === tail.length - at - END_BYTES)
      break;
    at--;
    if (tail.length - at > END_BYTES + LONGEST_COMMENT) at = -1;
  }
  if (at < 0) return fail('is no zip archive, or was cut off: it has no end record');
  if (view.getUint16(at + 4, true) !== 0 || view.getUint16(at + 6, true) !== 0) {
    fail('is one part of an archive of several');
  }
  let entries: number = view.getUint16(at + 10, true);
  let bytes: number = view.getUint32(at + 12, true);
  let begin: number = view.getUint32(at + 16, true);
  const needed = entries === 0xffff || bytes === 0xffffffff || begin === 0xffffffff;
  const wide = at - 20 - 56;
  if (wide >= 0 && view.getUint32(wide, true) === END64 && view.getUint32(wide + 56, true) === LOCATOR64) {
    // PyTorch writes it where nothing needs it, too: then both have to say the same
    const [entries64, bytes64, begin64] = [32, 40, 48].map((field) => whole(view, wide + field, fail));
    const differ =
      (entries !== 0xffff && entries !== entries64) ||
      (bytes !== 0xffffffff && bytes !== bytes64) ||
      (begin !== 0xffffffff && begin !== begin64);
    if (differ) fail('has two end records that differ');
    [entries, bytes, begin] = [entries64, bytes64, begin64];
    at = wide;
  } else if (needed) {
    return fail('has no zip64 end record where its end record asks for one');
  }
  const end = begin + bytes;
  if (end !== size - tail.length + at) fail('has its directory in another place than its end record says');
  if (bytes > LONGEST_DIRECTORY) fail(`has a directory of ${bytes} bytes, the limit is ${LONGEST_DIRECTORY}`);
  return { begin, end, entries };
}

function whole(view: DataView, at: number, fail: Fail): number {
  const value = view.getBigUint64(at, true);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? fail(`claims a size or place of ${value}`) : Number(value);
}

/** The entries of a directory, held to each other: unique names, no common bytes, sizes that deflate can reach. */
export function readDirectory(bytes: Uint8Array, directory: Directory, fail: Fail): ZipEntry[] {
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let at = 0;
  while (at < bytes.length) {
    if (bytes.length - at < CENTRAL_BYTES || view.getUint32(at, true) !== CENTRAL) {
      fail(`has a broken directory at byte ${at}`);
    }
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      view.getUint16(at + field, true),
    );
    const next = at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes;
    if (next > bytes.length) fail(`has a broken directory at byte ${at}`);
    const name = nameOf(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes), fail);
    const extra = bytes.subarray(at + CENTRAL_BYTES + nameBytes, next - commentBytes);
    if (names.has(name)) fail(`has two entries ${quoted(name)}`);
    names.add(name);
    entries.push(entryOf(view, at, name, extra, fail));
    at = next;
  }
  if (entries.length !== directory.entries) {
    fail(`lists ${entries.length} entries, but its end record says ${directory.entries}`);
  }
  checkPlaces(entries, directory.begin, fail);
  return entries;
}

function nameOf(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return fail('has an entry whose name is not UTF-8');
  }
}

function entryOf(view: DataView, at: number, name: string, extra: Uint8Array, fail: Fail): ZipEntry {
  const flags = view.getUint16(at + 8, true);
  if ((flags & 0x2041) !== 0) fail(`holds ${quoted(name)} encrypted`);
  const method = view.getUint16(at + 10, true);
  if (method !== 0 && method !== 8) {
    fail(`holds ${quoted(name)} compressed by method ${method}, readable are 0 (stored) and 8 (deflate)`);
  }
  const [stored, size, offset] = wideFields(
    [view.getUint32(at + 20, true), view.getUint32(at + 24, true), view.getUint32(at + 42, true)],
    extra,
    name,
    fail,
  );
  const deflated = method === 8;
  if (deflated ? size > stored * HIGHEST_RATIO : size !== stored) {
    fail(
      `claims ${size} bytes for ${quoted(name)}, which no ${stored} ${deflated ? 'deflated' : 'stored'} bytes give`,
    );
  }
  return { name, deflated, crc: view.getUint32(at + 16, true), stored, size, offset };
}

/** Stored size, size and offset, from the zip64 extra field where the 32-bit ones are full. */
function wideFields(
  [stored, size, offset]: [number, number, number],
  extra: Uint8Array,
  name: string,
  fail: Fail,
): [number, number, number] {
  const full = 0xffffffff;
  if (stored !== full && size !== full && offset !== full) return [stored, size, offset];
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let field = at + 4;
    const end = field + view.getUint16(at + 2, true);
    const take = (narrow: number): number => {
      if (narrow !== full) return narrow;
      field += 8;
      return field <= end && end <= extra.length
        ? whole(view, field - 8, fail)
        : fail(`lacks the zip64 sizes of ${quoted(name)}`);
    };
    const wide = take(size); // in the field's order: size, stored size, offset
    return [take(stored), wide, take(offset)];
  }
  return fail(`lacks the zip64 sizes of ${quoted(name)}`);
}

/** Entries that share bytes are how a small archive claims to hold a universe (Fifield, "A better zip bomb", 2019). */
function checkPlaces(entries: readonly ZipEntry[], directoryBegin: number, fail: Fail): void {
  const ordered = [...entries].sort((a, b) => a.offset - b.offset);
  ordered.forEach(({ name, offset, stored }, i) => {
    const limit = i + 1 < ordered.length ? ordered[i + 1].offset : directoryBegin;
    if (offset + LOCAL_BYTES + stored > limit) {
      fail(
        `places ${quoted(name)} over ${i + 1 < ordered.length ? quoted(ordered[i + 1].name) : 'its directory'}`,
      );
    }
  });
}

/** Where the data of an entry begin, from its local header. */
export function dataBegin(header: Uint8Array, entry: ZipEntry, fail: Fail): number {
  const view = viewOf(header);
  if (view.getUint32(0, true) !== LOCAL || view.getUint16(8, true) !== (entry.deflated ? 8 : 0)) {
    fail(`has a broken header for ${quoted(entry.name)}`);
  }
  return entry.offset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
}
