// A run that can go on after a crash: rows in a file beside the output (`features.npy.partial`), and a journal that says what
// made them, which file each row is of, and what failed. A row counts where the journal has its hash and the hash is right.

import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { messageOf, wrongValue } from '../errors.js';
import { encodeNpyHeader } from '../io/npy-format.js';
import { littleEndianBytes } from '../io/npy-rows.js';
import { checkSame, type Failure, rowSha256 } from './manifest.js';
import type { Sink, Written } from './sink.js';

export interface DoneRow {
  readonly file: string;
  readonly sha256: string;
}

export const partialPath = (output: string): string => `${output}.partial`;
const journalPath = (output: string): string => `${output}.partial.jsonl`;

/** Whether an unfinished run waits beside an output. */
export const hasPartial = (output: string): Promise<boolean> =>
  stat(journalPath(output)).then(
    () => true,
    () => false,
  );

/** The rows of an unfinished run, and the place to put further ones. */
export class PartialRows implements Sink {
  readonly done: DoneRow[] = [];
  readonly failures: Failure[] = [];
  private readonly hash = createHash('sha256');

  private constructor(
    private readonly output: string,
    private readonly width: number,
    private readonly rows: FileHandle,
    private readonly journal: FileHandle,
  ) {}

  /**
   * Opens what an earlier run left, or begins anew.
   *
   * @throws RangeError where an earlier run was made by something else than `about` says, or nothing can be written there.
   */
  static async open(
    output: string,
    width: number,
    about: Readonly<Record<string, unknown>>,
  ): Promise<PartialRows> {
    const handles: FileHandle[] = [];
    try {
      for (const path of [partialPath(output), journalPath(output)]) handles.push(await open(path, 'a+'));
      for (const handle of handles.splice(0)) await handle.close();
      for (const path of [partialPath(output), journalPath(output)]) handles.push(await open(path, 'r+'));
    } catch (error) {
      for (const handle of handles) await handle.close();
      const reason = messageOf(error);
      throw wrongValue('output', `cannot write ${partialPath(output)}: ${reason}`);
    }
    const partial = new PartialRows(output, width, handles[0], handles[1]);
    try {
      await partial.#recover(about);
      return partial;
    } catch (error) {
      await partial.discard();
      throw error;
    }
  }

  /** Reads the journal as far as it and the rows are whole, and cuts off the rest. */
  async #recover(about: Readonly<Record<string, unknown>>): Promise<void> {
    const text = (await this.journal.readFile()).toString('utf8');
    const header = this.#header(0);
    let good = 0;
    const row = new Float32Array(this.width);
    const bytes = Buffer.from(row.buffer);
    for (
      let begin = 0, end = text.indexOf('\n');
      end >= 0;
      begin = end + 1, end = text.indexOf('\n', begin)
    ) {
      const entry = parsed(text.slice(begin, end));
      if (entry === null) break;
      if (begin === 0) checkSame(entry, about, partialPath(this.output));
      else if (typeof entry.file === 'string' && typeof entry.reason === 'string') {
        this.failures.push({ file: entry.file, reason: entry.reason });
      } else if (typeof entry.file === 'string' && typeof entry.sha256 === 'string') {
        const place = header.length + this.done.length * bytes.length;
        const { bytesRead } = await this.rows.read(bytes, 0, bytes.length, place);
        if (bytesRead < bytes.length) break;
        if (endianness() === 'BE') bytes.swap32();
        if (rowSha256(row) !== entry.sha256) break;
        this.hash.update(littleEndianBytes(row));
        this.done.push({ file: entry.file, sha256: entry.sha256 });
      } else break;
      good += Buffer.byteLength(text.slice(begin, end + 1));
    }
    await this.journal.truncate(good);
    await this.rows.truncate(this.done.length === 0 ? 0 : header.length + this.done.length * bytes.length);
    if (this.done.length === 0) await this.rows.write(header, 0, header.length, 0);
    if (good === 0) await this.#note([about]);
  }

  /**
   * The files that are left, in their order.
   *
   * @throws RangeError where the rows are not those of the first of `files`.
   */
  remaining(files: readonly string[]): string[] {
    const failed = new Set(this.failures.map(({ file }) => file));
    const done = new Set(this.done.map(({ file }) => file));
    const expected = files.filter((file) => !failed.has(file)).slice(0, this.done.length);
    const strange = this.done.findIndex(({ file }, i) => file !== expected[i]);
    if (strange >= 0) {
      throw wrongValue(
        'extract',
        `${partialPath(this.output)} has ${this.done[strange].file} as row ${strange}, where these arguments lead to ` +
          `${expected[strange] ?? 'nothing'}`,
        `give the arguments of the first run, or remove ${partialPath(this.output)} and ${journalPath(this.output)}`,
      );
    }
    return files.filter((file) => !done.has(file) && !failed.has(file));
  }

  async append(files: readonly string[], values: Float32Array): Promise<void> {
    const bytes = littleEndianBytes(values);
    const at = this.#header(0).length + this.done.length * this.width * 4;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.rows.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
    this.hash.update(bytes);
    const added = files.map((file, i) => ({
      file,
      sha256: rowSha256(values.subarray(i * this.width, (i + 1) * this.width)),
    }));
    await this.#note(added);
    this.done.push(...added);
  }

  async fail(failure: Failure): Promise<void> {
    this.failures.push(failure);
    await this.#note([failure]);
  }

  /** Puts the rows in place. */
  async finish(): Promise<Written> {
    const header = this.#header(this.done.length);
    await this.rows.write(header, 0, header.length, 0);
    await this.rows.sync();
    await this.discard();
    await rename(partialPath(this.output), this.output);
    await rm(journalPath(this.output));
    return { shape: [this.done.length, this.width], dataSha256: this.hash.digest('hex') };
  }

  /** Closes the files and leaves them, so that another run can go on. */
  async discard(): Promise<void> {
    await this.rows.close().catch(() => undefined);
    await this.journal.close().catch(() => undefined);
  }

  /** Forgets an unfinished run that has no rows. */
  async remove(): Promise<void> {
    await this.discard();
    await rm(partialPath(this.output), { force: true });
    await rm(journalPath(this.output), { force: true });
  }

  #header(rows: number): Uint8Array {
    return encodeNpyHeader([rows, this.width]);
  }

  async #note(entries: readonly object[]): Promise<void> {
    const { size } = await this.journal.stat();
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    await this.journal.write(Buffer.from(text), 0, Buffer.byteLength(text), size);
  }
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    return null; // half a line, of a run that was killed
  }
}
