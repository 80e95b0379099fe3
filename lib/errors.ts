// The errors convkit throws, and the one place their sentences are made: `operation: law, values received; cure`.

/** A RangeError where the shapes of two things disagree. */
export class ShapeError extends RangeError {
  override readonly name = 'ShapeError';
}

/** The native engine, or an instruction set of it, was demanded and is not there. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
}

/** A compiled session has more to do than it may, or is closed. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  constructor(
    readonly code: 'ERR_QUEUE_FULL' | 'ERR_CLOSED',
    message: string,
  ) {
    super(message);
  }
}

function sentence(operation: string, law: string, cure?: string): string {
  return cure === undefined ? `${operation}: ${law}` : `${operation}: ${law}; ${cure}`;
}

/** A value of the wrong kind. */
export const wrongType = (operation: string, law: string, cure?: string): TypeError =>
  new TypeError(sentence(operation, law, cure));

/** A value of the right kind outside its range. */
export const wrongValue = (operation: string, law: string, cure?: string): RangeError =>
  new RangeError(sentence(operation, law, cure));

/** Shapes that do not fit together. */
export const wrongShape = (operation: string, law: string, cure?: string): ShapeError =>
  new ShapeError(sentence(operation, law, cure));

/** Prints a value the way error sentences quote it: short, unambiguous, on one line. */
export function show(value: unknown): string {
  return shown(value, 0);
}

/** More brackets than any option has; a list may contain itself. */
const DEEPEST = 3;
const LONGEST = 80;

function shown(value: unknown, depth: number): string {
  if (typeof value === 'string') return `'${value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return value.toString();
  if (Array.isArray(value)) {
    if (depth === DEEPEST) return '[…]';
    const items = value.slice(0, 8).map((item) => shown(item, depth + 1));
    return `[${items.join(', ')}${value.length > 8 ? ', …' : ''}]`;
  }
  if (ArrayBuffer.isView(value)) {
    const length = 'length' in value ? value.length : value.byteLength;
    return `a ${value.constructor.name} of length ${length}`;
  }
  if (typeof value === 'object' && value !== null) {
    const name = (value.constructor as { name?: string } | undefined)?.name;
    return name && name !== 'Object' ? `a ${name}` : 'an object';
  }
  return String(value);
}

/** What was thrown, in words; anything can be thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
