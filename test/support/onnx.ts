// ONNX models and tensors read just far enough to test with: the protocol buffers' wire format by hand, and of its messages
// the fields that the backend test cases use. It refuses to know what an operator means.

import { readFileSync } from 'node:fs';
import { Tensor } from '../../lib/index.js';

/** A field of a message: a number where it is a varint, its bytes otherwise. */
type Field = readonly [number: number, value: number | Uint8Array];

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  /** Whole numbers, lists of them, floats and words by name. */
  readonly attributes: Readonly<Record<string, number | string | readonly number[]>>;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, Tensor>;
}

function varint(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let i = at, scale = 1; ; i++, scale *= 128) {
    if (i >= bytes.length) throw new Error('a varint runs past the end');
    value += (bytes[i] & 127) * scale;
    if (bytes[i] < 128) return [value, i + 1];
  }
}

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  for (let at = 0; at < bytes.length; ) {
    const [key, begin] = varint(bytes, at);
    const [field, wire] = [Math.floor(key / 8), key % 8];
    if (wire === 0) {
      const [value, next] = varint(bytes, begin);
      yield [field, value];
      at = next;
      continue;
    }
    const [length, from] = wire === 2 ? varint(bytes, begin) : [wire === 5 ? 4 : 8, begin];
    if (![1, 2, 5].includes(wire) || from + length > bytes.length) throw new Error(`field ${field} is torn`);
    yield [field, bytes.subarray(from, from + length)];
    at = from + length;
  }
}

/** The repeated message or string fields of one number. */
const messages = (fields: readonly Field[], number: number): Uint8Array[] =>
  fields.flatMap(([field, value]) => (field === number && value instanceof Uint8Array ? [value] : []));

/** Repeated whole numbers, one a field or packed into one. */
function wholeNumbers(fields: readonly Field[], number: number): number[] {
  return fields.flatMap(([field, value]) => {
    if (field !== number) return [];
    if (typeof value === 'number') return [value];
    const unpacked: number[] = [];
    for (let at = 0; at < value.length; ) {
      const [next, end] = varint(value, at);
      unpacked.push(next);
      at = end;
    }
    return unpacked;
  });
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** Little-endian floats, wherever the bytes begin. */
const floats = (bytes: Uint8Array): Float32Array => new Float32Array(Uint8Array.from(bytes).buffer);

/** TensorProto: dims 1, data_type 2, float_data 4, name 8, raw_data 9. */
function parseTensor(bytes: Uint8Array): [name: string, tensor: Tensor] {
  const fields = [...fieldsOf(bytes)];
  const [type] = wholeNumbers(fields, 2);
  if (type !== 1) throw new Error(`a tensor of ONNX data type ${type}: only float32 (1) is read`);
  const [raw] = messages(fields, 9);
  const data = raw ?? Buffer.concat(messages(fields, 4));
  return [text(messages(fields, 8)[0]), new Tensor(floats(data), wholeNumbers(fields, 1))];
}

/** AttributeProto: name 1, f 2, i 3, s 4, ints 8, type 20 (1 float, 2 int, 3 string, 7 ints). */
function parseAttribute(bytes: Uint8Array): [string, number | string | number[]] {
  const fields = [...fieldsOf(bytes)];
  const name = text(messages(fields, 1)[0]);
  const [type] = wholeNumbers(fields, 20);
  if (type === 1) return [name, floats(messages(fields, 2)[0])[0]];
  if (type === 2) return [name, wholeNumbers(fields, 3)[0]];
  if (type === 3) return [name, text(messages(fields, 4)[0])];
  if (type === 7) return [name, wholeNumbers(fields, 8)];
  throw new Error(`attribute ${name} of ONNX type ${type} is not read`);
}

/** NodeProto: input 1, op_type 4, attribute 5. */
function parseNode(bytes: Uint8Array): OnnxNode {
  const fields = [...fieldsOf(bytes)];
  return {
    operator: text(messages(fields, 4)[0]),
    inputs: messages(fields, 1).map(text),
    attributes: Object.fromEntries(messages(fields, 5).map(parseAttribute)),
  };
}

/** The graph of a model file. ModelProto: graph 7; GraphProto: node 1, initializer 5. */
export function readOnnxModel(path: string): OnnxGraph {
  const [graph] = messages([...fieldsOf(readFileSync(path))], 7);
  if (graph === undefined) throw new Error(`${path} holds no graph`);
  const fields = [...fieldsOf(graph)];
  return {
    nodes: messages(fields, 1).map(parseNode),
    initializers: new Map(messages(fields, 5).map(parseTensor)),
  };
}

/** The tensor of a `.pb` file. */
export const readOnnxTensor = (path: string): Tensor => parseTensor(readFileSync(path))[1];
