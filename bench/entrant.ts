// The program of one contender's process: it obeys the runner's orders one by one, and dies with it.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Absent, type Contender } from './contenders/contender.js';
import { convkitContender } from './contenders/convkit.js';
import { makeContender } from './contenders/index.js';
import { makeData } from './data.js';
import { loadLibrary } from './library.js';
import type { Answer, EngineReport, Order, Orders, Prepared } from './protocol.js';
import { checkSamples } from './verify.js';

const WARM_UP_MILLISECONDS = 60;

let contender: Contender | null = null;

async function prepare(request: Orders['prepare']['request']): Promise<Prepared> {
  const { layer, threads, outputFile } = request;
  const data = makeData(layer);
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
  await round(WARM_UP_MILLISECONDS);
  return { absent: null, version: contender.version, digest, ...check, algorithm: contender.algorithm };
}

async function round(milliseconds: number): Promise<number[]> {
  if (contender === null) throw new Error('no contender is prepared');
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  let now = performance.now();
  do {
    const start = now;
    const pending = contender.run();
    if (pending !== undefined) await pending;
    now = performance.now();
    times.push(now - start);
  } while (now < end);
  return times;
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

async function obey(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'prepare':
      return prepare(order.request);
    case 'round':
      return { times: await round(order.request.milliseconds) };
    case 'peak': {
      const { engine } = await loadLibrary();
      engine.use('native', { isa: order.request.isa });
      return { rate: engine.active().measurePeak(order.request.seconds) };
    }
    case 'bandwidth': {
      const { engine } = await loadLibrary();
      return { rate: engine.active().measureBandwidth(order.request.bytes, order.request.seconds) };
    }
    case 'agree':
      return agree(order.request);
    case 'report':
      return report();
  }
}

process.on('message', (order: Order) => {
  const send = (answer: Answer): void => {
    process.send?.(answer);
  };
  obey(order).then(
    (reply) => send({ ok: true, reply }),
    (error: unknown) =>
      send({ ok: false, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit());
