// One digest for each published architecture of what its compiled session gives for an image of the published size, weights and
// image being hashes of their places: on every instruction set here, one thread and two, and with --reference in TypeScript too.
// Exits with 1 where two differ. Small images are pinned in test/models/pinned.test.ts.
//   node scripts/model-digests.mjs [--reference] [model ...]

import { createHash } from 'node:crypto';
import { active } from '../dist/backend/index.js';
import { backend, compile, models, Tensor } from '../dist/index.js';

const options = process.argv.slice(2);
const reference = options.includes('--reference');
const chosen = options.filter((option) => option !== '--reference');

/** `count` numbers between -reach and reach around `middle`, from a hash of their places. */
function hashed(count, seed, reach, middle = 0) {
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let x = (Math.imul(seed, 0x9e3779b9) + i) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    x ^= x >>> 16;
    values[i] = middle + reach * ((x >>> 8) / 2 ** 23 - 1);
  }
  return values;
}

const size = (shape) => shape.reduce((product, extent) => product * extent, 1);

function fill(net) {
  const weights = Object.entries(net.stateDict()).map(([name, { shape }], seed) => {
    const count = size(shape);
    let values = [Math.sqrt(6 / (count / (shape[0] ?? 1))), 0];
    if (name.endsWith('running_var')) values = [1 / 2, 1];
    else if (shape.length === 1) values = [1 / 8, name.includes('weight') ? 1 : 0];
    else if (name.endsWith('num_batches_tracked')) values = [0, 1];
    return [name, new Tensor(hashed(count, seed, ...values), shape)];
  });
  net.loadStateDict(Object.fromEntries(weights), { assign: true });
}

const sha256 = ({ data }) =>
  createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');

backend.use('native');
const isas = active().cpu().supported;
let differing = 0;
for (const name of chosen.length > 0 ? chosen : models.names) {
  const net = models.byName(name);
  fill(net);
  const inputShape = models.inputShapeOf(name);
  const x = new Tensor(hashed(size(inputShape), 1234567, 1), inputShape);
  const digests = new Map();
  const note = (who, y) => digests.set(sha256(y), [...(digests.get(sha256(y)) ?? []), who]);
  for (const isa of isas) {
    backend.use('native', { isa });
    const session = await compile(net, { inputShape });
    for (const threads of [1, 2]) {
      backend.setThreads(threads);
      note(`${isa} x ${threads}`, session.runSync(x));
    }
    await session.close();
  }
  if (reference) {
    backend.use('reference');
    const session = await compile(net, { inputShape });
    note('reference', session.runSync(x));
    await session.close();
  }
  if (digests.size === 1) console.log(`${name.padEnd(20)} ${[...digests.keys()][0]}`);
  else {
    differing++;
    for (const [digest, who] of digests) console.log(`${name.padEnd(20)} ${digest} ${who.join(', ')}`);
  }
}
console.log(differing === 0 ? 'all equal' : `${differing} networks differ`);
process.exit(differing === 0 ? 0 : 1);
