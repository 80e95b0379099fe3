// The records of a zip archive whose entries are stored: zip64 where a size or place needs it, no dates, so that equal
// contents give equal archives.

export interface Written {
  readonly name: string;
  readonly crc: number;
  readonly size: number;
  readonly offset: number;
}

const FULL = 0xffffffff;
/** 1980-01-01, the first day the format knows. */
const DATE = 0x0021;
const UTF8_NAME = 0x0800;
const utf8 = new TextEncoder();

/** A record of little-endian fields: [bytes, value]. */
function record(
  fields: readonly (readonly [bytes: 2 | 4 | 8, value: number])[],
  ...tail: Uint8Array[]
): Uint8Array {
  const head = fields.reduce((sum, [bytes]) => sum + bytes, 0);
  const result = new Uint8Array(tail.reduce((sum, { length }) => sum + length, head));
  const view = new DataView(result.buffer);
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  for (const bytes of tail) {
    result.set(bytes, at);
    at += bytes.length;
  }
  return result;
}

const wideExtra = (values: readonly number[]): Uint8Array =>
  values.length === 0
    ? new Uint8Array(0)
    : record([[2, 1], [2, 8 * values.length], ...values.map((value) => [8, value] as const)]);

const version = (wide: boolean): number => (wide ? 45 : 20);

export function localHeader({ name, crc, size }: Written): Uint8Array {
  const bytes = utf8.encode(name);
  const wide = size >= FULL;
  const extra = wideExtra(wide ? [size, size] : []);
  const narrow = wide ? FULL : size;
  const fields = [
    [4, 0x04034b50],
    [2, version(wide)],
    [2, UTF8_NAME],
    [2, 0],
    [2, 0],
    [2, DATE],
    [4, crc],
    [4, narrow],
    [4, narrow],
    [2, bytes.length],
    [2, extra.length],
  ] as const;
  return record(fields, bytes, extra);
}

export function centralHeader({ name, crc, size, offset }: Written): Uint8Array {
  const bytes = utf8.encode(name);
  const values = [...(size >= FULL ? [size, size] : []), ...(offset >= FULL ? [offset] : [])];
  const extra = wideExtra(values);
  const wide = version(values.length > 0);
  const narrow = Math.min(size, FULL);
  const fields = [
    [4, 0x02014b50],
    [2, wide],
    [2, wide],
    [2, UTF8_NAME],
    [2, 0],
    [2, 0],
    [2, DATE],
    [4, crc],
    [4, narrow],
    [4, narrow],
    [2, bytes.length],
    [2, extra.length],
    [2, 0],
    [2, 0],
    [2, 0],
    [4, 0],
    [4, Math.min(offset, FULL)],
  ] as const;
  return record(fields, bytes, extra);
}

/** What ends an archive of so many entries, whose directory begins at `begin`. */
export function endRecords(entries: number, begin: number, bytes: number): Uint8Array {
  const wide = entries >= 0xffff || begin >= FULL || bytes >= FULL;
  const end64 = [
    [4, 0x06064b50],
    [8, 44],
    [2, 45],
    [2, 45],
    [4, 0],
    [4, 0],
    [8, entries],
    [8, entries],
    [8, bytes],
    [8, begin],
    [4, 0x07064b50],
    [4, 0],
    [8, begin + bytes],
    [4, 1],
  ] as const;
  const count = Math.min(entries, 0xffff);
  const end = [
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, count],
    [2, count],
    [4, Math.min(bytes, FULL)],
    [4, Math.min(begin, FULL)],
    [2, 0],
  ] as const;
  return record(wide ? [...end64, ...end] : end);
}
