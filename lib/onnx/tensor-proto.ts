// One tensor of a model: its header, then its numbers, wherever they are: raw bytes, typed fields, or a file beside the
// model's. Nothing is allocated for numbers that are not there.

import { show } from '../errors.js';
import { Part, readElements, type Source, take } from '../io/byte-reader.js';
import { bytesOf, decode, type ElementType } from '../io/elements.js';
import { elementCount, MAX_DIMENSIONS, showShape } from '../tensor/shape.js';
import { type DataType, dataType, dataTypeName } from './data-types.js';
import { Host } from './host.js';
import { Cursor, fieldsIn } from './source.js';
import { addNumbers, DAMAGED, type Field, fieldsOf, numberIn, textIn, VARINT_BYTES } from './wire.js';

/** Where a tensor's numbers lie in a file beside the model's. */
export interface External {
  readonly location: string;
  readonly offset: number;
  /** In bytes; null where the file says nothing. */
  readonly length: number | null;
}

export interface TensorHeader {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly source: Source;
  /** The message. */
  readonly begin: number;
  readonly end: number;
  /** [begin, end) of the raw bytes. */
  readonly raw: readonly [number, number] | null;
  readonly external: External | null;
}

const quoted = (name: string): string => `tensor ${show(name)}`;
const LONGEST_NAME = 1 << 16;

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9, external_data 13, data_location 14. */
export async function readHeader(source: Source, begin: number, end: number): Promise<TensorHeader> {
  const fail = (law: string, cure?: string): never => source.fail(law, cure);
  /** A small field's bytes, as a field of them. */
  const small = async (field: Field): Promise<[Uint8Array, Field]> => {
    const length = field.end - field.begin;
    if (length > LONGEST_NAME) fail(`holds ${length} bytes in field ${field.number} of a tensor`, DAMAGED);
    return [await source.read(field.begin, length), { ...field, begin: 0, end: length }];
  };
  const dims: number[] = [];
  const entries = new Map<string, string>();
  let [name, number, located] = ['', 0, 0];
  let raw: readonly [number, number] | null = null;
  for await (const field of fieldsIn(source, begin, end)) {
    if (field.number === 1) {
      if (field.wire === 0) dims.push(field.value);
      else addNumbers(dims, ...(await small(field)), fail);
      if (dims.length > MAX_DIMENSIONS) fail(`holds a tensor of more than ${MAX_DIMENSIONS} dimensions`);
    } else if (field.number === 2) number = numberIn(field, fail);
    else if (field.number === 8) name = textIn(...(await small(field)), fail);
    else if (field.number === 9) {
      if (field.wire !== 2) fail('holds raw data that are no bytes', DAMAGED);
      raw = [field.begin, field.end];
    } else if (field.number === 13) {
      const [bytes] = await small(field);
      let [key, value] = ['', ''];
      for (const one of fieldsOf(bytes, fail)) {
        if (one.number === 1) key = textIn(bytes, one, fail);
        if (one.number === 2) value = textIn(bytes, one, fail);
      }
      entries.set(key, value);
    } else if (field.number === 14) located = numberIn(field, fail);
  }
  const type = dataType(number);
  if (type === undefined) {
    return fail(
      `holds ${quoted(name)} as ${dataTypeName(number)}, which convkit does not read`,
      'floats, whole numbers and booleans are read: convert it before',
    );
  }
  const count = elementCount(dims);
  if (!dims.every((size) => Number.isInteger(size) && size >= 0) || !Number.isSafeInteger(count * 8)) {
    fail(`holds ${quoted(name)} of shape ${showShape(dims)}`, DAMAGED);
  }
  const external = located === 1 ? externalOf(entries, name, fail) : null;
  return { name, type, shape: dims, source, begin, end, raw, external };
}

function externalOf(
  entries: ReadonlyMap<string, string>,
  name: string,
  fail: (law: string, cure?: string) => never,
): External {
  const whole = (key: string): number | null => {
    const text = entries.get(key);
    if (text === undefined) return null;
    if (!/^\d{1,15}$/.test(text)) fail(`holds ${quoted(name)} in a file at ${key} ${show(text)}`, DAMAGED);
    return Number(text);
  };
  const location = entries.get('location');
  if (location === undefined || location === '') return fail(`does not say which file holds ${quoted(name)}`);
  return { location, offset: whole('offset') ?? 0, length: whole('length') };
}

