// One network at one batch and number of threads, all contenders: outputs compared first, then timed in turns; each in a
// process of its own, whose memory and first result are measured too.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BASELINE } from '../contenders/index.js';
import { Worker } from '../entrants.js';
import type { Staff } from '../match.js';
import { rest } from '../rest.js';
import { median, spread } from '../statistics.js';
import { distance, readOutput } from './contenders.js';
import { filesOf, type NetworkSpec } from './networks.js';
import type { NetworkOrders, Opened } from './protocol.js';

/** Outputs may lie this far apart, as a share of the largest: sums in other orders, through a hundred layers. */
const TOLERANCE = 1e-3;

export interface NetworkPlan {
  readonly contenders: readonly string[];
  readonly threads: number;
  readonly batch: number;
  readonly rounds: number;
  readonly milliseconds: number;
  /** Fresh processes that load the network, for each contender. */
  readonly loads: number;
}

export interface NetworkTiming {
  readonly contender: string;
  readonly version: string;
  /** Milliseconds a batch: the median over the rounds' medians, and half the distance between their quartiles. */
  readonly median: number;
  readonly spread: number;
  /** Milliseconds from the first import to the first output, the median over fresh processes. */
  readonly first: number;
  /** Bytes of the process at its largest. */
  readonly peak: number;
}

export interface NetworkResult {
  readonly network: string;
  readonly batch: number;
  readonly threads: number;
  readonly target: number;
  readonly timings: readonly NetworkTiming[];
  readonly absent: Readonly<Record<string, string>>;
  /** What is wrong with the outputs; nothing is timed then. */
  readonly wrong: readonly string[];
  /** The fewest milliseconds that its steps take at the peak and the bandwidth measured between the rounds. */
  readonly attainable: number;
}

interface Player {
  readonly name: string;
  readonly worker: Worker<NetworkOrders>;
  readonly opened: Opened;
  readonly firsts: number[];
  readonly rounds: number[];
}

export async function playNetwork(
  spec: NetworkSpec,
  plan: NetworkPlan,
  { meters, attended }: Staff,
): Promise<NetworkResult> {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-networks-'));
  const outputFile = (name: string): string => join(folder, name.replaceAll(':', '-'));
  const players: Player[] = [];
  const absent: Record<string, string> = {};
  const wrong: string[] = [];
  const open = async (name: string): Promise<{ worker: Worker<NetworkOrders>; opened: Opened }> => {
    const worker = new Worker<NetworkOrders>('./networks/process.js');
    const { batch, threads } = plan;
    const request = { contender: name, spec, files: filesOf(spec), batch, threads };
    try {
      return { worker, opened: await worker.ask('open', { ...request, outputFile: outputFile(name) }) };
    } catch (error) {
      worker.end();
      throw error;
    }
  };
  try {
    // One after the other, in turns: loading is timed
    for (let load = 0; load < plan.loads; load++) {
      for (const name of plan.contenders) {
        if (name in absent) continue;
        const { worker, opened } = await open(name);
        const player = players.find((other) => other.name === name);
        player?.firsts.push(opened.first);
        if (opened.absent !== null) absent[name] = opened.absent;
        if (player !== undefined || opened.absent !== null) worker.end();
        else players.push({ name, worker, opened, firsts: [opened.first], rounds: [] });
      }
    }
    const [first, ...others] = players;
    for (const { name } of others) {
      const apart = distance(readOutput(outputFile(first.name)), readOutput(outputFile(name)));
      if (!(apart <= TOLERANCE)) wrong.push(`${first.name} and ${name} differ by ${apart.toExponential(1)}`);
    }
    const peaks: number[] = [];
    const bandwidths: number[] = [];
    const both = async (ask: (meter: Staff['meters'][number]) => Promise<{ rate: number }>) =>
      (await Promise.all(meters.map(ask))).reduce((sum, { rate }) => sum + rate, 0);
    const { isa } = await meters[0].ask('report', {});
    const processes = [...meters, ...players.map(({ worker }) => worker)];
    for (let round = 0; round < (wrong.length > 0 ? 0 : plan.rounds); round++) {
      for (let turn = 0; turn < players.length; turn++) {
        const { worker, rounds } = players[(turn + round) % players.length];
        await rest(processes);
        if (isa !== null) await attended(isa);
        const { times } = await worker.ask('round', { milliseconds: plan.milliseconds });
        rounds.push(median(times));
      }
      await rest(processes);
      if (isa !== null) peaks.push(await both((meter) => meter.ask('peak', { isa, seconds: 0.01 })));
      bandwidths.push(await both((meter) => meter.ask('bandwidth', { bytes: 2 ** 27, seconds: 0.05 })));
    }
    const timings: NetworkTiming[] = [];
    for (const { name, worker, opened, firsts, rounds } of players) {
      const { peak } = await worker.ask('memory', {});
      const timing = { contender: name, version: opened.version, first: median(firsts), peak };
      timings.push({ ...timing, median: median(rounds), spread: spread(rounds) });
    }
    const work = players.flatMap(({ opened }) => (opened.work.length > 0 ? [opened.work] : []))[0] ?? [];
    const [peak, bandwidth] = [Math.max(...peaks), Math.max(...bandwidths)];
    const attainable = work.reduce(
      (sum, { macs, saving, bytes }) => sum + 1e3 * Math.max((2 * macs) / saving / peak, bytes / bandwidth),
      0,
    );
    const { batch, threads } = plan;
    const result = { network: spec.name, batch, threads, target: spec.target, absent, wrong, attainable };
    return { ...result, timings: wrong.length > 0 ? [] : timings };
  } finally {
    for (const { worker } of players) worker.end();
    rmSync(folder, { recursive: true });
  }
}

export const USUAL: readonly string[] = [BASELINE, 'convkit'];
