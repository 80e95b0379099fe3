// Random rows for softmax and cross-entropy, and masks.
import type { Binding, Job } from '../../binding.js';
import type { Random } from './random.js';

export type Loss =
  | { readonly family: 'softmax'; readonly kind: Kind; readonly x: Float32Array; readonly length: number }
  | {
      readonly family: 'softmaxGradient';
      readonly kind: Kind;
      readonly y: Float32Array;
      readonly upstream: Float32Array;
      readonly length: number;
    }
  | (Targets & { readonly family: 'crossEntropy' })
  | (Targets & { readonly family: 'crossEntropyGradient'; readonly upstream: Float32Array })
  | {
      readonly family: 'dropoutMask';
      readonly words: readonly [number, number, number, number];
      readonly probability: number;
      readonly count: number;
    };

type Kind = 'softmax' | 'logSoftmax';

interface Targets {
  readonly rowsOfLogs: Float32Array;
  readonly targets: Int32Array;
  readonly weight: Float32Array | null;
  readonly smoothing: number;
}

/** Around one, two and three rounds of the 16 partials, and of the vectors in them. */
const WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 20, 24, 31, 32, 33, 100, 1000];
const ROWS = [0, 1, 2, 3, 5, 40];

export function drawLoss(random: Random, draw: (length: number) => Float32Array): Loss {
  const length = random.of(WIDTHS);
  const rows = random.of(ROWS);
  const kind = random.of(['softmax', 'logSoftmax'] as const);
  const scale = 2 ** random.between(-2, 5);
  const scaled = () => draw(rows * length).map((value) => value * scale);
  switch (random.of(['softmax', 'softmax', 'gradient', 'loss', 'lossGradient', 'mask'] as const)) {
    case 'softmax':
      return { family: 'softmax', kind, x: scaled(), length };
    case 'gradient':
      return { family: 'softmaxGradient', kind, y: scaled(), upstream: draw(rows * length), length };
    case 'mask': {
      const word = () => random.between(0, 2 ** 31) * 2 + random.between(0, 1);
      const words = [word(), word(), word(), random.of([0, 1, word()])] as const;
      return {
        family: 'dropoutMask',
        words: [words[0], words[1], words[2] % 2 ** 32, words[3] % 2 ** 32],
        probability: random.of([0, 0.1, 0.5, 0.9, 0.999]),
        count: random.of([0, 1, 2, 3, 4, 5, 4095, 4096, 4097, 10_001]),
      };
    }
    default:
  }
  const loss: Targets = {
    rowsOfLogs: scaled(),
    targets: Int32Array.from({ length: rows }, () => random.between(-1, length - 1)),
    weight: random.once(2) ? null : draw(length).map(Math.abs),
    smoothing: random.of([0, 0, 0.1, 0.5, 1]),
  };
  if (random.once(2)) return { family: 'crossEntropy', ...loss };
  return { family: 'crossEntropyGradient', ...loss, upstream: draw(rows) };
}

/** The call that solves such a problem, and where its answer will be. */
export function lossCall(
  binding: Binding,
  problem: Loss,
): { output: Float32Array; run(): void; submit(): Job } {
  const unwritten = (length: number) => new Float32Array(length).fill(Number.NaN);
  const call = <K extends Loss['family']>(
    output: Float32Array,
    family: K,
    ...args: Parameters<Binding[K]>
  ) => ({
    output,
    run: () => Reflect.apply(binding[family], binding, args),
    submit: () => binding.submit(family, ...args),
  });
  switch (problem.family) {
    case 'softmax': {
      const y = unwritten(problem.x.length);
      return call(y, 'softmax', problem.kind, problem.x, y, problem.length);
    }
    case 'softmaxGradient': {
      const y = unwritten(problem.y.length);
      return call(y, 'softmaxGradient', problem.kind, problem.y, problem.upstream, y, problem.length);
    }
    case 'dropoutMask': {
      const y = unwritten(problem.count);
      return call(y, 'dropoutMask', ...problem.words, problem.probability, y);
    }
    case 'crossEntropy': {
      const { rowsOfLogs, targets, weight, smoothing } = problem;
      const y = unwritten(targets.length);
      return call(y, 'crossEntropy', rowsOfLogs, targets, weight, smoothing, y);
    }
    default: {
      const { rowsOfLogs, targets, weight, smoothing, upstream } = problem;
      const y = unwritten(rowsOfLogs.length);
      return call(y, 'crossEntropyGradient', rowsOfLogs, targets, weight, smoothing, upstream, y);
    }
  }
}
