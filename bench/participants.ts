// Who takes part in a match: each contender's process is started, told the layer, and its output checked. An output
// that is not right, or not the bits that it should be, ends the match before any time is taken.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environmentOf, isPython, isSingle, isSlow, SIDE_BY_SIDE } from './contenders/index.js';
import { Entrant } from './entrants.js';
import { flops, type Layer } from './layer.js';
import type { Orders, Prepared } from './protocol.js';
import type { PythonEntrant } from './python.js';
import type { Process } from './rest.js';
import { compareOutputs } from './verify.js';

/** A process that can be asked for rounds: of Node, or of Python. */
export interface Player extends Process {
  ask(kind: 'round', request: Orders['round']['request']): Promise<Orders['round']['reply']>;
  end(): void;
}

export interface Participant {
  readonly name: string;
  readonly entrants: readonly Player[];
  readonly prepared: Prepared;
  /** Milliseconds a call, round by round. */
  readonly rounds: number[];
}

export interface Entry {
  readonly threads: number;
  /** Slow contenders skip layers of more operations; null: none. */
  readonly slowFlops: number | null;
  /** Where outputs are written for comparison. */
  readonly folder: string;
  /** The Python process of a contender, which stays when the match ends. */
  python(contender: string): PythonEntrant;
}

export async function prepare(layer: Layer, name: string, entry: Entry): Promise<Participant> {
  const { threads, folder, python } = entry;
  const excuse = excuseOf(layer, name, entry);
  const nobody: Prepared = { absent: excuse, version: '', digest: '', worst: 0, magnitude: 0 };
  if (excuse !== null) return { name, entrants: [], prepared: nobody, rounds: [] };
  const sideBySide = name.endsWith(SIDE_BY_SIDE);
  const contender = sideBySide ? name.slice(0, -SIDE_BY_SIDE.length) : name;
  const request = {
    layer,
    contender,
    threads: sideBySide ? 1 : threads,
    outputFile: outputFile(folder, name),
  };
  if (isPython(name)) {
    const entrant = python(name);
    return { name, entrants: [entrant], prepared: await entrant.prepare(request), rounds: [] };
  }
  const entrants = Array.from({ length: sideBySide ? threads : 1 }, () => new Entrant(environmentOf(name)));
  let prepared = nobody;
  try {
    for (const entrant of entrants) prepared = await entrant.ask('prepare', request);
  } catch (error) {
    for (const entrant of entrants) entrant.end();
    throw error;
  }
  if (prepared.absent !== null) for (const entrant of entrants) entrant.end();
  return { name, entrants, prepared, rounds: [] };
}

function excuseOf(layer: Layer, name: string, { threads, slowFlops }: Entry): string | null {
  if (isSlow(name) && slowFlops !== null && flops(layer) > slowFlops)
    return 'too slow for a layer of this size';
  if (isSingle(name) && threads > 1) return 'runs on one thread whatever it is given';
  if (name.endsWith(SIDE_BY_SIDE) && threads === 1) return 'one process stands beside nobody';
  return null;
}

const outputFile = (folder: string, name: string): string => join(folder, name.replaceAll(':', '-'));

/** What is wrong with these outputs. */
export function wrongOutputs(layer: Layer, participants: readonly Participant[], folder: string): string[] {
  const wrong: string[] = [];
  const read = ({ name }: Participant): Float32Array => {
    const raw = readFileSync(outputFile(folder, name));
    return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  };
  for (const { name, prepared } of participants)
    if (!(prepared.worst <= 1)) wrong.push(`${name} errs by ${prepared.worst.toFixed(1)} times the bound`);

  // Of convkit, every way with one algorithm gives the same bits; the first of them stands for all.
  const first = participants.find(isOurs);
  if (first === undefined) return wrong;
  for (const other of participants.filter((participant) => participant !== first)) {
    if (isOurs(other) && other.prepared.algorithm === first.prepared.algorithm) {
      if (other.prepared.digest !== first.prepared.digest)
        wrong.push(`${other.name} and ${first.name} give different bits`);
      continue;
    }
    const difference = compareOutputs(layer, read(first), read(other), other.prepared.magnitude);
    if (!(difference <= 1))
      wrong.push(`${first.name} and ${other.name} differ by ${difference.toFixed(1)} times the bound`);
  }
  return wrong;
}

const isOurs = ({ name }: Participant): boolean => name.startsWith('convkit:');