/** The numbers of a tensor that lie in the model itself. */
export async function readNumbers(header: TensorHeader): Promise<Host> {
  const { name, type, shape, source, begin, end, raw } = header;
  const count = elementCount(shape);
  if (raw !== null) {
    const [from, to] = raw;
    return readRaw(header, new Part(source, from, to));
  }
  // A number takes a byte at least
  const width = type.field === 4 ? 4 : type.field === 10 ? 8 : 1;
  if (count * width > end - begin) {
    source.fail(
      `has ${end - begin} bytes of ${quoted(name)}, whose shape ${showShape(shape)} needs more`,
      DAMAGED,
    );
  }
  const host = new Host(
    type.kind,
    shape,
    type.kind === 'float' ? new Float32Array(count) : new Float64Array(count),
  );
  let done = 0;
  const more = (found: number): void => {
    if (found > count - done)
      source.fail(`has more numbers of ${quoted(name)} than its shape ${showShape(shape)}`);
  };
  for await (const field of fieldsIn(source, begin, end)) {
    if (field.number !== type.field) continue;
    const bytes = field.end - field.begin;
    if (type.field === 4 || type.field === 10) {
      if (field.wire === 0 || bytes % width !== 0)
        source.fail(`has torn numbers of ${quoted(name)}`, DAMAGED);
      more(bytes / width);
      const element = type.field === 4 ? 'float32' : 'float64';
      const part = await readElements(
        new Part(source, field.begin, field.end),
        { type: element, little: true, shape: [bytes / width], name: quoted(name) },
        'loadOnnx',
      );
      host.values.set(part, done);
      done += bytes / width;
      continue;
    }
    if (field.wire !== 0 && field.wire !== 2) source.fail(`has torn numbers of ${quoted(name)}`, DAMAGED);
    const cursor = new Cursor(source, field.begin, field.end);
    while (cursor.position < field.end) {
      await cursor.ensure(VARINT_BYTES);
      while (cursor.position < field.end && cursor.has(VARINT_BYTES)) {
        more(1);
        host.values[done++] = asType(type.element, cursor.varint());
      }
    }
  }
  if (done !== count)
    source.fail(`has ${done} numbers of ${quoted(name)}, whose shape is ${showShape(shape)}`, DAMAGED);
  return host;
}

/** A number of a field of varints: small floats are their bits there. */
function asType(element: ElementType, value: number): number {
  if (element === 'bool') return value === 0 ? 0 : 1;
  if (element !== 'float16' && element !== 'bfloat16') return value;
  const bits = new DataView(new ArrayBuffer(2));
  bits.setUint16(0, value & 0xffff, true);
  const one = new Float32Array(1);
  decode(element, new Uint8Array(bits.buffer), one, true);
  return one[0];
}

/** The numbers of a tensor as bytes of their type, all that there are. */
export async function readRaw(header: TensorHeader, part: Part): Promise<Host> {
  const { name, type, shape } = header;
  const { element, kind } = type;
  const count = elementCount(shape);
  if (part.remaining !== count * bytesOf(element)) {
    part.fail(
      `has ${part.remaining} bytes of ${quoted(name)}, whose shape ${showShape(shape)} and type ${type.name} need ${count * bytesOf(element)}`,
      DAMAGED,
    );
  }
  if (kind === 'float') {
    const plan = { type: element, little: true, shape, name: quoted(name) };
    return new Host(kind, shape, await readElements(part, plan, 'loadOnnx'));
  }
  const values = new Float64Array(count);
  const size = bytesOf(element);
  for (let done = 0; done < count; ) {
    const elements = Math.min(CHUNK, count - done);
    const bytes = await take(part, elements * size);
    wholeNumbers(element, bytes, values.subarray(done, done + elements));
    done += elements;
  }
  return new Host(kind, shape, values);
}

const CHUNK = 1 << 16;

/** Whole numbers as float64, rounded beyond 2^53: shapes say "to the end" that way. */
function wholeNumbers(element: ElementType, bytes: Uint8Array, target: Float64Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 0; i < target.length; i++) {
    if (element === 'int64') target[i] = Number(view.getBigInt64(8 * i, true));
    else if (element === 'uint64') target[i] = Number(view.getBigUint64(8 * i, true));
    else if (element === 'uint32') target[i] = view.getUint32(4 * i, true);
    else if (element === 'int32') target[i] = view.getInt32(4 * i, true);
    else if (element === 'uint16') target[i] = view.getUint16(2 * i, true);
    else if (element === 'int16') target[i] = view.getInt16(2 * i, true);
    else if (element === 'int8') target[i] = view.getInt8(i);
    else target[i] = element === 'bool' ? Number(view.getUint8(i) !== 0) : view.getUint8(i);
  }
}
