// Zip archives spelled out by hand.

import { crc32, deflateRawSync } from 'node:zlib';
import { centralHeader, endRecords, localHeader } from '../../lib/io/zip-write.js';

export interface HandEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflated?: boolean;
  /** 32-bit fields of the directory, written over. */
  readonly changes?: Readonly<Record<number, number>>;
}

export function zipOf(entries: readonly HandEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, data, deflated = false, changes = {} } of entries) {
    const packed = deflated ? deflateRawSync(data) : data;
    const entry = { name, crc: crc32(data), size: data.length, offset };
    const [local, central] = [localHeader(entry), centralHeader(entry)].map((bytes) => Buffer.from(bytes));
    if (deflated) {
      local.writeUInt16LE(8, 8);
      central.writeUInt16LE(8, 10);
      central.writeUInt32LE(packed.length, 20);
    }
    for (const [field, value] of Object.entries(changes)) central.writeUInt32LE(value, Number(field));
    parts.push(local, packed);
    directory.push(central);
    offset += local.length + packed.length;
  }
  const listed = Buffer.concat(directory);
  return Buffer.concat([...parts, listed, endRecords(entries.length, offset, listed.length)]);
}
