// WaveNet (van den Oord et al. 2016): a stack of dilated causal convolutions with gated units, which says of each sample of a
// sound how it depends on all samples before it.

import { wrongValue } from '../errors.js';
import { Conv1d } from '../nn/conv.js';
import { Module } from '../nn/module.js';
import { relu } from '../ops/activate.js';
import { add, mul } from '../ops/arithmetic.js';
import { knownOptions, wholeNumber } from '../ops/options.js';
import type { Tensor } from '../tensor/tensor.js';

export interface WaveNetOptions {
  /** Levels of the sound, each a channel of the input and of the output; 256, mu-law's. */
  levels?: number;
  /** Channels that go from block to block; 32. */
  residualChannels?: number;
  /** Channels that go from each block to the output; 256. */
  skipChannels?: number;
  /** Samples that each filter sees; 2. */
  kernelSize?: number;
  /** Blocks of one stack, each of twice the dilation of the one before it: 1, 2, 4 to 512; 10. */
  blocks?: number;
  /** How often the stack repeats; 3. */
  stacks?: number;
}

const DEFAULTS = {
  levels: 256,
  residualChannels: 32,
  skipChannels: 256,
  kernelSize: 2,
  blocks: 10,
  stacks: 3,
};
/** A dilation of 2^24 samples is six minutes at 44.1 kHz. */
const MOST_BLOCKS = 25;

type Settings = Readonly<typeof DEFAULTS>;

/** z = tanh(filter * x) sigmoid(gate * x); x + residual(z) goes on to the next block, skip(z) to the output. */
class GatedBlock extends Module {
  filter: Conv1d;
  gate: Conv1d;
  /** null in the last block, after which nothing comes. */
  residual: Conv1d | null;
  skip: Conv1d;

  constructor(
    { residualChannels, skipChannels, kernelSize }: Settings,
    { dilation, last }: { dilation: number; last: boolean },
  ) {
    super();
    const causal = { dilation, padding: 'causal' } as const;
    this.filter = new Conv1d(residualChannels, residualChannels, kernelSize, {
      ...causal,
      activation: 'tanh',
    });
    this.gate = new Conv1d(residualChannels, residualChannels, kernelSize, {
      ...causal,
      activation: 'sigmoid',
    });
    this.residual = last ? null : new Conv1d(residualChannels, residualChannels, 1);
    this.skip = new Conv1d(residualChannels, skipChannels, 1);
  }

  /** What the gate lets through. */
  override forward(x: Tensor): Tensor {
    return mul(this.filter.forward(x), this.gate.forward(x));
  }
}

/**
 * x [N, levels, T], one-hot or any weights of the levels of each sample, gives the logits of the levels of the sample that
 * follows each: [N, levels, T], those at t from samples 0 to t alone, and from no more than `receptiveField` of them.
 */
export class WaveNet extends Module {
  causal: Conv1d;
  blocks: GatedBlock[];
  hidden: Conv1d;
  output: Conv1d;
  /** Samples that an output depends on. */
  readonly receptiveField: number;

  /** @internal */
  constructor(settings: Settings) {
    super();
    const { levels, residualChannels, skipChannels, kernelSize } = settings;
    this.causal = new Conv1d(levels, residualChannels, kernelSize, { padding: 'causal' });
    const dilations = Array.from(
      { length: settings.stacks * settings.blocks },
      (_, i) => 1 << (i % settings.blocks),
    );
    this.blocks = dilations.map(
      (dilation, i) => new GatedBlock(settings, { dilation, last: i === dilations.length - 1 }),
    );
    this.hidden = new Conv1d(skipChannels, skipChannels, 1, { activation: 'relu' });
    this.output = new Conv1d(skipChannels, levels, 1);
    this.receptiveField = 1 + (kernelSize - 1) * dilations.reduce((sum, dilation) => sum + dilation, 1);
  }

  override forward(x: Tensor): Tensor {
    let y = this.causal.forward(x);
    let sum: Tensor | null = null;
    for (const block of this.blocks) {
      const z = block.forward(y);
      const skipped = block.skip.forward(z);
      sum = sum === null ? skipped : add(skipped, sum);
      if (block.residual !== null) y = add(block.residual.forward(z), y);
    }
    return this.output.forward(this.hidden.forward(relu(sum ?? y)));
  }
}

/** WaveNet with 30 blocks, dilations up to 512 three times, as the paper's experiments; it sees 3,071 samples. */
export function wavenet(options?: WaveNetOptions): WaveNet {
  const given = knownOptions(options, Object.keys(DEFAULTS), 'wavenet');
  const count = (name: keyof Settings): number =>
    wholeNumber(given[name] ?? DEFAULTS[name], 1, name, `${name} must be positive`, 'wavenet');
  if (count('blocks') > MOST_BLOCKS) {
    throw wrongValue(
      'wavenet',
      `blocks must be at most ${MOST_BLOCKS}, but got blocks=${given.blocks}`,
      'give more stacks',
    );
  }
  return new WaveNet({
    levels: count('levels'),
    residualChannels: count('residualChannels'),
    skipChannels: count('skipChannels'),
    kernelSize: count('kernelSize'),
    blocks: count('blocks'),
    stacks: count('stacks'),
  });
}
