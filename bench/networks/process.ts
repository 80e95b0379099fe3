// The program of one contender's process for one network, one batch and one number of threads.

import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Absent } from '../contenders/contender.js';
import { obeyOrders, peakBytes, timeCalls } from '../obey.js';
import { imagesOf, makeNetwork, type NetworkContender } from './contenders.js';
import type { NetworkOrders, Opened } from './protocol.js';

const WARM_UP_MILLISECONDS = 200;

let contender: NetworkContender | null = null;

async function open(request: NetworkOrders['open']['request']): Promise<Opened> {
  const x = imagesOf(request);
  const begin = performance.now();
  try {
    contender = await makeNetwork({ ...request, x });
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    return { absent: error.message, first: 0, version: '', work: [] };
  }
  const y = await contender.run();
  const first = performance.now() - begin;
  writeFileSync(request.outputFile, new Uint8Array(y.buffer, y.byteOffset, y.byteLength));
  return { absent: null, first, version: contender.version, work: contender.work() };
}

const run = (): Promise<unknown> => {
  if (contender === null) throw new Error('no network is open');
  return contender.run();
};

let warm = false;

obeyOrders<NetworkOrders>({
  open,
  async round({ milliseconds }) {
    if (!warm) await timeCalls(run, WARM_UP_MILLISECONDS);
    warm = true;
    return { times: await timeCalls(run, milliseconds) };
  },
  async memory() {
    return { peak: peakBytes() };
  },
});
