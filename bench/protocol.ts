// What the runner and the processes of the contenders say to each other.

import type { Isa } from '../binding.js';
import type { Algorithm } from './contenders/contender.js';
import type { Layer } from './layer.js';
import type { Part, Subject } from './training/subjects.js';

export interface Orders {
  /** Load the layer, run it, check a sample of its output, warm up. The whole output goes to `outputFile`. */
  prepare: {
    request: { layer: Layer; contender: string; threads: number; outputFile: string };
    reply: Prepared;
  };
  /** Load a network or layer to train; with an `outputFile` its first results go there, and it warms up. */
  prepareTraining: {
    request: { subject: Subject; contender: string; threads: number; outputFile: string | null };
    reply: { version: string; parts: readonly Part[] };
  };
  /** The most memory that this process has held, after some calls. */
  peakMemory: { request: { calls: number }; reply: { bytes: number } };
  /** Run for some milliseconds, one call at least; gives each call's milliseconds. */
  round: { request: { milliseconds: number }; reply: { times: number[] } };
  /** FMA peak of one thread, FLOP/s, on the instruction set of the contender or on `isa`. */
  peak: { request: { isa: Isa; seconds: number }; reply: { rate: number } };
  /** Read bandwidth of one thread, bytes/s. */
  bandwidth: { request: { bytes: number; seconds: number }; reply: { rate: number } };
  /** Compute a cropped layer on the reference and on each instruction set: one digest of the output bits each. */
  agree: {
    request: { layer: Layer; isas: readonly Isa[] };
    reply: { digests: Record<string, string>; worst: number };
  };
  /** What backend and machine this process sees. */
  report: { request: Record<string, never>; reply: EngineReport };
}

export interface Prepared {
  /** null where the contender takes part; else why it cannot. */
  readonly absent: string | null;
  readonly version: string;
  /** SHA-256 of the output's bits, channels-first. */
  readonly digest: string;
  readonly worst: number;
  readonly magnitude: number;
  /** Of convkit's contenders. */
  readonly algorithm?: Algorithm;
}

export interface EngineReport {
  readonly name: string;
  readonly isa: Isa | null;
  readonly binary: string | null;
  readonly reason: string | null;
  readonly numerics: number;
  readonly supported: readonly Isa[];
  readonly brand: string;
  readonly features: readonly string[];
}

/** What is ordered and answered, by kind. */
export type AnyOrders<O> = { readonly [K in keyof O]: { request: unknown; reply: unknown } };

export type Answer = { ok: true; reply: unknown } | { ok: false; error: string };
