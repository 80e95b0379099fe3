// The server: requests in, answers out, never more at work than it was told, and none that can stop it.

import { createServer } from 'node:http';
import { ops, Tensor } from 'convkit';
import { BadImage } from './image.js';
import { makeMonitor } from './monitor.js';

/** An answer that is no result. */
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** The client went away: nobody to answer. */
class Gone extends Error {}

/**
 * A server that is not listening yet. `drain()` refuses what comes from then on, waits for what is under way, and closes the
 * engine.
 */
export function makeApp({ engine, decode, labels, maxBytes, queue, log = () => {} }) {
  const monitor = makeMonitor();
  const { counts } = monitor;
  // The engine's own queue refuses what has been decoded in vain; bodies are not even read past twice its length
  const most = 2 * (queue + 1);
  let working = 0;
  let draining = false;

  const routes = {
    '/health': {
      GET: () => ({
        status: draining ? 'draining' : 'ok',
        engine: engine.name,
        features: engine.features,
        working,
        requests: counts,
        eventLoopDelay: monitor.eventLoopDelay(),
        uptime: Math.round(process.uptime()),
        memory: process.memoryUsage.rss(),
      }),
    },
    '/health/reset': { POST: () => monitor.reset() ?? {} },
    '/classify': { POST: (...call) => predict(...call, classified) },
    '/features': { POST: (...call) => predict(...call, featuresOf) },
  };

  async function predict(request, query, signal, answer) {
    const early = draining || working >= most;
    if (early) throw busy(draining ? 'the server is closing' : 'too many requests are under way');
    answer.check?.(query, engine);
    working++;
    const began = performance.now();
    try {
      const pixels = await decode(await bodyOf(request, maxBytes));
      signal.throwIfAborted();
      const results = await engine.run(pixels, signal).catch((error) => {
        throw engine.busy(error) ? busy('too many images wait already') : error;
      });
      monitor.took(performance.now() - began);
      return answer(results, query, labels, request);
    } finally {
      working--;
    }
  }

  const busy = (message) => new Refusal(503, message, { 'retry-after': String(monitor.retryAfter(working)) });

  async function handle(request, response) {
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort(new Gone('the client went away'));
    });
    response.on('error', () => {});
    request.on('error', () => {});
    try {
      const { pathname, searchParams } = locationOf(request);
      const methods = Object.hasOwn(routes, pathname) ? routes[pathname] : undefined;
      if (methods === undefined)
        throw new Refusal(404, `there is no ${pathname}; there are ${Object.keys(routes).join(', ')}`);
      const method = request.method === 'HEAD' ? 'GET' : request.method;
      if (!Object.hasOwn(methods, method)) {
        const allow = Object.keys(methods).join(', ');
        throw new Refusal(405, `${pathname} takes ${allow}, not ${request.method}`, { allow });
      }
      const result = await methods[method](request, searchParams, gone.signal);
      if (pathname !== '/health' && pathname !== '/health/reset') counts.answered++;
      send(response, 200, result, draining);
    } catch (error) {
      refuse(request, response, error);
    }
  }

  function refuse(request, response, error) {
    if (error instanceof Gone || response.destroyed) {
      counts.gone++;
      return;
    }
    const known = error instanceof BadImage ? new Refusal(422, error.message) : error;
    if (!(known instanceof Refusal)) {
      counts.failed++;
      log(error);
      send(response, 500, { error: 'something went wrong here' }, true);
      return;
    }
    counts[known.status === 503 ? 'refused' : 'faulty']++;
    for (const [name, value] of Object.entries(known.headers)) response.setHeader(name, value);
    // A body that nobody reads would keep the connection; it is given a moment to see the answer
    const unread = !request.complete;
    send(response, known.status, { error: known.message }, unread || draining);
    if (unread) {
      request.resume();
      setTimeout(() => request.destroy(), 1000).unref();
    }
  }

  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, handle);
  return {
    server,
    async drain() {
      draining = true;
      const closed = new Promise((done) => server.close(done));
      server.closeIdleConnections();
      await closed;
      await engine.close();
      monitor.stop();
    },
  };
}

function send(response, status, content, last) {
  if (response.destroyed || response.headersSent) return;
  const raw = content instanceof Float32Array;
  const body = raw
    ? Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    : Buffer.from(`${JSON.stringify(content)}\n`);
  response.statusCode = status;
  response.setHeader('content-type', raw ? 'application/octet-stream' : 'application/json');
  response.setHeader('content-length', body.length);
  if (last) response.setHeader('connection', 'close');
  response.end(body);
}

function locationOf(request) {
  try {
    return new URL(request.url, 'http://server');
  } catch {
    throw new Refusal(400, 'the address of the request is none');
  }
}

async function bodyOf(request, most) {
  const tooLarge = () => new Refusal(413, `the body may have ${most} bytes at most`);
  if (Number(request.headers['content-length']) > most) throw tooLarge();
  if (/^multipart\//i.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, 'send the image itself as the body: curl --data-binary @photo.jpg');
  }
  const chunks = [];
  let length = 0;
  for await (const chunk of bytesOf(request)) {
    length += chunk.length;
    if (length > most) throw tooLarge();
    chunks.push(chunk);
  }
  if (length === 0) throw new Refusal(400, 'the body is empty; send an image: curl --data-binary @photo.jpg');
  return Buffer.concat(chunks);
}

/** The body as it comes; a connection that breaks off is a client that went away. Leaves the request open when it is left. */
async function* bytesOf(request) {
  try {
    yield* request.iterator({ destroyOnReturn: false });
  } catch {
    throw new Gone('the client went away');
  }
}

/** The most probable classes. */
function classified({ output }, query, labels) {
  const scores = new Tensor(Float32Array.from(output.data), [output.data.length]);
  const probabilities = ops.softmax(scores, { dim: 0 }).data;
  const order = Array.from(probabilities, (_, i) => i).sort((a, b) => probabilities[b] - probabilities[a]);
  return {
    top: order.slice(0, topOf(query)).map((index) => ({
      class: index,
      ...(labels?.[index] === undefined ? {} : { label: labels[index] }),
      probability: probabilities[index],
    })),
  };
}

classified.check = (query) => topOf(query);

function topOf(query) {
  const top = query.get('top') ?? '5';
  if (/^\d{1,6}$/.test(top) && Number(top) > 0) return Number(top);
  throw new Refusal(400, `top must be a whole number from 1 up, not '${top.slice(0, 40)}'`);
}

/** What a layer made of the image, as JSON, or as little-endian float32 bytes to those who accept nothing else. */
function featuresOf({ features: { data, shape } }, _query, _labels, request) {
  if (request.headers.accept === 'application/octet-stream') return Float32Array.from(data);
  return { shape, features: Array.from(data) };
}

featuresOf.check = (_query, { features }) => {
  if (features === null)
    throw new Refusal(404, 'this server was started without a layer for features: --features <layer>');
};
