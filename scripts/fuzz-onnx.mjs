// Changes of ONNX models that keep their framing: protocol buffers' messages taken apart, one field somewhere inside changed,
// and put together with right lengths again. Bytes changed at random rarely get past a length.

import { readFileSync } from 'node:fs';

const cases = JSON.parse(readFileSync(new URL('../test/vectors/onnx.json', import.meta.url), 'utf8'));
/** Small models of every operator. */
export const models = cases.map(({ model }) => Buffer.from(model, 'base64'));

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/** The number at `at`, and where it ends; null where there is none. */
function read(bytes, at) {
  let value = 0n;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    value |= BigInt(bytes[at + i] & 127) << BigInt(7 * i);
    if (bytes[at + i] < 128) return { value, next: at + i + 1 };
  }
  return null;
}

/** A message as fields [number, wire, value or bytes]; null where the bytes are none. */
function fieldsOf(bytes) {
  const fields = [];
  for (let at = 0; at < bytes.length; ) {
    const key = read(bytes, at);
    if (key === null) return null;
    const [number, wire] = [Number(key.value >> 3n), Number(key.value & 7n)];
    if (number === 0 || number > 400 || ![0, 1, 2, 5].includes(wire)) return null;
    const found = wire === 0 || wire === 2 ? read(bytes, key.next) : { value: 0n, next: key.next };
    if (found === null) return null;
    const end =
      wire === 0 ? found.next : found.next + (wire === 2 ? Number(found.value) : wire === 1 ? 8 : 4);
    if (end > bytes.length) return null;
    fields.push([number, wire, wire === 0 ? found.value : bytes.subarray(found.next, end)]);
    at = end;
  }
  return fields;
}

const messageOf = (fields) =>
  Buffer.concat(
    fields.flatMap(([number, wire, value]) => {
      const key = varint(number * 8 + wire);
      if (wire === 0) return [key, varint(value)];
      return wire === 2 ? [key, varint(value.length), value] : [key, value];
    }),
  );

const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  4n,
  7n,
  10n,
  127n,
  -1n,
  -2n,
  255n,
  65535n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 40n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const TEXTS = [
  '',
  'x0',
  'y0',
  'x1',
  'Conv',
  'Reshape',
  'Concat',
  'Resize',
  'Loop',
  'Gemm',
  'MatMul',
  'Slice',
  'Pad',
  'Split',
  'Expand',
  'Tile',
  'axis',
  'kernel_shape',
  'pads',
  'SAME_UPPER',
  'ai.onnx',
  '__proto__',
  'constructor',
];

/** One change of one field somewhere inside; `below` draws a whole number, `changeBytes` changes bytes anywhere. */
export function changeModel(bytes, below, changeBytes) {
  const oneOf = (list) => list[below(list.length)];
  const fields = fieldsOf(bytes);
  if (fields === null || fields.length === 0) return changeBytes(bytes);
  const at = below(fields.length);
  const [number, wire, value] = fields[at];
  // Larger messages have more in them: go on inside most of the time
  if (wire === 2 && value.length > 2 && below(8) > 0 && fieldsOf(value) !== null) {
    fields[at] = [number, wire, changeModel(value, below, changeBytes)];
    return messageOf(fields);
  }
  switch (below(6)) {
    case 0:
      fields.splice(at, 1);
      break;
    case 1:
      fields.splice(below(fields.length + 1), 0, fields[at]);
      break;
    case 2:
      fields[at] = [below(2) === 0 ? 1 + below(25) : number, oneOf([0, 2]), Buffer.from(oneOf(TEXTS))];
      if (fields[at][1] === 0) fields[at][2] = oneOf(NUMBERS);
      break;
    default:
      if (wire === 0)
        fields[at] = [number, wire, below(2) === 0 ? oneOf(NUMBERS) : value + BigInt(below(5)) - 2n];
      else if (wire !== 2) fields[at] = [number, wire, Buffer.from(value.map(() => below(256)))];
      else if (below(2) === 0) fields[at] = [number, wire, Buffer.from(oneOf(TEXTS))];
      else fields[at] = [number, wire, changeBytes(value)];
  }
  return messageOf(fields);
}
