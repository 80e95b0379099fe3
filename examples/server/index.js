// Serves a network over HTTP with nothing but Node's own server: images in, classes or features out.
//   node examples/server --help

import { readFileSync } from 'node:fs';
import { makeApp } from './app.js';
import { makeEngine } from './engine.js';
import { makeDecoder } from './image.js';
import { HELP, readOptions, UsageError } from './options.js';

/** How long requests under way may take once the server is told to stop. */
const PATIENCE = 30_000;

async function main() {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return void process.stdout.write(HELP);
  const labels =
    options.labels === undefined ? null : readFileSync(options.labels, 'utf8').trimEnd().split(/\r?\n/);
  const decode = await makeDecoder(options);
  const engine = await makeEngine(options);
  const { queue, maxBytes, host, port } = options;
  const app = makeApp({ engine, decode, labels, queue, maxBytes, log: (error) => console.error(error) });

  await new Promise((listening, failed) => {
    app.server.once('error', failed).listen(port, host, listening);
  });
  const { address, family, port: taken } = app.server.address();
  console.log(
    `listening on http://${family === 'IPv6' ? `[${address}]` : address}:${taken} (${engine.name})`,
  );

  let stopping = false;
  const stop = (signal) => {
    if (stopping) process.exit(1);
    stopping = true;
    console.error(`${signal}: answering what is under way, then stopping; once more stops at once`);
    setTimeout(() => app.server.closeAllConnections(), PATIENCE).unref();
    app.drain().then(
      () => process.exit(0),
      (error) => {
        console.error(error);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

try {
  await main();
} catch (error) {
  const foreseen =
    error instanceof UsageError || error instanceof RangeError || typeof error.code === 'string';
  console.error(foreseen ? error.message : error);
  process.exit(error instanceof UsageError ? 2 : 1);
}
