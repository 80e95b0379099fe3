// Where each position of a resampled axis comes from: positions of the input and their weights, in ascending order.

/** One axis, output after output: taps [starts[i], starts[i + 1]) belong to output i. */
export interface ResampledAxis {
  readonly starts: Int32Array;
  readonly sources: Int32Array;
  /** In float64; a product over axes is rounded once. */
  readonly weights: Float64Array;
}

export type AxisMode = 'nearest' | 'nearest-exact' | 'linear' | 'cubic';

/** Of PyTorch, and Keys 1981 with this parameter. */
const CUBIC = -0.75;

/**
 * The taps of an axis of `input` positions resampled to `output`. `step` is how far apart outputs lie, in inputs; "from zero"
 * the first lies on the first (and of aligned corners the last on the last), otherwise outer edges lie on outer edges.
 */
export function resampledAxis(
  mode: AxisMode,
  input: number,
  output: number,
  step: number,
  fromZero: boolean,
): ResampledAxis {
  const most = mode === 'cubic' ? 4 : mode === 'linear' ? 2 : 1;
  const starts = new Int32Array(output + 1);
  const sources = new Int32Array(most * output);
  const weights = new Float64Array(most * output);
  let count = 0;
  /** Clamped to the axis; taps that fall together are one. */
  const add = (position: number, weight: number, first: number): void => {
    const source = Math.min(Math.max(position, 0), input - 1);
    if (count > first && sources[count - 1] === source) {
      weights[count - 1] += weight;
      return;
    }
    sources[count] = source;
    weights[count++] = weight;
  };
  for (let i = 0; i < output; i++) {
    const first = count;
    const centre = fromZero ? i * step : (i + 0.5) * step - 0.5;
    if (mode === 'nearest') add(Math.floor(i * step), 1, first);
    else if (mode === 'nearest-exact') add(Math.floor((i + 0.5) * step), 1, first);
    else if (mode === 'linear') {
      const position = Math.max(centre, 0);
      const low = Math.min(Math.floor(position), input - 1);
      const share = Math.min(position - low, 1);
      add(low, 1 - share, first);
      if (share > 0) add(low + 1, share, first);
    } else {
      const low = Math.floor(centre);
      cubicWeights(centre - low).forEach((weight, tap) => {
        add(low - 1 + tap, weight, first);
      });
    }
    starts[i + 1] = count;
  }
  return { starts, sources: sources.slice(0, count), weights: weights.slice(0, count) };
}

/** Of the four positions around one that lies `share` past the second. */
function cubicWeights(share: number): number[] {
  const near = (t: number) => ((CUBIC + 2) * t - (CUBIC + 3)) * t * t + 1;
  const far = (t: number) => ((CUBIC * t - 5 * CUBIC) * t + 8 * CUBIC) * t - 4 * CUBIC;
  return [far(1 + share), near(share), near(1 - share), far(2 - share)];
}
