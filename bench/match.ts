// One layer, all contenders: verified first, then timed round by round in turns, so that a disturbance of the
// machine, slow drift of its clock included, falls on all of them.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Isa } from '../binding.js';
import type { Algorithm } from './contenders/contender.js';
import { isaOf, isSlow } from './contenders/index.js';
import { askOnce, Entrant } from './entrants.js';
import { bytes, describe, flops, type Layer } from './layer.js';
import { type Participant, prepare, wrongOutputs } from './participants.js';
import { PythonEntrant } from './python.js';
import { attendance, rest } from './rest.js';
import { median, quantile, spread } from './statistics.js';
import { crop } from './verify.js';

export interface MatchPlan {
  readonly threads: number;
  readonly contenders: readonly string[];
  /** The instruction sets that must agree bit for bit, and whose FMA peak is measured. */
  readonly isas: readonly Isa[];
  readonly rounds: number;
  /** How long each contender runs in a round; one call at least. */
  readonly milliseconds: number;
  /** Slow contenders skip layers of more operations; null: none. */
  readonly slowFlops: number | null;
}

/** Processes that outlive a match. */
export interface Staff {
  /** They measure the FMA peak, one for each thread. */
  readonly meters: readonly Entrant[];
  /** Resolves when every processor is there. */
  readonly attended: (isa: Isa) => Promise<void>;
  /** The Python process of a contender. */
  python(contender: string): PythonEntrant;
  /** The program of such processes. */
  readonly interpreter: string;
  end(): void;
}

export function hire(threads: number, python: string): Staff {
  const meters = Array.from({ length: threads }, () => new Entrant());
  const pythons = new Map<string, PythonEntrant>();
  return {
    meters,
    attended: attendance((isa) => measurePeak(meters, isa, 0.002)),
    interpreter: python,
    python(contender) {
      const entrant = pythons.get(contender) ?? new PythonEntrant(python);
      pythons.set(contender, entrant);
      return entrant;
    },
    end() {
      for (const entrant of [...meters, ...pythons.values()]) entrant.end();
    },
  };
}

export interface Timing {
  readonly contender: string;
  /** Milliseconds a call: the median over rounds of each round's median. */
  readonly median: number;
  /** Half the distance between the quartiles of the rounds, as a share of the median. */
  readonly spread: number;
  readonly best: number;
  readonly rounds: readonly number[];
  readonly version: string;
  /** Of convkit's contenders. */
  readonly algorithm?: Algorithm;
  /** The most memory that a process held which did nothing else; of training steps. */
  readonly peakBytes?: number;
}

export interface MatchResult {
  readonly layer: string;
  readonly class: string;
  /** The file that the layer is from: the network, where the file holds one. */
  readonly set: string;
  /** How often the network runs it. */
  readonly times: number;
  readonly line: string;
  readonly like: string | null;
  readonly threads: number;
  readonly flops: number;
  readonly bytes: number;
  /** FLOP/s of all threads together, measured between this layer's rounds. */
  readonly peaks: Partial<Record<Isa, number>>;
  readonly timings: readonly Timing[];
  /** Why a contender did not take part. */
  readonly absent: Readonly<Record<string, string>>;
  /** The largest error against float64, as a share of the float32 bound; cropped on every backend, whole on each contender. */
  readonly worstError: number;
  /** What is wrong with the outputs; a layer with anything here is not timed. */
  readonly wrong: readonly string[];
}

/** A slow contender joins this many rounds only. */
const SLOW_ROUNDS = 3;

