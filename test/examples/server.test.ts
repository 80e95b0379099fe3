// examples/server as a client sees it: answers, refusals, garbage of every kind, too much at once, clients that go away, an
// orderly end, and the load test that comes with it.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../support/random.js';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const script = join(examples, 'server', 'index.js');
const network = join(import.meta.dirname, 'tiny-network.mjs');
const image = readFileSync(join(examples, 'images', 'grass.jpg'));
const folder = mkdtempSync(join(tmpdir(), 'convkit-server-'));
const labels = join(folder, 'labels.txt');
writeFileSync(labels, 'grass\nsea\nsky\n');
afterAll(() => rmSync(folder, { recursive: true }));

interface Server {
  readonly child: ChildProcess;
  readonly base: string;
  readonly port: number;
  errors(): string;
}

const running: ChildProcess[] = [];
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

async function start(...more: string[]): Promise<Server> {
  const args = [script, '--network', network, '--size', '32', '--labels', labels, '--port', '0', ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.push(child);
  let errors = '';
  child.stderr.on('data', (bytes) => {
    errors += bytes;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const [, base, port] = /^listening on (http:\/\/127\.0\.0\.1:(\d+)) \(convkit, /.exec(line) ?? [];
    if (base !== undefined) return { child, base, port: Number(port), errors: () => errors };
  }
  throw new Error(`the server did not start: ${errors}`);
}

async function stop({ child }: Server): Promise<number | null> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code]: unknown[] = await ended;
  return typeof code === 'number' ? code : null;
}

type Body = Buffer | Uint8Array | string;
const post = (server: Server, path: string, body: Body, headers: Record<string, string> = {}) =>
  fetch(server.base + path, { method: 'POST', body: Buffer.from(body), headers });

interface Health {
  status: string;
  features: string | null;
  working: number;
  requests: Record<'answered' | 'refused' | 'faulty' | 'gone' | 'failed', number>;
  eventLoopDelay: Record<'p50' | 'p90' | 'p99' | 'max', number>;
}

async function health(server: Server): Promise<Health> {
  const response = await fetch(`${server.base}/health`);
  expect(response.status).toBe(200);
  return (await response.json()) as Health;
}

/** Until the server says so: what a client does and what the server notices of it are not simultaneous. */
async function until(server: Server, condition: (now: Health) => boolean): Promise<Health> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const now = await health(server);
    if (condition(now)) return now;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`the server never got there: ${JSON.stringify(await health(server))}`);
}

