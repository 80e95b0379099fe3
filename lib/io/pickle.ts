// A reader of pickles that can only build what it is given: Python's stack machine without Python. Names are looked up in a
// list, "calls" go to functions of that list, and what a pickle may claim is bounded by its own length and by fixed limits.
// Opcodes are those of protocols 2 to 5 that torch.save writes (Python's Lib/pickletools.py describes them).

import { Callable, Dictionary, describe, Opaque, Tuple, type Value } from './pickle-values.js';

/** Of a pickle; the weights lie beside it. */
export const LONGEST_PICKLE = 1 << 24;
/** What a pickle may make, all values together: about 32 bytes each, so memory stays below 200 MB. */
const MOST_VALUES = 1 << 22;
const COST = { text: 2, tuple: 4, dictionary: 32, entry: 4 } as const;
const MOST_MEMO = 1 << 20;
/** Of a class's or module's name. */
const LONGEST_NAME = 256;
/** Bytes of a whole number; nothing real has more. */
const LONGEST_NUMBER = 64;

export interface PickleWorld {
  /** The class or function of a name. It throws for those that are not known. */
  find(module: string, name: string): Value;
  /** What a persistent id stands for. */
  persistent(id: Value): Value;
  fail(law: string, cure?: string): never;
}

const MARK = Symbol('mark');
const LIST = new Opaque('a list');
const SET = new Opaque('a set');
const BYTES = new Opaque('bytes');

/** The value of a pickle. */
export function unpickle(bytes: Uint8Array, world: PickleWorld): Value {
  return new Unpickler(bytes, world).run();
}

class Unpickler {
  private at = 0;
  private readonly view: DataView;
  private readonly stack: (Value | typeof MARK)[] = [];
  private readonly memo = new Map<number, Value>();
  private values = 0;
  private readonly text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(
    private readonly bytes: Uint8Array,
    private readonly world: PickleWorld,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): Value {
    if (this.bytes.length > LONGEST_PICKLE) {
      this.wrong(`has ${this.bytes.length} bytes, the limit is ${LONGEST_PICKLE}`);
    }
    for (;;) {
      const opcode = this.byte();
      if (opcode === 0x2e) return this.stop();
      this.step(opcode);
    }
  }

  private stop(): Value {
    const value = this.pop();
    if (this.stack.length > 0) this.wrong(`ends with ${this.stack.length} values left over`);
    if (this.at !== this.bytes.length) this.wrong('goes on after its end');
    return value;
  }

  private step(opcode: number): void {
    const value = this.literal(opcode) ?? this.made(opcode);
    if (value !== undefined) this.push(value);
    else if (opcode === 0x4e) this.push(null);
    else this.act(opcode);
  }

  /** Values that are spelled out. */
  private literal(opcode: number): Exclude<Value, null> | undefined {
    switch (opcode) {
      case 0x88:
        return true;
      case 0x89:
        return false;
      case 0x4a: // BININT
        return this.view.getInt32(this.skip(4), true);
      case 0x4b:
        return this.byte();
      case 0x4d:
        return this.view.getUint16(this.skip(2), true);
      case 0x8a: // LONG1
        return this.long(this.byte());
      case 0x8b:
        return this.long(this.unsigned());
      case 0x47: // BINFLOAT
        return this.view.getFloat64(this.skip(8), false);
      case 0x8c: // SHORT_BINUNICODE
        return this.string(this.byte());
      case 0x58:
        return this.string(this.unsigned());
      case 0x8d:
        return this.string(this.wide());
      case 0x43: // SHORT_BINBYTES
        return this.pastBytes(this.byte());
      case 0x42:
        return this.pastBytes(this.unsigned());
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.pastBytes(this.wide());
      case 0x5d: // EMPTY_LIST
        return LIST;
      case 0x8f:
        return SET;
      default:
        return undefined;
    }
  }

  /** Values made of others. */
  private made(opcode: number): Value | undefined {
    switch (opcode) {
      case 0x7d: // EMPTY_DICT
        this.count(COST.dictionary);
        return new Dictionary();
      case 0x29: // EMPTY_TUPLE
        return this.tuple([]);
      case 0x74:
        return this.tuple(this.toMark());
      case 0x85: // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return this.tuple(this.popped(opcode - 0x84));
      case 0x91: // FROZENSET
        this.toMark();
        return SET;
      case 0x63: // GLOBAL
        return this.find(this.line(), this.line());
      case 0x93:
        return this.find(...this.popped(2));
      case 0x51: // BINPERSID
        return this.world.persistent(this.pop());
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.called(...this.popped(2));
      case 0x68: // BINGET
        return this.recalled(this.byte());
      case 0x6a:
        return this.recalled(this.unsigned());
      default:
        return undefined;
    }
  }

