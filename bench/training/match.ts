// One training step or layer, all contenders: what they compute is compared first, then they are timed in turns. Peak memory
// is that of a process of its own, which has compared nothing.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPython } from '../contenders/index.js';
import { Entrant } from '../entrants.js';
import { bytes } from '../layer.js';
import { type MatchPlan, type MatchResult, playRounds, type Staff, timing } from '../match.js';
import type { Participant } from '../participants.js';
import type { Orders, Prepared } from '../protocol.js';
import { PythonEntrant } from '../python.js';
import type { Process } from '../rest.js';
import type { Part, Subject } from './subjects.js';

/** Steps after which memory is at its peak: what is allocated once is there from the second on. */
const STEPS_TO_PEAK = 4;

/** Of Node, or of Python. */
interface Trainer extends Process {
  ask<K extends 'prepareTraining' | 'peakMemory' | 'round'>(
    kind: K,
    request: Orders[K]['request'],
  ): Promise<Orders[K]['reply']>;
  end(): void;
}

interface Trained extends Participant {
  readonly entrants: readonly Trainer[];
  readonly parts: readonly Part[];
  readonly file: string;
}

/** Plays one match; the first contender is held against each other one. */
export async function playTraining(subject: Subject, plan: MatchPlan, staff: Staff): Promise<MatchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-bench-'));
  const absent: Record<string, string> = {};
  const participants: Trained[] = [];
  const peaks = new Map<string, number>();
  let wrong: string[] = [];
  let worstError = 0;
  try {
    for (const name of plan.contenders) {
      const participant = await enter(subject, name, join(folder, name.replaceAll(':', '-')), plan, staff);
      if (typeof participant === 'string') absent[name] = participant;
      else participants.push(participant);
    }
    const compared = participants.slice(1).map((other) => compare(subject, participants[0], other));
    wrong = compared.flatMap((comparison) => comparison.wrong);
    worstError = Math.max(0, ...compared.map((comparison) => comparison.worst));
    if (wrong.length === 0) {
      await playRounds(participants, { ...plan, isas: [] }, staff);
      if (subject.step !== null)
        for (const { name } of participants) peaks.set(name, await peakBytes(subject, name, plan, staff));
    }
  } finally {
    for (const { entrants } of participants) for (const entrant of entrants) leave(entrant, subject);
    rmSync(folder, { recursive: true });
  }
  return {
    layer: subject.name,
    class: subject.class,
    set: 'training',
    times: 1,
    line: subject.line,
    like: null,
    threads: plan.threads,
    flops: subject.flops,
    bytes: subject.layer === null ? 0 : bytes(subject.layer),
    peaks: {},
    timings:
      wrong.length > 0
        ? []
        : participants.map((participant) => ({
            ...timing(participant),
            ...(peaks.has(participant.name) ? { peakBytes: peaks.get(participant.name) } : {}),
          })),
    absent,
    worstError,
    wrong,
  };
}

/** A process of the contender's: its own for each match, but for the layers of one Python contender, which share theirs. */
function processOf(name: string, subject: Subject, staff: Staff): Trainer {
  if (!isPython(name)) return new Entrant();
  return subject.step === null ? staff.python(name) : new PythonEntrant(staff.interpreter);
}

function leave(entrant: Trainer, { step }: Subject): void {
  if (entrant instanceof Entrant || step !== null) entrant.end();
}

/** A contender ready for its rounds, or why it takes no part. */
async function enter(
  subject: Subject,
  name: string,
  outputFile: string,
  { threads }: MatchPlan,
  staff: Staff,
): Promise<Trained | string> {
  const entrant = processOf(name, subject, staff);
  try {
    const request = { subject, contender: name, threads, outputFile };
    const { version, parts } = await entrant.ask('prepareTraining', request);
    const prepared: Prepared = { absent: null, version, digest: '', worst: 0, magnitude: 0 };
    return { name, entrants: [entrant], prepared, rounds: [], parts, file: outputFile };
  } catch (error) {
    leave(entrant, subject);
    if (entrant instanceof Entrant) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

async function peakBytes(subject: Subject, name: string, plan: MatchPlan, staff: Staff): Promise<number> {
  const entrant = processOf(name, subject, staff);
  try {
    const { threads } = plan;
    await entrant.ask('prepareTraining', { subject, contender: name, threads, outputFile: null });
    return (await entrant.ask('peakMemory', { calls: STEPS_TO_PEAK })).bytes;
  } finally {
    leave(entrant, subject);
  }
}

/**
 * How far results may lie apart, see {@link distance}. A layer's are sums of some thousand terms, rounded in another order. A
 * network's pass dozens of layers, where rounding also turns a few activations on or off: of MobileNetV2, PyTorch's own two
 * memory formats differ by 0.03 in gradients, and by 0.004 in the third loss.
 */
export const mayDiffer = ({ step }: Subject, part: string): number => {
  if (step === null) return 1e-5;
  return part.startsWith('loss') ? 1e-2 : 6e-2;
};

/**
 * The length of b - a as a share of a's. Where elements are given whose size is usual, a's length counts as at least that of
 * so many of them: a bias that a normalisation takes away again has a gradient of nothing but rounding.
 */
export function distance(a: Float32Array, b: Float32Array, usual = 0): number {
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference += (b[i] - a[i]) * (b[i] - a[i]);
  const size = Math.max(squares(a), a.length * usual * usual);
  return difference === 0 ? 0 : Math.sqrt(difference / size);
}

const squares = (a: Float32Array): number => a.reduce((sum, value) => sum + value * value, 0);

function compare(subject: Subject, first: Trained, other: Trained): { wrong: string[]; worst: number } {
  const read = ({ file }: Trained): Float32Array => {
    const raw = readFileSync(file);
    return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  };
  const names = ({ parts }: Trained): string => parts.map(({ name, length }) => `${name} ${length}`).join();
  if (names(first) !== names(other))
    return { wrong: [`${first.name} and ${other.name} train different parameters`], worst: Infinity };
  const [a, b] = [read(first), read(other)];
  const usual = subject.step === null ? 0 : Math.sqrt(squares(a) / a.length);
  let at = 0;
  const shares = first.parts.map(({ name, length }) => {
    const [own, theirs] = [a, b].map((all) => all.subarray(at, at + length));
    at += length;
    const share = distance(own, theirs, usual) / mayDiffer(subject, name);
    return { name, share: Number.isNaN(share) ? Infinity : share };
  });
  const worst = shares.reduce((most, part) => (part.share > most.share ? part : most));
  const count = shares.filter(({ share }) => share > 1).length;
  const wrong =
    count === 0
      ? []
      : [
          `${first.name} and ${other.name} differ in ${count} of ${shares.length} results, most in ${worst.name}, by ${worst.share.toFixed(1)} times the bound`,
        ];
  return { wrong, worst: worst.share };
}
