// Trains a convolutional network on handwritten digits, from scratch and reproducibly: the same seed gives the same weights,
// bit for bit, on every machine, with any number of threads, and after a kill and --resume.
//   node examples/train-digits --help

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { backend, manualSeed, noGrad, ops, optim } from 'convkit';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.js';
import { batchOf, findFiles, HOW_TO_GET, loadDigits, shuffled, variedBatchOf } from './digits.js';
import { fingerprint, makeNetwork } from './network.js';
import { HELP, readOptions, UsageError } from './options.js';
import { confusionMatrix, firstFilters, learningCurve } from './pictures.js';

async function main() {
  const given = readOptions(process.argv.slice(2));
  if (given.help) return console.log(HELP);
  const files = findFiles(given.folder, given.files);
  if (files === null) {
    throw new UsageError(`There are no digits in ${given.folder}.\n\n${HOW_TO_GET}`);
  }
  const training = await loadDigits(files['train-images'], files['train-labels'], given.digits);
  const test = await loadDigits(files['test-images'], files['test-labels'], Infinity);
  const options = { ...given, digits: training.count };

  manualSeed(options.seed);
  const network = makeNetwork();
  const optimizer = new optim.AdamW(network.parameters());
  const batches = Math.floor(training.count / options.batch) || 1;
  const schedule = new optim.OneCycleLR(optimizer, {
    maxLr: options.rate,
    totalSteps: options.epochs * batches,
  });
  const parts = { network, optimizer, schedule };

  mkdirSync(options.out, { recursive: true });
  const checkpoint = join(options.out, 'checkpoint.safetensors');
  const kept = options.resume ? await loadCheckpoint(checkpoint, options, parts) : null;
  let progress = kept ?? { epoch: 0, batch: 0, loss: 0, epochs: [] };

  const { name, isa, threads } = backend.info();
  note(
    `${training.count} digits to train on, ${test.count} to test with; ${isa ?? name}, ${threads} threads`,
  );
  if (kept !== null) note(`going on in epoch ${kept.epoch + 1} after batch ${kept.batch}`);
  for (const epoch of progress.epochs) report(epoch);

  while (progress.epoch < options.epochs) {
    const began = performance.now();
    const order = shuffled(training.count, options.seed + 1 + progress.epoch);
    network.train();
    while (progress.batch < batches) {
      const first = progress.batch * options.batch;
      const { x, target } = variedBatchOf(training, order.slice(first, first + options.batch));
      const loss = ops.crossEntropy(network.forward(x), target, { labelSmoothing: 0.1 });
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      schedule.step();
      progress.loss += loss.item();
      progress.batch++;
      showProgress(progress, batches, options.epochs);
      const last = progress.batch === batches;
      if (!last && progress.batch % options.every === 0) {
        await saveCheckpoint(checkpoint, options, parts, progress);
        note(`checkpoint after batch ${progress.batch} of epoch ${progress.epoch + 1}`);
      }
    }
    const { accuracy } = examine(network, test);
    const entry = { epoch: progress.epoch + 1, loss: progress.loss / batches, accuracy };
    progress = { epoch: progress.epoch + 1, batch: 0, loss: 0, epochs: [...progress.epochs, entry] };
    await saveCheckpoint(checkpoint, options, parts, progress);
    report(entry);
    note(`epoch ${entry.epoch} took ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }

  const { accuracy, wrong, counts } = examine(network, test);
  writeFileSync(join(options.out, 'learning-curve.svg'), learningCurve(progress.epochs));
  writeFileSync(join(options.out, 'confusion-matrix.svg'), confusionMatrix(counts));
  writeFileSync(join(options.out, 'filters.svg'), firstFilters(network.stateDict()['conv1.weight']));
  console.log(`test accuracy ${(100 * accuracy).toFixed(2)} %: ${wrong} of ${test.count} digits wrong`);
  console.log(`weights ${fingerprint(network)}`);
  note(`the checkpoint and three pictures are in ${options.out}`);
}

/** How the network reads digits it was not trained on: counts[digit][read as]. */
function examine(network, digits) {
  const counts = Array.from({ length: 10 }, () => Array(10).fill(0));
  network.eval();
  const most = 250;
  for (let first = 0; first < digits.count; first += most) {
    const indices = Array.from({ length: Math.min(most, digits.count - first) }, (_, i) => first + i);
    const { x, target } = batchOf(digits, indices);
    const scores = noGrad(() => network.forward(x)).data;
    target.forEach((digit, i) => {
      const row = scores.subarray(10 * i, 10 * i + 10);
      counts[digit][row.indexOf(row.reduce((a, b) => Math.max(a, b)))]++;
    });
  }
  const right = counts.reduce((sum, row, digit) => sum + row[digit], 0);
  return { counts, accuracy: right / digits.count, wrong: digits.count - right };
}

function report({ epoch, loss, accuracy }) {
  console.log(`epoch ${epoch}: loss ${loss.toFixed(4)}, test accuracy ${(100 * accuracy).toFixed(2)} %`);
}

/** One line that is written over, where stderr is a terminal. */
function showProgress({ epoch, batch, loss }, batches, epochs) {
  if (!process.stderr.isTTY) return;
  const line = `epoch ${epoch + 1} of ${epochs}, batch ${batch} of ${batches}, loss ${(loss / batch).toFixed(4)}`;
  process.stderr.write(`\r\x1b[K${batch === batches ? '' : line}`);
}

function note(sentence) {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${sentence}\n`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof UsageError || error instanceof RangeError ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
