// One layer, all contenders: verified first, then timed round by round in turns, so that a disturbance of the
// machine, slow drift of its clock included, falls on all of them.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Isa } from '../binding.js';
import { BASELINE, environmentOf, isaOf, isJavaScript, isSlow } from './contenders/index.js';
import { askOnce, Entrant } from './entrants.js';
import { bytes, describe, flops, type Layer } from './layer.js';
import type { Prepared } from './protocol.js';
import { median, quantile, spread } from './statistics.js';
import { compareOutputs, crop } from './verify.js';

export interface MatchPlan {
  readonly threads: number;
  readonly contenders: readonly string[];
  /** The instruction sets that must agree bit for bit, and whose FMA peak is measured. */
  readonly isas: readonly Isa[];
  readonly rounds: number;
  /** How long each contender runs in a round; one call at least. */
  readonly milliseconds: number;
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
}

export interface MatchResult {
  readonly layer: string;
  readonly class: string;
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

/** `NAME:side-by-side` is that contender on one thread in as many processes at once as others have threads. */
const SIDE_BY_SIDE = ':side-by-side';

/** A slow contender joins this many rounds only. */
const SLOW_ROUNDS = 3;

/** Slow contenders skip layers above this. */
const SLOW_FLOPS = 0.13e9;

/** Workers of a thread pool spin for a while after their work; the next contender waits until they sleep. */
const REST_MILLISECONDS = { alone: 2, threaded: 40 };

interface Participant {
  readonly name: string;
  readonly entrants: readonly Entrant[];
  readonly prepared: Prepared;
  readonly rounds: number[];
}

/** Plays one match; `meters` are processes that measure the FMA peak, one for each thread. */
export async function play(layer: Layer, plan: MatchPlan, meters: readonly Entrant[]): Promise<MatchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-bench-'));
  const absent: Record<string, string> = {};
  const participants: Participant[] = [];
  const peaks: Partial<Record<Isa, number>> = {};
  let wrong: string[] = [];
  let worstError = 0;
  try {
    const agreement = await askOnce('agree', { layer: crop(layer), isas: plan.isas });
    wrong = disagreements(agreement.digests);
    worstError = agreement.worst;
    for (const name of plan.contenders) {
      const participant = await prepare(layer, name, plan.threads, folder);
      if (participant.prepared.absent !== null) absent[name] = participant.prepared.absent;
      else participants.push(participant);
      worstError = Math.max(worstError, participant.prepared.worst);
    }
    wrong.push(...wrongOutputs(layer, participants, folder));
    if (wrong.length === 0) Object.assign(peaks, await playRounds(participants, plan, meters));
  } finally {
    for (const { entrants } of participants) for (const entrant of entrants) entrant.end();
    rmSync(folder, { recursive: true });
  }
  return {
    layer: layer.name,
    class: layer.class,
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

async function prepare(layer: Layer, name: string, threads: number, folder: string): Promise<Participant> {
  const excuse = excuseOf(layer, name, threads);
  const nobody: Prepared = { absent: excuse, version: '', digest: '', worst: 0, magnitude: 0, first: 0 };
  if (excuse !== null) return { name, entrants: [], prepared: nobody, rounds: [] };
  const sideBySide = name.endsWith(SIDE_BY_SIDE);
  const contender = sideBySide ? name.slice(0, -SIDE_BY_SIDE.length) : name;
  const entrants = Array.from({ length: sideBySide ? threads : 1 }, () => new Entrant(environmentOf(name)));
  let prepared = nobody;
  for (const entrant of entrants)
    prepared = await entrant.ask('prepare', {
      layer,
      contender,
      threads: sideBySide ? 1 : threads,
      outputFile: outputFile(folder, name),
    });
  if (prepared.absent !== null) for (const entrant of entrants) entrant.end();
  return { name, entrants, prepared, rounds: [] };
}

function excuseOf(layer: Layer, name: string, threads: number): string | null {
  if (isSlow(name) && flops(layer) > SLOW_FLOPS) return 'too slow for a layer of this size';
  if (isJavaScript(name) && layer.class !== 'typescript' && name !== 'convkit:reference')
    return 'only on layers of class typescript';
  if (isJavaScript(name) && threads > 1) return 'runs on one thread whatever it is given';
  return null;
}

const outputFile = (folder: string, name: string): string => join(folder, name.replaceAll(':', '-'));

/** Backends whose bits differ from the reference's. */
function disagreements(digests: Record<string, string>): string[] {
  return Object.keys(digests)
    .filter((backend) => digests[backend] !== digests.reference)
    .map((backend) => `${backend} and the reference give different bits on a crop`);
}

function wrongOutputs(layer: Layer, participants: readonly Participant[], folder: string): string[] {
  const wrong: string[] = [];
  const read = ({ name }: Participant): Float32Array => {
    const raw = readFileSync(outputFile(folder, name));
    return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  };
  for (const { name, prepared } of participants)
    if (!(prepared.worst <= 1)) wrong.push(`${name} errs by ${prepared.worst.toFixed(1)} times the bound`);
  // Winograd's bits are its own: to be near, like a peer's
  const isOurs = ({ name }: Participant) => name.startsWith('convkit:') && !name.endsWith(':winograd');
  const ours = participants.filter(isOurs);
  for (const { name, prepared } of ours)
    if (prepared.digest !== ours[0].prepared.digest)
      wrong.push(`${name} and ${ours[0].name} give different bits`);
  if (ours.length > 0)
    for (const other of participants.filter((participant) => !isOurs(participant))) {
      const difference = compareOutputs(layer, read(ours[0]), read(other), other.prepared.magnitude);
      if (!(difference <= 1))
        wrong.push(`${ours[0].name} and ${other.name} differ by ${difference.toFixed(1)} times the bound`);
    }
  return wrong;
}

/** Runs the rounds and gives the FMA peaks measured between them: the best, as it is held against layers' medians. */
async function playRounds(
  participants: readonly Participant[],
  plan: MatchPlan,
  meters: readonly Entrant[],
): Promise<Partial<Record<Isa, number>>> {
  const rest = plan.threads === 1 ? REST_MILLISECONDS.alone : REST_MILLISECONDS.threaded;
  const used = new Set(participants.map(({ name }) => isaOf(name)));
  const measured = plan.isas.filter((isa) => used.has(isa) && isa !== 'scalar');
  const peaks = new Map<Isa, number[]>(measured.map((isa) => [isa, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (let turn = 0; turn < participants.length; turn++) {
      const participant = participants[(turn + round) % participants.length];
      if (isSlow(participant.name) && participant.rounds.length >= SLOW_ROUNDS) continue;
      await sleep(rest);
      participant.rounds.push(await playRound(participant.entrants, plan.milliseconds));
    }
    for (const isa of measured) {
      await sleep(rest);
      const rates = await Promise.all(meters.map((meter) => meter.ask('peak', { isa, seconds: 0.004 })));
      peaks.get(isa)?.push(rates.reduce((sum, { rate }) => sum + rate, 0));
    }
  }
  return Object.fromEntries([...peaks].map(([isa, rates]) => [isa, Math.max(...rates)]));
}

/** Milliseconds a call; for processes side by side, of one call out of all they complete together. */
async function playRound(entrants: readonly Entrant[], milliseconds: number): Promise<number> {
  const replies = await Promise.all(entrants.map((entrant) => entrant.ask('round', { milliseconds })));
  return 1 / replies.reduce((rate, { times }) => rate + 1 / median(times), 0);
}

function timing({ name, prepared, rounds }: Participant): Timing {
  return {
    contender: name,
    median: median(rounds),
    spread: spread(rounds),
    best: quantile(rounds, 0),
    rounds,
    version: prepared.version,
  };
}

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** The default contenders on these instruction sets, slowest first. */
export function usualContenders(isas: readonly Isa[], threads: number): string[] {
  const best = isas.at(-1);
  return [
    BASELINE,
    `${BASELINE}:kept`,
    ...(best === undefined ? [] : [`convkit:${best}`, `convkit:${best}:nchw`]),
    ...(best === undefined || threads === 1 ? [] : [`convkit:${best}${SIDE_BY_SIDE}`]),
    ...isas.filter((isa) => isa !== best).map((isa) => `convkit:${isa}`),
    'convkit:reference',
    'plain',
    'tfjs',
  ];
}