describe('one server', { timeout: 60_000 }, () => {
  let server: Server;
  beforeAll(async () => {
    server = await start('--max-bytes', '200000', '--max-pixels', '1000000');
  });
  afterEach(async () => {
    const now = await until(server, ({ working }) => working === 0);
    expect([now.status, now.requests.failed, server.errors()]).toEqual(['ok', 0, '']);
  });

  test('classifies: the most probable classes, by name', async () => {
    const response = await post(server, '/classify', image);
    expect(response.status).toBe(200);
    const { top } = (await response.json()) as {
      top: { class: number; label: string; probability: number }[];
    };
    expect(top.map((one) => one.class).sort()).toEqual([0, 1, 2]);
    for (const one of top) expect(one.label).toBe(['grass', 'sea', 'sky'][one.class]);
    const probabilities = top.map(({ probability }) => probability);
    expect(probabilities).toEqual(probabilities.toSorted((a, b) => b - a));
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    const first = await (await post(server, '/classify?top=1', image)).json();
    expect(first).toEqual({ top: top.slice(0, 1) });
  });

  test('gives features, as JSON or as bytes, the same for the same image', async () => {
    const json = (await (await post(server, '/features', image)).json()) as {
      shape: number[];
      features: number[];
    };
    expect([json.shape, json.features.length]).toEqual([[4, 1, 1], 4]);
    const raw = await post(server, '/features', image, { accept: 'application/octet-stream' });
    expect(raw.headers.get('content-type')).toBe('application/octet-stream');
    expect([...new Float32Array(await raw.arrayBuffer())]).toEqual(json.features);
    const other = readFileSync(join(examples, 'images', 'bricks.png'));
    expect(await (await post(server, '/features', other)).json()).not.toEqual(json);
  });

  test('says how it is', async () => {
    await (await fetch(`${server.base}/health/reset`, { method: 'POST' })).arrayBuffer();
    await (await post(server, '/classify', image)).arrayBuffer();
    const { features, requests, eventLoopDelay } = await health(server);
    expect([features, requests.answered]).toEqual(['avgpool', 1]);
    expect(eventLoopDelay.p50).toBeGreaterThanOrEqual(0);
    expect(eventLoopDelay.max).toBeGreaterThanOrEqual(eventLoopDelay.p99);
  });

  const withSize = (width: number, height: number): Buffer => {
    const copy = Buffer.from(readFileSync(join(examples, 'images', 'bricks.png')));
    copy.writeUInt32BE(width, 16);
    copy.writeUInt32BE(height, 20);
    return copy;
  };

  test.each<[string, string, Body, number, RegExp, Record<string, string>?]>([
    ['no body', '/classify', '', 400, /the body is empty/],
    ['words', '/classify', 'no image', 422, /^the body is no image that can be read: it contains/],
    ['half an image', '/classify', image.subarray(0, image.length / 2), 422, /no image that can be read/],
    ['a header that lies', '/features', withSize(60_000, 60_000), 422, /no image that can be read/],
    ['too much', '/classify', Buffer.alloc(200_001), 413, /200000 bytes at most/],
    [
      'a form',
      '/classify',
      image,
      415,
      /the image itself/,
      { 'content-type': 'multipart/form-data; boundary=x' },
    ],
    ['a wrong number', '/classify?top=-1', image, 400, /top must be a whole number from 1 up, not '-1'/],
    ['another place', '/constructor', image, 404, /there is no \/constructor; there are \/health/],
    ['another method', '/health', image, 405, /takes GET, not POST/],
  ])('refuses %s', async (_, path, body, status, sentence, headers) => {
    const response = await post(server, path, body, headers);
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: string }).error).toMatch(sentence);
    if (status === 405) expect(response.headers.get('allow')).toBe('GET');
  });

  test('refuses a body without an end once it is too long', async () => {
    const sent = request(`${server.base}/classify`, { method: 'POST' });
    sent.on('error', () => {});
    const answer = once(sent, 'response');
    const timer = setInterval(() => sent.write(Buffer.alloc(50_000)), 5);
    const [response] = await answer;
    clearInterval(timer);
    expect([response.statusCode, response.headers.connection]).toEqual([413, 'close']);
    response.resume();
    sent.destroy();
  });

  test('survives garbage: noise, spoiled images, what is no HTTP at all', async () => {
    const random = new Random(4);
    const bodies = Array.from({ length: 60 }, (_, i) => {
      const noise = Buffer.from(
        Array.from({ length: random.between(1, 3000) }, () => random.between(0, 255)),
      );
      if (i % 3 === 0) return noise;
      const spoiled = Buffer.from(image);
      noise.copy(spoiled, random.between(i % 2 === 0 ? 2 : 0, spoiled.length));
      return spoiled.subarray(0, random.between(spoiled.length >> 1, spoiled.length));
    });
    const statuses = await Promise.all(
      bodies.map(async (body) => {
        const response = await post(server, '/classify', body);
        await response.arrayBuffer();
        return response.status;
      }),
    );
    expect(statuses.filter((status) => ![200, 422, 503].includes(status))).toEqual([]);
    expect(statuses.filter((status) => status === 422).length).toBeGreaterThan(20);
    for (const text of [
      '\0\0\0\0\r\n\r\n',
      'GET\r\n\r\n',
      'POST /classify HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n',
      'POST /classify HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n',
      'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n',
      `GET /${'a'.repeat(30_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
    ]) {
      const socket = connect(server.port, '127.0.0.1').on('error', () => {});
      socket.write(text);
      const [answer]: unknown[] = await once(socket, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1\.1 4\d\d /);
      socket.destroy();
    }
    expect((await post(server, '/classify', image)).status).toBe(200);
  });

  test('lets go of clients that went away: amid their image, and before its answer', async () => {
    const before = (await health(server)).requests.gone;
    const slow = request(`${server.base}/classify`, {
      method: 'POST',
      headers: { 'content-length': '5000' },
    });
    slow.on('error', () => {});
    slow.write(image.subarray(0, 1000));
    await until(server, ({ working }) => working === 1);
    slow.destroy();
    await until(server, ({ working, requests }) => working === 0 && requests.gone === before + 1);
    for (let i = 0; i < 10; i++) {
      const hasty = request(`${server.base}/classify`, { method: 'POST' }).on('error', () => {});
      hasty.end(image, () => setTimeout(() => hasty.destroy(), i / 2));
    }
    await until(server, ({ working }) => working === 0);
  });
});

describe('at its limits', { timeout: 60_000 }, () => {
  test('refuses what would have to wait too long, and says when to come again', async () => {
    const server = await start('--queue', '0');
    const responses = await Promise.all(Array.from({ length: 30 }, () => post(server, '/classify', image)));
    const statuses = new Set(responses.map(({ status }) => status));
    expect(statuses).toEqual(new Set([200, 503]));
    for (const { status, headers } of responses) {
      if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    expect((await post(server, '/classify', image)).status).toBe(200);
    const { requests } = await health(server);
    expect([requests.answered + requests.refused, requests.failed]).toEqual([31, 0]);
    expect(await stop(server)).toBe(0);
  });

  test('answers what is under way when it is told to stop, and nothing new', async () => {
    const server = await start();
    const slow = request(`${server.base}/classify`, {
      method: 'POST',
      headers: { 'content-length': String(image.length) },
    });
    slow.write(image.subarray(0, 1000));
    await until(server, ({ working }) => working === 1);
    const ended = once(server.child, 'exit');
    server.child.kill('SIGTERM');
    while (!server.errors().includes('SIGTERM: answering')) await new Promise((done) => setTimeout(done, 10));
    await expect(fetch(`${server.base}/health`)).rejects.toThrow();
    const answer = once(slow, 'response');
    slow.end(image.subarray(1000));
    const [response] = await answer;
    response.resume();
    expect([response.statusCode, response.headers.connection]).toEqual([200, 'close']);
    expect(await ended).toEqual([0, null]);
  });

  test.each([
    [['--model', 'resnet19'], 2, /there is no model 'resnet19'.*known are .*resnet18/i],
    [['--port', '99999'], 2, /--port must be a whole number from 0 to 65535/],
    [['--engine', 'onnxruntime-node'], 2, /needs --onnx/],
    [['--colour'], 2, /Unknown option '--colour'/],
    [['--labels', join(folder, 'none')], 1, /ENOENT/],
    [['--model', 'squeezenet1_1', '--size', '64', '--weights', labels], 1, /labels\.txt/],
    [['--network', network, '--size', '32', '--features', 'layer9'], 1, /layer9/],
  ])('%j is refused before it listens', (args, status, sentence) => {
    const run = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
    expect([run.status, run.stdout]).toEqual([status, '']);
    expect(run.stderr).toMatch(sentence);
    expect(run.stderr).not.toMatch(/\n {4}at /);
  });

  test('is measured by load.js, which starts it', () => {
    const options = `--server=--network ${network} --size 32`;
    const args = [options, '--rounds', '1', '--seconds', '1', '--concurrency', '4'];
    const run = spawnSync(process.execPath, [join(examples, 'server', 'load.js'), ...args], {
      encoding: 'utf8',
    });
    expect([run.status, run.stdout.split('\n').slice(0, 2)]).toEqual([
      0,
      [
        '4 requests at a time, 1 s a round, medians of 1 rounds',
        '| engine | images/s | latency p50 | p99 | event loop late by p50 | p99 | at most | refused |',
      ],
    ]);
    const [rate, ...rest] =
      /\| convkit, .* threads \| ([\d.]+) \| (\d+) ms \| (\d+) ms \|(?: [\d.]+ ms \|){3} 0 \|/
        .exec(run.stdout)
        ?.slice(1)
        .map(Number) ?? [0];
    expect(rate).toBeGreaterThan(1);
    expect(rest[1]).toBeGreaterThanOrEqual(rest[0]);
  });
});
