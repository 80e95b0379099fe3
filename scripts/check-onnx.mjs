// Networks that scripts/onnx-exports.py wrote, through io.loadOnnx: what they make of an image, eagerly and compiled, beside what
// torch makes of it in float64.
//   node scripts/check-onnx.mjs FOLDER [part of a name]

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compile, io } from '../dist/index.js';

const [folder, part = ''] = process.argv.slice(2);
/** The largest difference, over the largest value. */
function difference(a, b) {
  if (a.shape.join() !== b.shape.join()) return Number.NaN;
  let [most, apart] = [0, 0];
  b.data.forEach((value, i) => {
    most = Math.max(most, Math.abs(value));
    apart = Math.max(apart, Math.abs(value - a.data[i]));
  });
  return apart / most;
}

let failed = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.onnx') && name.includes(part))) {
  const base = join(folder, file.slice(0, -'.onnx'.length));
  try {
    const x = await io.loadNpy(`${base}.x.npy`);
    const expected = await io.loadNpy(`${base}.y.npy`);
    let began = performance.now();
    const net = await io.loadOnnx(`${base}.onnx`);
    const loading = performance.now() - began;
    const eager = difference(net.forward(x), expected);
    const later = difference(await net.forwardAsync(x), expected);
    const session = await compile(net, { inputShape: x.shape });
    began = performance.now();
    const compiled = difference(session.runSync(x), expected);
    const running = performance.now() - began;
    const fits = Math.max(eager, later, compiled) <= 1e-4;
    if (!fits) failed++;
    console.log(
      `${fits ? 'ok  ' : 'FAIL'} ${file}: eager ${eager.toExponential(1)}, async ${later.toExponential(1)}, compiled ` +
        `${compiled.toExponential(1)}; ${session.summary().steps.length} steps, loaded in ${loading.toFixed(0)} ms, run in ${running.toFixed(0)} ms`,
    );
  } catch (error) {
    failed++;
    console.log(`FAIL ${file}: ${error instanceof Error ? error.message.slice(0, 400) : error}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