/** Plays one match. */
export async function play(layer: Layer, plan: MatchPlan, staff: Staff): Promise<MatchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-bench-'));
  const absent: Record<string, string> = {};
  const peaks: Partial<Record<Isa, number>> = {};
  const entry = { ...plan, folder, python: staff.python };
  let participants: Participant[] = [];
  let wrong: string[] = [];
  let worstError = 0;
  try {
    // Side by side, as nothing is timed yet
    const agreed = Promise.allSettled([askOnce('agree', { layer: crop(layer), isas: plan.isas })]);
    const entered = await Promise.allSettled(plan.contenders.map((name) => prepare(layer, name, entry)));
    participants = entered.flatMap((entrance) => (entrance.status === 'fulfilled' ? [entrance.value] : []));
    const [agreement] = (await agreed).map(settledValue);
    entered.forEach(settledValue);
    for (const { name, prepared } of participants)
      if (prepared.absent !== null) absent[name] = prepared.absent;
    participants = participants.filter(({ prepared }) => prepared.absent === null);
    worstError = Math.max(agreement.worst, ...participants.map(({ prepared }) => prepared.worst));
    wrong = [...disagreements(agreement.digests), ...wrongOutputs(layer, participants, folder)];
    if (wrong.length === 0) Object.assign(peaks, await playRounds(participants, plan, staff));
  } finally {
    for (const { entrants } of participants)
      for (const entrant of entrants) if (entrant instanceof Entrant) entrant.end();
    rmSync(folder, { recursive: true });
  }
  return {
    layer: layer.name,
    class: layer.class,
    set: layer.set,
    times: layer.times,
    line: describe(layer),
    like: layer.like,
    threads: plan.threads,
    flops: flops(layer),
    bytes: bytes(layer),
    peaks,
    timings: wrong.length > 0 ? [] : participants.map(timing),
    absent,
    worstError,
    wrong,
  };
}

function settledValue<T>(outcome: PromiseSettledResult<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** Backends whose bits differ from the reference's. */
function disagreements(digests: Record<string, string>): string[] {
  return Object.keys(digests)
    .filter((backend) => digests[backend] !== digests.reference)
    .map((backend) => `${backend} and the reference give different bits on a crop`);
}

/** Runs the rounds and gives the FMA peaks measured between them: the best, as it is held against layers' medians. */
export async function playRounds(
  participants: readonly Participant[],
  plan: MatchPlan,
  { meters, attended }: Staff,
): Promise<Partial<Record<Isa, number>>> {
  const used = new Set(participants.map(({ name }) => isaOf(name)));
  const measured = plan.isas.filter((isa) => used.has(isa) && isa !== 'scalar');
  const peaks = new Map<Isa, number[]>(measured.map((isa) => [isa, []]));
  const processes = [...meters, ...participants.flatMap(({ entrants }) => entrants)];
  const widest = plan.isas.at(-1);
  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < participants.length; turn++) {
      const participant = participants[(turn + round) % participants.length];
      if (isSlow(participant.name) && participant.rounds.length >= SLOW_ROUNDS) continue;
      await rest(processes);
      if (widest !== undefined) await attended(widest);
      participant.rounds.push(await playRound(participant, plan.milliseconds));
    }
    for (const isa of measured) {
      await rest(processes);
      const rates = await measurePeak(meters, isa, 0.004);
      peaks.get(isa)?.push(rates.reduce((sum, rate) => sum + rate, 0));
    }
  }
  return Object.fromEntries([...peaks].map(([isa, rates]) => [isa, Math.max(...rates)]));
}

/** The FMA peak of each meter, side by side. */
async function measurePeak(meters: readonly Entrant[], isa: Isa, seconds: number): Promise<number[]> {
  const replies = await Promise.all(meters.map((meter) => meter.ask('peak', { isa, seconds })));
  return replies.map(({ rate }) => rate);
}

/** Milliseconds a call; for processes side by side, of one call out of all they complete together. */
async function playRound({ entrants }: Participant, milliseconds: number): Promise<number> {
  const replies = await Promise.all(entrants.map((entrant) => entrant.ask('round', { milliseconds })));
  return 1 / replies.reduce((rate, { times }) => rate + 1 / median(times), 0);
}

export function timing({ name, prepared, rounds }: Participant): Timing {
  return {
    contender: name,
    median: median(rounds),
    spread: spread(rounds),
    best: quantile(rounds, 0),
    rounds,
    version: prepared.version,
    ...(prepared.algorithm === undefined ? {} : { algorithm: prepared.algorithm }),
  };
}
