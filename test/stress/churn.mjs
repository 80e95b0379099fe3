// Run by workers.test.ts in a process of its own: rounds of workers that load the library, compute in the foreground
// and in the background, and are terminated in the middle of it or leave by themselves. Prints how many rounds passed.
import { Worker } from 'node:worker_threads';

const [rounds, library] = [Number(process.argv[2]), process.argv[3]];
const source = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.library).then(async ({ nn, Tensor, backend }) => {
    if (backend.info().name !== 'native') throw new Error('the native engine did not load: ' + backend.info().reason);
    const net = new nn.Sequential(new nn.Conv2d(8, 16, 3, { padding: 1 }), new nn.ReLU(), new nn.Conv2d(16, 8, 3));
    const x = Tensor.randn([1, 8, 24, 24], { seed: 1 });
    const once = async () => { net.forward(x); await Promise.all([net.forwardAsync(x), net.forwardAsync(x)]); };
    parentPort.postMessage('computing');
    if (workerData.leaves) await once();
    else for (;;) await once();
  });
`;

/** Resolves once the worker is gone; rejects where it died of an error. */
function lead(round, index) {
  const leaves = index === 0;
  const worker = new Worker(source, { eval: true, workerData: { library, leaves } });
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', resolve);
    worker.on('message', () => {
      if (!leaves) setTimeout(() => worker.terminate(), (round * 7 + index * 3) % 12);
    });
  });
}

for (let round = 0; round < rounds; round++) {
  await Promise.all([lead(round, 0), lead(round, 1), lead(round, 2)]);
}
console.log(`${rounds} rounds`);
