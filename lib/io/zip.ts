// Reading zip archives: entries by name, each as bytes that come one after another, inflated on the way and held to the
// size and the checksum that the directory gives. Nothing is unpacked to the disk.

import type { InflateRaw } from 'node:zlib';
import { stream as streams, zlib } from './builtins.js';
import { type ByteReader, Part } from './byte-reader.js';
import type { InputFile } from './input-file.js';
import { quoted } from './json-reader.js';
import {
  dataBegin,
  findDirectory,
  LOCAL_BYTES,
  LONGEST_END,
  readDirectory,
  type ZipEntry,
} from './zip-format.js';

export interface ZipArchive {
  readonly entries: readonly ZipEntry[];
  /** All the bytes of an entry for `use`, which must read them to the end; afterwards their checksum is compared. */
  read<T>(entry: ZipEntry, use: (reader: ByteReader) => Promise<T>): Promise<T>;
}

/** The archive of a file, known to inflate to at most `mostBytes`. */
export async function openZip(file: InputFile, mostBytes: number): Promise<ZipArchive> {
  const fail = (law: string, cure?: string): never => file.fail(law, cure);
  const tailBytes = Math.min(file.size, LONGEST_END);
  const directory = findDirectory(await file.read(file.size - tailBytes, tailBytes), file.size, fail);
  const bytes = await file.read(directory.begin, directory.end - directory.begin);
  const entries = readDirectory(bytes, directory, fail);
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (total > mostBytes) {
    fail(
      `claims to inflate from ${file.size} to ${total} bytes, the limit is ${mostBytes}`,
      'raise maxBytes',
    );
  }
  return {
    entries,
    async read(entry, use) {
      const begin = dataBegin(await file.read(entry.offset, LOCAL_BYTES), entry, fail);
      if (begin + entry.stored > directory.begin) fail(`places ${quoted(entry.name)} over its directory`);
      const part = new Part(file, begin, begin + entry.stored);
      const reader = new EntryReader(entry, part);
      try {
        const result = await use(reader);
        await reader.finish();
        return result;
      } finally {
        reader.close();
      }
    },
  };
}

const CHUNK_BYTES = 1 << 16;

async function* chunksOf(part: Part): AsyncGenerator<Uint8Array> {
  while (part.remaining > 0) {
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES, part.remaining));
    await part.fill(bytes);
    yield bytes;
  }
}

class EntryReader implements ByteReader {
  remaining: number;
  private crc = 0;
  private readonly inflating: { stream: InflateRaw; chunks: AsyncIterator<Uint8Array> } | null = null;
  /** Inflated, but not yet asked for. */
  private ahead: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly entry: ZipEntry,
    private readonly part: Part,
  ) {
    this.remaining = entry.size;
    if (!entry.deflated) return;
    const source = streams().Readable.from(chunksOf(part), { objectMode: true, highWaterMark: 1 });
    const stream = zlib().createInflateRaw({ chunkSize: CHUNK_BYTES });
    source.on('error', (error) => stream.destroy(error));
    stream.on('close', () => source.destroy());
    const chunks: AsyncIterator<Uint8Array> = source.pipe(stream)[Symbol.asyncIterator]();
    this.inflating = { stream, chunks };
  }

  async fill(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.remaining) this.fail('ends too early');
    if (this.inflating === null) await this.part.fill(bytes);
    else {
      for (let done = 0; done < bytes.length; ) {
        if (this.ahead.length === 0) this.ahead = (await this.inflate()) ?? this.fail('ends too early');
        const count = Math.min(this.ahead.length, bytes.length - done);
        bytes.set(this.ahead.subarray(0, count), done);
        this.ahead = this.ahead.subarray(count);
        done += count;
      }
    }
    this.remaining -= bytes.length;
    if (bytes.length > 0) this.crc = zlib().crc32(bytes, this.crc); // crc32 of nothing begins anew
  }

  /** The entry must end here, with its checksum. */
  async finish(): Promise<void> {
    if (this.remaining > 0) this.fail(`has ${this.remaining} bytes left over`);
    if (this.inflating !== null) {
      if (this.ahead.length > 0 || (await this.inflate()) !== null)
        this.fail('inflates to more than it claims');
      if (this.inflating.stream.bytesWritten !== this.entry.stored) this.fail('is followed by other bytes');
    }
    if (this.crc !== this.entry.crc) this.fail('does not have the checksum it claims', 'the file is damaged');
  }

  close(): void {
    this.inflating?.stream.destroy();
  }

  fail(law: string, cure?: string): never {
    return this.part.fail(`entry ${quoted(this.entry.name)} ${law}`, cure);
  }

  private async inflate(): Promise<Uint8Array | null> {
    try {
      const { value, done } = await this.inflating!.chunks.next();
      return done ? null : value;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code.startsWith('Z_')) this.fail('is not deflated as it claims', 'the file is damaged');
      throw error;
    }
  }
}
