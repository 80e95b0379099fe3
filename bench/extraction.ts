// Times feature extraction end to end, JPEG files to one file of rows: `convkit extract` beside the same pipeline written
// with sharp and onnxruntime-node, which decodes and resizes the next batch while the network computes this one. Both decode
// every pixel, and both have the decoder scale large files down: sharp does that unless it is told not to, convkit where it is
// told to. Every run is a fresh process, in turns; the clock covers all of it, loading too. Prints Markdown.
//
//   npm run --silent build:all && npx tsc -p bench/tsconfig.json && node bench/build/extraction.js --network resnet50
//
// The networks are those of `npm run bench -- --networks`, which exports them where they are missing.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peer } from './contenders/contender.js';
import type { OnnxRuntime } from './contenders/onnxruntime.js';
import { root } from './library.js';
import { median, quantile, spread } from './statistics.js';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'resnet50' },
    images: { type: 'string', default: '128' },
    batch: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '5' },
    /** Of the photos, which are 4:3. */
    width: { type: 'string', default: '1024' },
    /** What a process of the peer's is told: the folder of images, where the rows go, and how JPEG files are decoded. */
    peer: { type: 'string' },
    output: { type: 'string' },
    decode: { type: 'string', default: 'scaled' },
  },
});
const path = (name: string): string => fileURLToPath(new URL(name, root));
const cached = (ending: string): string => path(`bench/networks/cache/${values.network}.${ending}`);
const [images, batch, threads, rounds, width] = [
  values.images,
  values.batch,
  values.threads,
  values.rounds,
  values.width,
].map(Number);
const height = (width * 3) / 4;
if (!Number.isInteger(height)) throw new RangeError(`--width must be a multiple of 4, received ${width}`);

/** Photos with some detail: the examples' enlarged and cut, each another file. */
async function writeImages(folder: string): Promise<void> {
  const { default: sharp } = await import('sharp');
  const sources = readdirSync(path('examples/images')).filter((name) => /\.(jpg|png|webp)$/.test(name));
  for (let i = 0; i < images; i++) {
    const name = sources[i % sources.length];
    await sharp(join(path('examples/images'), name))
      .resize(width + 8 * i, height + 6 * i, { fit: 'fill' })
      .extract({ left: 4 * i, top: 3 * i, width, height })
      .removeAlpha()
      .toColourspace('srgb')
      .jpeg({ quality: 90 })
      .toFile(join(folder, `${String(i).padStart(4, '0')}.jpg`));
  }
}

const SIDE = 224;
const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/**
 * The pipeline as a user of sharp and onnxruntime-node writes it. sharp has JPEG files scaled down while they are decoded,
 * unless a part is cut out first: all of it, where every pixel is to be decoded.
 */
async function extractByPeer(folder: string, output: string): Promise<void> {
  const { default: sharp } = await import('sharp');
  const { InferenceSession, Tensor } = await peer<OnnxRuntime>('onnxruntime-node');
  const files = readdirSync(folder).sort();
  const opened = (name: string) => {
    const image = sharp(join(folder, name));
    return values.decode === 'full' ? image.extract({ left: 0, top: 0, width, height }) : image;
  };
  const prepared = async (names: readonly string[]): Promise<Float32Array> => {
    const x = new Float32Array(names.length * 3 * SIDE * SIDE);
    const plane = SIDE * SIDE;
    await Promise.all(
      names.map(async (name, n) => {
        const pixels = await opened(name)
          .resize({ width: 341, height: 256, fit: 'fill', kernel: 'linear' })
          .extract({ left: 58, top: 16, width: SIDE, height: SIDE })
          .removeAlpha()
          .raw()
          .toBuffer();
        for (let c = 0; c < 3; c++) {
          const to = (n * 3 + c) * plane;
          for (let i = 0; i < plane; i++) x[to + i] = (pixels[3 * i + c] / 255 - MEAN[c]) / STD[c];
        }
      }),
    );
    return x;
  };
  const rows: Float32Array[] = [];
  const at = (start: number): Promise<Float32Array> | null =>
    start < files.length ? prepared(files.slice(start, start + batch)) : null;
  let next = at(0); // sharp's threads decode while the session is made
  const session = await InferenceSession.create(cached('onnx'), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  for (let start = 0; next !== null; start += batch) {
    const x = await next;
    next = at(start + batch);
    const count = x.length / (3 * SIDE * SIDE);
    const { y } = await session.run({ x: new Tensor('float32', x, [count, 3, SIDE, SIDE]) });
    rows.push(new Float32Array(y.data));
  }
  writeFileSync(output, Buffer.concat(rows.map((row) => Buffer.from(row.buffer))));
}

/** The rows of an .npy file of float32, or of bare numbers. */
function rowsOf(file: string): Float32Array {
  const bytes = readFileSync(file);
  const start = bytes.subarray(1, 6).toString('latin1') === 'NUMPY' ? 10 + bytes.readUInt16LE(8) : 0;
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}

/** The least cosine of two files' rows: sharp and Pillow resize a little differently. */
function leastCosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  const length = a.length / images;
  let least = 1;
  for (let row = 0; row < images; row++) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = row * length; i < (row + 1) * length; i++) {
      ab += a[i] * b[i];
      aa += a[i] * a[i];
      bb += b[i] * b[i];
    }
    least = Math.min(least, ab / Math.sqrt(aa * bb));
  }
  return least;
}

