// What the runner and the process of one contender for one network say to each other.

import type { NetworkFiles, NetworkSpec } from './networks.js';

export interface NetworkOrders {
  /** Load the network and run it once; the whole output goes to `outputFile`. */
  open: {
    request: {
      contender: string;
      spec: NetworkSpec;
      files: NetworkFiles;
      batch: number;
      threads: number;
      outputFile: string;
    };
    reply: Opened;
  };
  /** Run for some milliseconds, one call at least; gives each call's milliseconds. */
  round: { request: { milliseconds: number }; reply: { times: number[] } };
  /** The most memory this process has held, in bytes. */
  memory: { request: Record<string, never>; reply: { peak: number } };
}

export interface Opened {
  /** null where the contender takes part; else why it cannot. */
  readonly absent: string | null;
  /** Milliseconds from the first import to the first output. */
  readonly first: number;
  readonly version: string;
  /** What has to be computed and moved, step by step; of convkit's contenders. */
  readonly work: readonly Work[];
}

/** One step's multiply-accumulates, what its algorithm divides them by, and the bytes it has to move. */
export interface Work {
  readonly macs: number;
  readonly saving: number;
  readonly bytes: number;
}
