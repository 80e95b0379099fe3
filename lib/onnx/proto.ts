// A model's nodes as the file has them: names, attributes, and what the values that go in and out are declared as.

import { addFloats, addNumbers, bytesIn, type Fail, fieldsOf, numberIn, textIn } from './wire.js';

/** What an attribute holds. A tensor's bytes, and a graph's, are read when someone asks. */
export type Attribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor' | 'graph'; readonly value: Uint8Array }
  | { readonly kind: 'other' };

export interface NodeProto {
  readonly operator: string;
  /** '' is ONNX itself. */
  readonly domain: string;
  readonly name: string;
  /** Names of values; '' where an optional one is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** The branch that a node is in: what has to hold of these values for it to be run, of the outermost first. */
  readonly when?: readonly Guard[];
}

export interface Guard {
  /** A value that is true or false. */
  readonly name: string;
  readonly is: boolean;
}

/** A graph's input or output: each dimension a size, a name, or null where nothing is said; all null where not even their number is. */
export interface ValueInfo {
  readonly name: string;
  readonly type: number;
  readonly dims: readonly (number | string | null)[] | null;
}

/** NodeProto: input 1, output 2, name 3, op_type 4, attribute 5, domain 7. */
export function parseNode(bytes: Uint8Array, fail: Fail): NodeProto {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, Attribute>();
  let [operator, name, domain] = ['', '', ''];
  for (const field of fieldsOf(bytes, fail)) {
    if (field.number === 1) inputs.push(textIn(bytes, field, fail));
    else if (field.number === 2) outputs.push(textIn(bytes, field, fail));
    else if (field.number === 3) name = textIn(bytes, field, fail);
    else if (field.number === 4) operator = textIn(bytes, field, fail);
    else if (field.number === 7) domain = textIn(bytes, field, fail);
    else if (field.number === 5) {
      const [key, attribute] = parseAttribute(bytesIn(bytes, field, fail), fail);
      if (attributes.has(key)) fail(`holds two attributes '${key}' of one node`);
      attributes.set(key, attribute);
    }
  }
  return { operator, domain: domain === 'ai.onnx' ? '' : domain, name, inputs, outputs, attributes };
}

/** By their numbers in AttributeProto's `type`. */
const KINDS = ['', 'float', 'int', 'string', 'tensor', 'graph', 'floats', 'ints', 'strings'] as const;

/** AttributeProto: name 1, f 2, i 3, s 4, t 5, g 6, floats 7, ints 8, strings 9, type 20. */
function parseAttribute(bytes: Uint8Array, fail: Fail): [name: string, attribute: Attribute] {
  let name = '';
  let type = 0;
  let seen = 0;
  let [float, int, string] = [0, 0, ''];
  let tensor = new Uint8Array(0);
  const floats: number[] = [];
  const ints: number[] = [];
  const strings: string[] = [];
  for (const field of fieldsOf(bytes, fail)) {
    if (field.number >= 2 && field.number <= 9) seen = field.number;
    if (field.number === 1) name = textIn(bytes, field, fail);
    else if (field.number === 2) {
      const one: number[] = [];
      addFloats(one, bytes, field, fail);
      float = one[0] ?? 0;
    } else if (field.number === 3) int = numberIn(field, fail);
    else if (field.number === 4) string = textIn(bytes, field, fail);
    else if (field.number === 5 || field.number === 6) tensor = bytesIn(bytes, field, fail).slice();
    else if (field.number === 7) addFloats(floats, bytes, field, fail);
    else if (field.number === 8) addNumbers(ints, bytes, field, fail);
    else if (field.number === 9) strings.push(textIn(bytes, field, fail));
    else if (field.number === 20) type = numberIn(field, fail);
  }
  // Old files leave the type out: the field that is there says it
  const kind = type === 0 ? (['', '', ...KINDS.slice(1)][seen] ?? '') : (KINDS[type] ?? '');
  switch (kind) {
    case 'float':
      return [name, { kind, value: float }];
    case 'int':
      return [name, { kind, value: int }];
    case 'string':
      return [name, { kind, value: string }];
    case 'tensor':
    case 'graph':
      return [name, { kind, value: tensor }];
    case 'floats':
      return [name, { kind, value: floats }];
    case 'ints':
      return [name, { kind, value: ints }];
    case 'strings':
      return [name, { kind, value: strings }];
    default:
      return [name, { kind: 'other' }];
  }
}

/** ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } }. */
export function parseValueInfo(bytes: Uint8Array, fail: Fail): ValueInfo {
  let name = '';
  let type = 0;
  let dims: (number | string | null)[] | null = null;
  for (const field of fieldsOf(bytes, fail)) {
    if (field.number === 1) name = textIn(bytes, field, fail);
    if (field.number !== 2) continue;
    const kind = bytesIn(bytes, field, fail);
    for (const one of fieldsOf(kind, fail)) {
      if (one.number !== 1) continue;
      const tensor = bytesIn(kind, one, fail);
      for (const part of fieldsOf(tensor, fail)) {
        if (part.number === 1) type = numberIn(part, fail);
        if (part.number === 2) dims = parseShape(bytesIn(tensor, part, fail), fail);
      }
    }
  }
  return { name, type, dims };
}

function parseShape(bytes: Uint8Array, fail: Fail): (number | string | null)[] {
  const dims: (number | string | null)[] = [];
  for (const field of fieldsOf(bytes, fail)) {
    if (field.number !== 1) continue;
    const dimension = bytesIn(bytes, field, fail);
    let size: number | string | null = null;
    for (const one of fieldsOf(dimension, fail)) {
      if (one.number === 1) size = numberIn(one, fail);
      if (one.number === 2) size = textIn(dimension, one, fail);
    }
    if (dims.length === MOST_DIMENSIONS) fail(`declares a value of more than ${MOST_DIMENSIONS} dimensions`);
    dims.push(size === '' || (typeof size === 'number' && size < 0) ? null : size);
  }
  return dims;
}

const MOST_DIMENSIONS = 64;