function seconds(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return (performance.now() - start) / 1000;
}

type Decoding = 'full' | 'scaled';
const DECODINGS: readonly Decoding[] = ['full', 'scaled'];

interface Way {
  readonly name: string;
  readonly decoding: Decoding;
  readonly output: string;
  readonly args: readonly string[];
  readonly times: number[];
}

/** convkit's way of a decoding, and the peer's. */
function waysOf(decoding: Decoding, photos: string, folder: string): readonly [own: Way, peer: Way] {
  const [own, other] = [join(folder, `${decoding}.npy`), join(folder, `${decoding}.bin`)];
  const common = ['--batch', values.batch, '--threads', values.threads, '--decode', decoding];
  const extract = ['extract', photos, '-o', own, '--model', values.network, '--quiet'];
  const weights = ['--weights', cached('safetensors')];
  const peer = ['--peer', photos, '--output', other, '--network', values.network, '--width', values.width];
  return [
    {
      name: `convkit extract --decode ${decoding}`,
      decoding,
      output: own,
      args: [path('dist/cli/main.js'), ...extract, ...weights, ...common],
      times: [],
    },
    {
      name: `sharp + onnxruntime-node${decoding === 'full' ? ', every pixel decoded' : ''}`,
      decoding,
      output: other,
      args: [fileURLToPath(import.meta.url), ...peer, ...common],
      times: [],
    },
  ];
}

function row({ name, times }: Way): string {
  const time = median(times);
  return `| ${name} | ${time.toFixed(2)} | ${(100 * spread(times)).toFixed(0)} % | ${(images / time).toFixed(1)} |`;
}

function verdict([own, other]: readonly [Way, Way]): string {
  const ratios = own.times.map((time, round) => other.times[round] / time);
  const [low, high] = [quantile(ratios, 0.25), quantile(ratios, 0.75)].map((ratio) => ratio.toFixed(2));
  const cosine = leastCosine(rowsOf(own.output), rowsOf(other.output)).toFixed(4);
  return (
    `Decoding ${own.decoding}: ${median(ratios).toFixed(2)} times as fast (quartiles of the rounds ${low} to ${high}); ` +
    `target 1.25; least cosine of two rows ${cosine}`
  );
}

async function compare(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-extraction-'));
  try {
    const photos = join(folder, 'photos');
    mkdirSync(photos);
    await writeImages(photos);
    const pairs = DECODINGS.map((decoding) => waysOf(decoding, photos, folder));
    for (let round = 0; round <= rounds; round++) {
      for (const { args, times } of pairs.flat()) {
        const time = seconds(args);
        if (round > 0) times.push(time); // the first fills the file cache
      }
    }
    console.log(
      `${values.network}, ${images} JPEG files of ${width} x ${height}, batch ${batch}, ${threads} thread(s)\n`,
    );
    console.log('| pipeline | seconds | ± | images/s |\n| --- | ---: | ---: | ---: |');
    console.log(pairs.flat().map(row).join('\n'));
    const [full, scaled] = pairs.map(([{ output }]) => rowsOf(output));
    console.log(`\n${pairs.map(verdict).join('\n')}`);
    console.log(
      `convkit, full beside scaled: least cosine of two rows ${leastCosine(full, scaled).toFixed(4)}`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (values.peer !== undefined && values.output !== undefined) await extractByPeer(values.peer, values.output);
else await compare();
