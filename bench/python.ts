// PyTorch's process: found where a python3 has torch, asked like every other contender's process, line by line.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { makeData } from './data.js';
import { root } from './library.js';
import type { Answer, Orders, Prepared } from './protocol.js';
import { checkSamples } from './verify.js';

const PROGRAM = fileURLToPath(new URL('bench/contenders/pytorch.py', root));

/** What a Python process is asked: all that a contender is. */
type Asked = Pick<Orders, 'prepare' | 'round' | 'prepareTraining' | 'peakMemory'>;

/** One Python process for the layers of a run, since loading torch takes seconds; it begins when first asked. */
export class PythonEntrant {
  #process: ChildProcessWithoutNullStreams | null = null;
  #complaint = '';
  #waiting: { resolve(answer: Answer): void; reject(error: Error): void } | null = null;
  #failure: string | null = null;

  /** `python` is a program, such as python3. */
  constructor(readonly python: string) {}

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async ask<K extends keyof Asked>(kind: K, request: Asked[K]['request']): Promise<Asked[K]['reply']> {
    if (this.#failure !== null) throw new Error(this.#failure);
    const answer = await this.#send(JSON.stringify({ kind, request }));
    if (!answer.ok) throw new Error(answer.error);
    return answer.reply as Asked[K]['reply'];
  }

  /** Prepares a layer and checks its output here, as the contenders in JavaScript check their own. */
  async prepare(request: Orders['prepare']['request']): Promise<Prepared> {
    const nothing = { version: '', digest: '', worst: 0, magnitude: 0 };
    if (this.#failure !== null) return { ...nothing, absent: this.#failure };
    let prepared: Prepared;
    try {
      prepared = await this.ask('prepare', request);
    } catch (error) {
      return {
        ...nothing,
        absent: this.#failure ?? (error instanceof Error ? error.message : String(error)),
      };
    }
    if (prepared.absent !== null) return { ...nothing, ...prepared };
    const raw = readFileSync(request.outputFile);
    const y = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
    return { ...nothing, ...prepared, ...checkSamples(request.layer, makeData(request.layer), y) };
  }

  end(): void {
    this.#process?.stdin.end();
  }

  #send(line: string): Promise<Answer> {
    this.#process ??= this.#start();
    const child = this.#process;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      child.stdin.write(`${line}\n`);
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn(this.python, [PROGRAM], { stdio: 'pipe' });
    const fail = (reason: string): void => {
      this.#failure = `${this.python} does not run torch: ${reason}`;
      this.#waiting?.reject(new Error(this.#failure));
      this.#waiting = null;
    };
    child.stdin.on('error', () => {}); // its death is told by 'close'
    child.on('error', (error) => fail(error.message));
    child.on('close', () => fail(this.#complaint.trim().split('\n').at(-1) || 'it ended'));
    child.stderr.on('data', (text: Buffer) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-2000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.#waiting?.resolve(JSON.parse(line) as Answer);
      this.#waiting = null;
    });
    return child;
  }
}
