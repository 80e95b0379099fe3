// The program of one contender's process for layers, or for training.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Absent, type Contender } from './contenders/contender.js';
import { convkitContender } from './contenders/convkit.js';
import { isaOf, makeContender } from './contenders/index.js';
import { makeData } from './data.js';
import { loadLibrary } from './library.js';
import { obeyOrders, peakBytes, timeCalls } from './obey.js';
import type { EngineReport, Orders, Prepared } from './protocol.js';
import { convkitTrainee } from './training/convkit.js';
import { checkSamples } from './verify.js';

const WARM_UP_MILLISECONDS = 60;

/** What a round runs, over and over. */
let prepared: (() => void | Promise<void>) | null = null;

async function prepare(request: Orders['prepare']['request']): Promise<Prepared> {
  const { layer, threads, outputFile } = request;
  const data = makeData(layer);
  let contender: Contender;
  try {
    contender = await makeContender(request.contender, { layer, data, threads });
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    return { absent: error.message, version: '', digest: '', worst: 0, magnitude: 0 };
  }
  const y = await contender.output();
  const check = checkSamples(layer, data, y);
  const raw = new Uint8Array(y.buffer, y.byteOffset, y.byteLength);
  writeFileSync(outputFile, raw);
  const digest = createHash('sha256').update(raw).digest('hex');
  prepared = () => contender.run();
  await round(WARM_UP_MILLISECONDS);
  return { absent: null, version: contender.version, digest, ...check, algorithm: contender.algorithm };
}

async function round(milliseconds: number): Promise<number[]> {
  const call = prepared;
  if (call === null) throw new Error('no contender is prepared');
  return timeCalls(call, milliseconds);
}

async function prepareTraining(
  request: Orders['prepareTraining']['request'],
): Promise<Orders['prepareTraining']['reply']> {
  const { subject, threads, outputFile } = request;
  const trainee = await convkitTrainee(subject, isaOf(request.contender) ?? 'reference', threads);
  prepared = trainee.run;
  if (outputFile === null) return { version: trainee.version, parts: [] };
  const outcome = trainee.outcome();
  writeFileSync(outputFile, Buffer.concat(outcome.map(([, { buffer }]) => new Uint8Array(buffer))));
  await round(WARM_UP_MILLISECONDS);
  const parts = outcome.map(([name, { length }]) => ({ name, length }));
  return { version: trainee.version, parts };
}

async function agree({ layer, isas }: Orders['agree']['request']): Promise<Orders['agree']['reply']> {
  const data = makeData(layer);
  const digests: Record<string, string> = {};
  let worst = 0;
  for (const backend of ['reference', ...isas] as const) {
    const made = await convkitContender(
      { layer, data, threads: 1 },
      { backend, layout: 'channelsLast', algorithm: 'auto' },
    );
    const y = await made.output();
    worst = Math.max(worst, checkSamples(layer, data, y).worst);
    digests[backend] = createHash('sha256')
      .update(new Uint8Array(y.buffer, y.byteOffset, y.byteLength))
      .digest('hex');
  }
  return { digests, worst };
}

async function report(): Promise<EngineReport> {
  const { engine } = await loadLibrary();
  const info = engine.info();
  const cpu = engine.active().cpu();
  return {
    name: info.name,
    isa: info.isa,
    binary: info.binary === null ? null : relative(process.cwd(), info.binary),
    reason: info.reason,
    numerics: info.numerics,
    supported: info.name === 'native' ? cpu.supported : [],
    brand: cpu.brand,
    features: cpu.features,
  };
}

obeyOrders<Orders>({
  prepare,
  async round({ milliseconds }) {
    return { times: await round(milliseconds) };
  },
  prepareTraining,
  async peakMemory({ calls }) {
    for (let call = 0; call < calls; call++) await prepared?.();
    return { bytes: peakBytes() };
  },
  async peak({ isa, seconds }) {
    const { engine } = await loadLibrary();
    engine.use('native', { isa });
    return { rate: engine.active().measurePeak(seconds) };
  },
  async bandwidth({ bytes, seconds }) {
    const { engine } = await loadLibrary();
    return { rate: engine.active().measureBandwidth(bytes, seconds) };
  },
  agree,
  report,
});
