// `npm run demo`: builds what is missing, runs `convkit extract` on examples/images, and shows what it made.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = (command, args, options = {}) =>
  spawnSync(command, args, { cwd: root, encoding: 'utf8', ...options });
const lastLines = ({ stdout, stderr }) => `${stdout}${stderr}`.trim().split('\n').slice(-3).join('\n');

// Build: the TypeScript must compile, the native engine may be missing.
if (!existsSync(join(root, 'build', 'Release', 'convkit.node')))
  console.log('Building the native engine, once ...');
const native = run(process.execPath, ['scripts/build-native.mjs']);
if (native.status !== 0) {
  console.log(
    `The native engine was not built; the TypeScript backend gives the same bits, slower.\n${lastLines(native)}\n`,
  );
}
const typescript = run(process.execPath, ['scripts/bundle.mjs']);
if (typescript.status !== 0) {
  console.error(`demo: the TypeScript was not built; run npm ci first\n${lastLines(typescript)}`);
  process.exit(1);
}

// Run the real command.
const images = join('examples', 'images');
const output = join('demo-output', 'features.npy');
mkdirSync(join(root, 'demo-output'), { recursive: true });
console.log(`$ npx convkit extract ${images} -o ${output}`);
const extract = run(process.execPath, ['dist/cli/main.js', 'extract', images, '-o', output], {
  stdio: 'inherit',
});
if (extract.status !== 0) process.exit(extract.status ?? 1);

// Show what it made.
const { backend, io } = await import('../dist/index.js');
const { name, isa, threads } = backend.info();
const features = await io.loadNpy(join(root, output));
const manifest = JSON.parse(readFileSync(join(root, 'demo-output', 'features.manifest.json'), 'utf8'));
const [count, width] = features.shape;
const row = (i) => features.data.subarray(i * width, (i + 1) * width);
const label = (i) => relative(images, manifest.images[i].file);

console.log(
  `\n${output}: float32 [${count}, ${width}], computed by ${isa ?? name} on ${threads} thread${threads === 1 ? '' : 's'}`,
);
console.log(
  `sha256 of the rows ${manifest.output.dataSha256}: the same on every machine that decodes alike\n`,
);
console.log('First values of each row');
for (let i = 0; i < count; i++) {
  const values = Array.from(row(i).subarray(0, 6), (value) => value.toFixed(4));
  console.log(`  ${label(i).padEnd(22)} ${values.join('  ')}  ...`);
}

console.log('\nNearest neighbours (Euclidean distance between rows)');
console.log(`  ${'image'.padEnd(22)} ${'nearest'.padEnd(22)} distance   ${'next'.padEnd(22)} distance`);
const subject = (i) => label(i).split(/[-.]/)[0];
let paired = 0;
let found = 0;
for (let i = 0; i < count; i++) {
  const others = Array.from({ length: count }, (_, j) => ({ j, distance: distance(row(i), row(j)) }))
    .filter(({ j }) => j !== i)
    .sort((a, b) => a.distance - b.distance);
  const cells = others
    .slice(0, 2)
    .map(({ j, distance }) => `${label(j).padEnd(22)} ${distance.toFixed(3).padStart(8)}`);
  console.log(`  ${label(i).padEnd(22)} ${cells.join('   ')}`);
  if (!others.some(({ j }) => subject(j) === subject(i))) continue;
  paired++;
  if (subject(others[0].j) === subject(i)) found++;
}
console.log(
  `\n${found} of the ${paired} images that have a near-duplicate (moved, turned, blurred, noisy, darker) find it first.`,
);

function distance(a, b) {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return Math.sqrt(sum);
}
