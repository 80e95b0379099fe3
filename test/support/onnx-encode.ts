// ONNX models written by hand, byte by byte where a test wants them wrong: protocol buffers' wire format, and the messages of
// which a small model consists.

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A whole number, negative ones as 64 bits. */
export function varint(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** A field of a number, a text or bytes. */
export function field(number: number, value: number | bigint | string | Uint8Array): Uint8Array {
  if (typeof value === 'number' || typeof value === 'bigint')
    return joined(varint(number * 8), varint(value));
  const bytes = typeof value === 'string' ? bytesOf(value) : value;
  return joined(varint(number * 8 + 2), varint(bytes.length), bytes);
}

export const float = (value: number): Uint8Array => new Uint8Array(Float32Array.of(value).buffer);

/** A number of 4 bytes. */
export const fixed32 = (number: number, bytes: Uint8Array): Uint8Array =>
  joined(varint(number * 8 + 5), bytes);

export interface TensorFields {
  readonly name?: string;
  readonly dims: readonly (number | bigint)[];
  readonly type?: number;
  /** Raw bytes. */
  readonly raw?: Uint8Array;
  /** Anything else of the message, ready made. */
  readonly rest?: Uint8Array;
}

export const tensor = ({ name = '', dims, type = 1, raw, rest }: TensorFields): Uint8Array =>
  joined(
    ...dims.map((size) => field(1, size)),
    field(2, type),
    field(8, name),
    ...(raw === undefined ? [] : [field(9, raw)]),
    ...(rest === undefined ? [] : [rest]),
  );

export const floats = (name: string, dims: readonly number[], values: readonly number[]): Uint8Array =>
  tensor({ name, dims, raw: new Uint8Array(Float32Array.from(values).buffer) });

export const ints = (name: string, values: readonly (number | bigint)[]): Uint8Array =>
  tensor({
    name,
    dims: [values.length],
    type: 7,
    raw: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  });

type Attribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly bytes: Uint8Array };

function attribute(name: string, value: Attribute): Uint8Array {
  if (typeof value === 'number') return joined(field(1, name), field(3, value), field(20, 2));
  if (typeof value === 'string') return joined(field(1, name), field(4, value), field(20, 3));
  if ('float' in value) return joined(field(1, name), fixed32(2, float(value.float)), field(20, 1));
  if ('bytes' in value) return joined(field(1, name), value.bytes);
  return joined(field(1, name), ...value.map((one) => field(8, one)), field(20, 7));
}

/** A node; inputs and outputs as words. */
export const node = (
  operator: string,
  inputs: string,
  outputs: string,
  attributes: Readonly<Record<string, Attribute>> = {},
  name = `${operator}-${outputs}`,
  domain = '',
): Uint8Array =>
  joined(
    ...(inputs === '' ? [] : inputs.split(' ').map((input) => field(1, input))),
    ...outputs.split(' ').map((output) => field(2, output)),
    field(3, name),
    field(4, operator),
    ...Object.entries(attributes).map(([key, value]) => field(5, attribute(key, value))),
    field(7, domain),
  );

/** A declared value: sizes, or names of sizes. */
export function value(name: string, dims: readonly (number | string)[] | null, type = 1): Uint8Array {
  const sizes = (dims ?? []).map((size) =>
    field(1, typeof size === 'number' ? field(1, size) : field(2, size)),
  );
  const shape = dims === null ? [] : [field(2, joined(...sizes))];
  return joined(field(1, name), field(2, field(1, joined(field(1, type), ...shape))));
}

export interface ModelFields {
  readonly nodes: readonly Uint8Array[];
  readonly inputs?: readonly Uint8Array[];
  readonly outputs?: readonly Uint8Array[];
  readonly initializers?: readonly Uint8Array[];
  readonly opset?: number;
  /** Anything else of the graph, ready made. */
  readonly rest?: Uint8Array;
}

/** x in, y out, where nothing else is said. */
export function model({
  nodes,
  inputs = [value('x', null)],
  outputs = [value('y', null)],
  initializers = [],
  opset = 17,
  rest = new Uint8Array(0),
}: ModelFields): Uint8Array {
  const graph = joined(
    ...nodes.map((one) => field(1, one)),
    ...initializers.map((one) => field(5, one)),
    ...inputs.map((one) => field(11, one)),
    ...outputs.map((one) => field(12, one)),
    rest,
  );
  return joined(
    field(1, 8),
    field(2, 'a test'),
    field(8, joined(field(1, ''), field(2, opset))),
    field(7, graph),
  );
}
