// Strided views of a run of elements that comes in chunks: each chunk puts its elements where they belong in each view, so
// that neither the run nor a view has to lie in memory twice.

export interface View {
  /** In elements of the run, as the strides are. */
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

interface Axis {
  readonly size: number;
  /** In the run. */
  readonly from: number;
  /** In the view's own row-major elements. */
  readonly to: number;
}

/** Whether a view is the elements of its run as they come. */
export function isRowMajor({ shape, strides }: View): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 0) return true;
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/**
 * Gives a function that takes elements [begin, begin + chunk.length) of the run and writes those of the view into `target`
 * [elements of shape].
 */
export function scatterInto(view: View, target: Float32Array): (chunk: Float32Array, begin: number) => void {
  if (view.shape.includes(0)) return () => {};
  const axes = joined(view);
  // What the axes from each on can add to a place in the run.
  const reach: number[] = [0];
  for (const { size, from } of [...axes].reverse()) reach.unshift(reach[0] + (size - 1) * from);
  return (chunk, begin) => {
    const end = begin + chunk.length;
    const visit = (depth: number, from: number, to: number): void => {
      if (from >= end || from + reach[depth] < begin) return;
      const axis = axes[depth];
      if (axis === undefined) {
        target[to] = chunk[from - begin];
        return;
      }
      // Those i for which from + i * axis.from, and what the axes below add, may lie in the chunk
      let first = 0;
      let last = axis.size;
      if (axis.from > 0) {
        first = Math.max(0, Math.ceil((begin - reach[depth + 1] - from) / axis.from));
        last = Math.min(axis.size, Math.floor((end - 1 - from) / axis.from) + 1);
      }
      if (depth === axes.length - 1) {
        copy(axis, first, last, from, to, chunk, begin);
      } else {
        for (let i = first; i < last; i++) visit(depth + 1, from + i * axis.from, to + i * axis.to);
      }
    };
    visit(0, view.offset, 0);

    function copy(
      axis: Axis,
      first: number,
      last: number,
      from: number,
      to: number,
      values: Float32Array,
      origin: number,
    ) {
      if (axis.from === 1 && axis.to === 1) {
        if (last > first)
          target.set(values.subarray(from + first - origin, from + last - origin), to + first);
        return;
      }
      for (let i = first; i < last; i++) target[to + i * axis.to] = values[from + i * axis.from - origin];
    }
  };
}

/** The axes from the widest stride to the narrowest; neighbours that run through both sides as one are one. */
function joined({ shape, strides }: View): Axis[] {
  const axes: Axis[] = [];
  let to = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1) axes.push({ size: shape[axis], from: strides[axis], to });
    to *= shape[axis];
  }
  axes.sort((a, b) => b.from - a.from || b.to - a.to);
  const result: Axis[] = [];
  for (const axis of axes) {
    const outer = result.at(-1);
    if (outer !== undefined && outer.from === axis.from * axis.size && outer.to === axis.to * axis.size) {
      result[result.length - 1] = { size: outer.size * axis.size, from: axis.from, to: axis.to };
    } else result.push(axis);
  }
  return result;
}
