// Puts a server under load and says what it did: images a second, how long they took, and how late the server's event loop
// was meanwhile, as the server itself measures it.
//   node examples/server/load.js --help

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const HELP = `node examples/server/load.js [options]

  --url <address>      a server that is running (default http://127.0.0.1:8080), or
  --server="<options>" one to start for each round, with these options; several take turns, round by round
  --rounds <n>         (default 3)
  --seconds <n>        of each round, after a second to warm up (default 10)
  --concurrency <n>    requests under way at a time (default 20)
  --image <file>       what is posted (default examples/images/grass.jpg)
  --path <path>        where to (default /classify)
  --help
`;

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    server: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '10' },
    concurrency: { type: 'string', default: '20' },
    image: { type: 'string', default: join(import.meta.dirname, '..', 'images', 'grass.jpg') },
    path: { type: 'string', default: '/classify' },
    help: { type: 'boolean', default: false },
  },
});
const [rounds, seconds, concurrency] = ['rounds', 'seconds', 'concurrency'].map((name) =>
  Number(values[name]),
);

/** One request: its status and what came back. */
function call(agent, url, method, body) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent, method }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }),
      );
    });
    sent.on('error', reject).end(body);
  });
}

/** Posts the image over and over for so many seconds; the milliseconds of each answer, and how many were refused. */
async function post(agent, url, image, time) {
  const answered = [];
  let refused = 0;
  const until = performance.now() + 1000 * time;
  const client = async () => {
    while (performance.now() < until) {
      const began = performance.now();
      const { status, text } = await call(agent, url, 'POST', image);
      if (status === 200) answered.push(performance.now() - began);
      else if (status === 503) {
        refused++;
        await new Promise((done) => setTimeout(done, 20));
      } else throw new Error(`${url} answered ${status}: ${text}`);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: concurrency }, client));
  return { answered, refused, rate: (1000 * answered.length) / (performance.now() - began) };
}

async function measure(base, image) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency + 1 });
  const url = new URL(values.path, base);
  await post(agent, url, image, 1);
  await call(agent, new URL('/health/reset', base), 'POST');
  const { answered, refused, rate } = await post(agent, url, image, seconds);
  const health = JSON.parse((await call(agent, new URL('/health', base), 'GET')).text);
  agent.destroy();
  answered.sort((a, b) => a - b);
  const at = (part) => answered[Math.min(answered.length - 1, Math.floor(part * answered.length))];
  return { rate, refused, p50: at(0.5), p99: at(0.99), delay: health.eventLoopDelay, engine: health.engine };
}

/** Starts a server of this folder, and gives its address and a way to stop it. */
async function start(options) {
  const args = [join(import.meta.dirname, 'index.js'), '--port', '0', ...(options.match(/\S+/g) ?? [])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.once('exit', done));
  for await (const line of createInterface({ input: child.stdout })) {
    const [, base] = /^listening on (\S+)/.exec(line) ?? [];
    if (base === undefined) continue;
    const stop = () => {
      child.kill('SIGTERM');
      return ended;
    };
    return { base, stop };
  }
  throw new Error(`the server with ${options} did not start`);
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function main() {
  if (values.help) return void process.stdout.write(HELP);
  const image = readFileSync(values.image);
  const results = new Map();
  const servers = values.server.length > 0 ? values.server : [null];
  for (let round = 0; round < rounds; round++) {
    for (const options of servers) {
      const { base, stop } = options === null ? { base: values.url, stop() {} } : await start(options);
      const result = await measure(base, image).finally(stop);
      results.set(options, [...(results.get(options) ?? []), result]);
    }
  }

  console.log(`${concurrency} requests at a time, ${seconds} s a round, medians of ${rounds} rounds`);
  console.log('| engine | images/s | latency p50 | p99 | event loop late by p50 | p99 | at most | refused |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const all of results.values()) {
    const of = (pick, digits) => median(all.map(pick)).toFixed(digits);
    const cells = [
      of(({ rate }) => rate, 1),
      ...[({ p50 }) => p50, ({ p99 }) => p99].map((pick) => `${of(pick, 0)} ms`),
      ...['p50', 'p99', 'max'].map((name) => `${of(({ delay }) => delay[name], 2)} ms`),
      of(({ refused }) => refused, 0),
    ];
    console.log(`| ${[all[0].engine, ...cells].join(' | ')} |`);
  }
}

await main();
