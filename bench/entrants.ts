// The runner's side of the contenders' processes: one process for one contender and one layer or network, or two
// processes that run side by side.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, AnyOrders, Orders } from './protocol.js';

/** One process that obeys orders. */
export class Worker<O extends AnyOrders<O>> {
  readonly #process: ChildProcess;

  /** `program` is relative to this folder; `environment` holds variables beside the inherited ones. */
  constructor(program: string, environment: Readonly<Record<string, string>> = {}) {
    const env = { ...process.env, ...environment };
    const path = fileURLToPath(new URL(program, import.meta.url));
    this.#process = fork(path, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  ask<K extends keyof O & string>(kind: K, request: O[K]['request']): Promise<O[K]['reply']> {
    const child = this.#process;
    return new Promise((resolve, reject) => {
      const exited = (code: number | null, signal: string | null): void => {
        child.off('message', answered);
        reject(new Error(`the process ended (${signal ?? `exit code ${code}`}) during '${kind}'`));
      };
      const answered = (answer: Answer): void => {
        child.off('exit', exited);
        if (answer.ok) resolve(answer.reply as O[K]['reply']);
        else reject(new Error(answer.error));
      };
      if (child.exitCode !== null || child.signalCode !== null) {
        exited(child.exitCode, child.signalCode);
        return;
      }
      child.once('exit', exited);
      child.once('message', answered);
      child.send({ kind, request });
    });
  }

  end(): void {
    if (this.#process.connected) this.#process.disconnect();
  }
}

/** The process of a contender for layers. */
export class Entrant extends Worker<Orders> {
  constructor(environment: Readonly<Record<string, string>> = {}) {
    super('./entrant.js', environment);
  }
}

type Kind = keyof Orders;

/** Asks a fresh process one thing. */
export async function askOnce<K extends Kind>(
  kind: K,
  request: Orders[K]['request'],
): Promise<Orders[K]['reply']> {
  const entrant = new Entrant();
  try {
    return await entrant.ask(kind, request);
  } finally {
    entrant.end();
  }
}

/** Asks several fresh processes the same thing at the same time. */
export async function askSideBySide<K extends Kind>(
  count: number,
  kind: K,
  request: Orders[K]['request'],
): Promise<Orders[K]['reply'][]> {
  return Promise.all(Array.from({ length: count }, () => askOnce(kind, request)));
}
