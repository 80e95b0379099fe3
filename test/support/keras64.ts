// Keras's layers in float64, written for plainness on [N, D, H, W, C]: the judge where TF.js is silent or wrong, and the
// yardstick of rounding errors elsewhere. It shares no code with the library.

/** Channels-last numbers, and by their side the sum of the absolute values of all that was added for each. */
export interface Volume {
  shape: number[];
  values: Float64Array;
  sizes: Float64Array;
}

export interface Kernel {
  /** [depth, height, width, inputs, outputs]; transposed: [depth, height, width, outputs, inputs]. */
  shape: number[];
  values: ArrayLike<number>;
}

export interface Window {
  kernelSize: number[];
  strides: number[];
  dilation: number[];
  padding: string;
}

const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);

export function volume(data: ArrayLike<number>, shape: number[]): Volume {
  const values = Float64Array.from(data);
  return { shape, values, sizes: values.map(Math.abs) };
}

function empty(shape: number[]): Volume {
  const count = product(shape);
  return { shape, values: new Float64Array(count), sizes: new Float64Array(count) };
}

function eachIn(sizes: readonly number[], visit: (at: number[]) => void): void {
  const at = sizes.map(() => 0);
  const go = (axis: number): void => {
    if (axis === sizes.length) {
      visit(at);
      return;
    }
    for (at[axis] = 0; at[axis] < sizes[axis]; at[axis]++) go(axis + 1);
  };
  go(0);
}

const offset = (shape: readonly number[], at: readonly number[]): number =>
  at.reduce((sum, position, axis) => sum * shape[axis] + position, 0);

const reach = (window: Window, axis: number): number =>
  (window.kernelSize[axis] - 1) * window.dilation[axis] + 1;

/** The output size along an axis, and how many positions are added before it. */
function along(window: Window, axis: number, size: number): { count: number; before: number } {
  const stride = window.strides[axis];
  const whole = reach(window, axis);
  if (window.padding === 'valid') return { count: Math.floor((size - whole) / stride) + 1, before: 0 };
  const count = Math.ceil(size / stride);
  if (window.padding === 'causal') return { count, before: whole - 1 };
  return { count, before: Math.floor(Math.max(0, (count - 1) * stride + whole - size) / 2) };
}

/** Every output position with the taps of its window that lie in the input. */
function eachTap(
  x: Volume,
  window: Window,
  visit: (n: number, to: number[], from: number[], tap: number[]) => void,
): number[] {
  const size = x.shape.slice(1, 4);
  const axes = size.map((extent, axis) => along(window, axis, extent));
  const counts = axes.map(({ count }) => count);
  eachIn([x.shape[0], ...counts], ([n, ...to]) => {
    eachIn(window.kernelSize, (tap) => {
      const from = to.map(
        (o, axis) => o * window.strides[axis] - axes[axis].before + tap[axis] * window.dilation[axis],
      );
      if (from.every((position, axis) => position >= 0 && position < size[axis])) visit(n, to, from, tap);
    });
  });
  return counts;
}

export function conv64(
  x: Volume,
  kernel: Kernel,
  bias: ArrayLike<number> | null,
  window: Window,
  groups: number,
): Volume {
  const [perGroup, outputs] = kernel.shape.slice(3);
  const counts = x.shape.slice(1, 4).map((size, axis) => along(window, axis, size).count);
  const y = empty([x.shape[0], ...counts, outputs]);
  eachTap(x, window, (n, to, from, tap) => {
    for (let k = 0; k < outputs; k++) {
      const group = Math.floor(k / (outputs / groups));
      const target = offset(y.shape, [n, ...to, k]);
      for (let c = 0; c < perGroup; c++) {
        const source = offset(x.shape, [n, ...from, group * perGroup + c]);
        const w = kernel.values[offset(kernel.shape, [...tap, c, k])];
        y.values[target] += w * x.values[source];
        y.sizes[target] += Math.abs(w) * x.sizes[source];
      }
    }
  });
  return withBias(y, bias);
}

function withBias(y: Volume, bias: ArrayLike<number> | null): Volume {
  const channels = y.shape[4];
  y.values.forEach((_, i) => {
    y.values[i] += bias?.[i % channels] ?? 0;
    y.sizes[i] += Math.abs(bias?.[i % channels] ?? 0);
  });
  return y;
}

/** TF's rule: the gradient of a convolution of an image of the output's size. `outputPadding` null is Keras's default. */
export function convTranspose64(
  x: Volume,
  kernel: Kernel,
  bias: ArrayLike<number> | null,
  window: Window,
  outputPadding: number[] | null,
): Volume {
  const [outputs, inputs] = kernel.shape.slice(3);
  const size = x.shape.slice(1, 4);
  const counts = size.map((extent, axis) => {
    const stride = window.strides[axis];
    const whole = reach(window, axis);
    const same = window.padding === 'same';
    if (outputPadding === null) return extent * stride + (same ? 0 : Math.max(0, whole - stride));
    const cut = same ? 2 * Math.floor(whole / 2) : 0;
    return (extent - 1) * stride + whole - cut + outputPadding[axis];
  });
  // SAME pads that image so that it has as many windows as the input positions.
  const before = size.map((extent, axis) => {
    if (window.padding === 'valid') return 0;
    const full = (extent - 1) * window.strides[axis] + reach(window, axis);
    return Math.floor(Math.max(0, full - counts[axis]) / 2);
  });
  const y = empty([x.shape[0], ...counts, outputs]);
  eachIn([x.shape[0], ...size], ([n, ...from]) => {
    eachIn(window.kernelSize, (tap) => {
      const to = from.map(
        (i, axis) => i * window.strides[axis] + tap[axis] * window.dilation[axis] - before[axis],
      );
      if (to.some((position, axis) => position < 0 || position >= counts[axis])) return;
      for (let k = 0; k < outputs; k++) {
        const target = offset(y.shape, [n, ...to, k]);
        for (let c = 0; c < inputs; c++) {
          const source = offset(x.shape, [n, ...from, c]);
          const w = kernel.values[offset(kernel.shape, [...tap, k, c])];
          y.values[target] += w * x.values[source];
          y.sizes[target] += Math.abs(w) * x.sizes[source];
        }
      }
    });
  });
  return withBias(y, bias);
}

export function pool64(x: Volume, kind: 'max' | 'average', window: Window): Volume {
  const channels = x.shape[4];
  const counts = x.shape.slice(1, 4).map((size, axis) => along(window, axis, size).count);
  const y = empty([x.shape[0], ...counts, channels]);
  const taps = new Float64Array(y.values.length);
  if (kind === 'max') y.values.fill(-Infinity);
  eachTap(x, window, (n, to, from) => {
    for (let c = 0; c < channels; c++) {
      const target = offset(y.shape, [n, ...to, c]);
      const value = x.values[offset(x.shape, [n, ...from, c])];
      taps[target]++;
      if (kind === 'max') y.values[target] = Math.max(y.values[target], value);
      else {
        y.values[target] += value;
        y.sizes[target] += Math.abs(value);
      }
    }
  });
  if (kind === 'average') {
    y.values.forEach((_, i) => {
      y.values[i] /= taps[i];
      y.sizes[i] /= taps[i];
    });
  }
  return y;
}
