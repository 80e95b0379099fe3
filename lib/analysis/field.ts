// What the units along one axis see of the network's input along that axis, and how an operation passes it on. Twice over: as
// Araujo's three numbers, which ignore the image's edges, and as the interval of every single unit, which do not.

/** Units along one axis. */
export interface AxisField {
  /** Positions of the input that one unit sees, padding included; the most where units differ. */
  readonly size: number;
  /** Positions of the input between the centres of neighbouring units. */
  readonly jump: number;
  /** The centre of the first unit; position i of the input covers [i, i + 1). */
  readonly start: number;
  /** The first and last position inside the input that each unit sees; Infinity and -Infinity where it sees none. */
  readonly first: readonly number[];
  readonly last: readonly number[];
}

/** A tensor's units; the axes are its last ones. */
export interface Field {
  readonly axes: readonly AxisField[];
  /** Every unit sees all that any did: what is left after flattening. The axes then have one unit each. */
  readonly joined: boolean;
}

/** How a window moves over the units below it, in their positions. */
export interface Window {
  /** From its first tap to its last. */
  readonly reach: number;
  readonly step: number;
  /** The centre of the first window: 0 is the centre of the first unit below. */
  readonly centre: number;
}

/** The units of the input itself. */
export function identity(count: number): AxisField {
  const first = Array.from({ length: count }, (_, i) => i);
  return { size: 1, jump: 1, start: 0.5, first, last: first };
}

/** Units that each see several of those below: `taps(o)` lists which unit o sees. */
export function through(
  below: AxisField,
  window: Window,
  count: number,
  taps: (unit: number) => Iterable<number>,
): AxisField {
  const first = new Array<number>(count).fill(Number.POSITIVE_INFINITY);
  const last = new Array<number>(count).fill(Number.NEGATIVE_INFINITY);
  for (let unit = 0; unit < count; unit++) {
    for (const tap of taps(unit)) {
      first[unit] = Math.min(first[unit], below.first[tap]);
      last[unit] = Math.max(last[unit], below.last[tap]);
    }
  }
  return {
    size: below.size + (window.reach - 1) * below.jump,
    jump: below.jump * window.step,
    start: below.start + window.centre * below.jump,
    first,
    last,
  };
}

/** One unit that sees all: a fully connected layer is a convolution whose kernel is as large as its input (Long et al. 2015). */
export function join(field: Field): Field {
  if (field.joined) return field;
  const axes = field.axes.map((axis) => {
    const count = axis.first.length;
    const whole = { reach: count, step: 1, centre: (count - 1) / 2 };
    return through(axis, whole, 1, () => axis.first.keys());
  });
  return { axes, joined: true };
}

/** Units that see what the same unit of any of several paths sees. */
export function union(fields: readonly Field[], note: (text: string) => void): Field {
  const [head, ...rest] = fields;
  if (rest.length === 0) return head;
  const joined = fields.every((field) => field.joined);
  const axes = head.axes.map((_, axis) => {
    const paths = fields.map((field) => field.axes[axis]);
    const count = Math.max(...paths.map(({ first }) => first.length));
    const at = (values: readonly number[], unit: number) => values[Math.min(unit, values.length - 1)];
    const units = Array.from({ length: count }, (_, unit) => unit);
    const left = Math.min(...paths.map(({ start, size }) => start - size / 2));
    const right = Math.max(...paths.map(({ start, size }) => start + size / 2));
    const { jump, start } = paths[0];
    if (paths.some((path) => path.jump !== jump)) note('paths of different strides meet');
    if (paths.some((path) => path.start !== start)) note('paths whose centres do not align meet');
    return {
      size: right - left,
      jump: Math.max(...paths.map((path) => path.jump)),
      start: (left + right) / 2,
      first: units.map((unit) => Math.min(...paths.map((path) => at(path.first, unit)))),
      last: units.map((unit) => Math.max(...paths.map((path) => at(path.last, unit)))),
    };
  });
  return { axes, joined };
}

/** Units side by side along one axis, as `concat` puts them there. */
export function beside(fields: readonly Field[], axis: number, note: (text: string) => void): Field {
  note('maps joined side by side: the numbers hold for no unit in particular');
  const merged = union(fields, note);
  const axes = merged.axes.map((one, place) =>
    place === axis
      ? {
          ...one,
          first: fields.flatMap((field) => field.axes[axis].first),
          last: fields.flatMap((field) => field.axes[axis].last),
        }
      : one,
  );
  return { axes, joined: false };
}