  /** What changes values, or the stack alone. */
  private act(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        this.checkProtocol(this.byte());
        break;
      case 0x95: // FRAME: a hint for readers of streams
        this.skip(8);
        break;
      case 0x28: // MARK
        this.count(1);
        this.stack.push(MARK);
        break;
      case 0x30: // POP
        if (this.stack.pop() === undefined) this.wrong('takes a value from an empty stack');
        break;
      case 0x31: // POP_MARK
        this.toMark();
        break;
      case 0x61: // APPEND
        this.pop();
        this.checkList();
        break;
      case 0x65: // APPENDS
      case 0x90: // ADDITEMS
        this.toMark();
        this.checkList();
        break;
      case 0x73: // SETITEM
        this.setItems(this.popped(2));
        break;
      case 0x75:
        this.setItems(this.toMark());
        break;
      case 0x62: // BUILD
        this.build();
        break;
      case 0x71: // BINPUT
        this.remember(this.byte());
        break;
      case 0x72:
        this.remember(this.unsigned());
        break;
      case 0x94: // MEMOIZE
        this.remember(this.memo.size);
        break;
      default:
        this.at--;
        this.wrong(
          `has the opcode 0x${opcode.toString(16).padStart(2, '0')}, which torch.save does not write`,
        );
    }
  }

  private wrong(law: string): never {
    return this.world.fail(`has a pickle that ${law} (byte ${this.at} of ${this.bytes.length})`);
  }

  /** Passes over bytes and gives where they began. */
  private skip(length: number): number {
    const begin = this.at;
    if (length > this.bytes.length - begin) this.wrong('ends too early');
    this.at = begin + length;
    return begin;
  }

  private byte(): number {
    return this.bytes[this.skip(1)];
  }

  private unsigned(): number {
    return this.view.getUint32(this.skip(4), true);
  }

  private wide(): number {
    const value = this.view.getBigUint64(this.skip(8), true);
    return value > BigInt(LONGEST_PICKLE) ? this.wrong('ends too early') : Number(value);
  }

  private string(length: number): string {
    const begin = this.skip(length);
    this.count(COST.text);
    try {
      return this.text.decode(this.bytes.subarray(begin, begin + length));
    } catch {
      return this.wrong('has text that is not UTF-8');
    }
  }

  private pastBytes(length: number): Opaque {
    this.skip(length);
    return BYTES;
  }

  private long(length: number): number | Opaque {
    if (length > LONGEST_NUMBER) this.wrong(`has a whole number of ${length} bytes`);
    const begin = this.skip(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[begin + i]);
    const signed = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : new Opaque('a large whole number');
  }

  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0 || end - this.at > LONGEST_NAME) this.wrong('has a name without an end');
    const name = this.string(end - this.at);
    this.at = end + 1;
    return name;
  }

  private find(module: Value, name: Value): Value {
    if (typeof module !== 'string' || typeof name !== 'string')
      return this.wrong('looks up a name that is no text');
    if (module.length > LONGEST_NAME || name.length > LONGEST_NAME) this.wrong('has a name without an end');
    return this.world.find(module, name);
  }

  private checkProtocol(protocol: number): void {
    if (protocol < 2 || protocol > 5) this.wrong(`has protocol ${protocol}, readable are those from 2 to 5`);
  }

  private count(values: number): void {
    this.values += values;
    if (this.values > MOST_VALUES) this.wrong(`makes more than ${MOST_VALUES} values`);
  }

  private push(value: Value): void {
    this.count(1);
    this.stack.push(value);
  }

  private pop(): Value {
    const value = this.stack.pop();
    if (value === undefined || value === MARK) return this.wrong('takes a value that is not there');
    return value;
  }

  private popped<Count extends number>(count: Count): Count extends 2 ? [Value, Value] : Value[];
  private popped(count: number): Value[] {
    const values: Value[] = [];
    for (let i = 0; i < count; i++) values.push(this.pop());
    return values.reverse();
  }

  /** Takes the values above the last mark, and the mark. */
  private toMark(): Value[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) this.wrong('closes a group that was not opened');
    const values = this.stack.splice(mark) as Value[];
    values.shift();
    return values;
  }

  private top(): Value {
    const value = this.stack.at(-1);
    return value === undefined || value === MARK ? this.wrong('changes a value that is not there') : value;
  }

  private tuple(items: Value[]): Tuple {
    this.count(COST.tuple + items.length);
    return new Tuple(items);
  }

  private checkList(): void {
    if (!(this.top() instanceof Opaque)) this.wrong(`appends to ${describe(this.top())}`);
  }

  private setItems(items: readonly Value[]): void {
    const target = this.top();
    if (target instanceof Opaque) return;
    if (!(target instanceof Dictionary)) {
      this.wrong(`sets entries of ${describe(target)}`);
    }
    if (items.length % 2 !== 0) this.wrong('has a dictionary whose last name has no value');
    this.count(COST.entry * items.length);
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key === 'string') target.entries.set(key, items[i + 1]);
    }
  }

  private called(callable: Value, args: Value): Value {
    if (!(callable instanceof Callable)) return this.wrong(`calls ${describe(callable)}`);
    if (!(args instanceof Tuple)) return this.wrong(`calls ${callable.name} with ${describe(args)}`);
    return callable.call(args.items);
  }

  /** State that is put on a finished object, such as the `_metadata` of weights: nothing here has any use for it. */
  private build(): void {
    this.pop();
    const target = this.top();
    if (!(target instanceof Dictionary) && !(target instanceof Opaque)) {
      this.wrong(`sets the state of ${describe(target)}`);
    }
  }

  private remember(index: number): void {
    if (index >= MOST_MEMO) this.wrong(`remembers a value under ${index}, the limit is ${MOST_MEMO}`);
    this.memo.set(index, this.top());
  }

  private recalled(index: number): Value {
    const value = this.memo.get(index);
    if (value === undefined) return this.wrong(`recalls a value ${index} that it did not remember`);
    return value;
  }
}
