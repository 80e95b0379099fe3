// What a checkpoint's pickle can hold once it is read: plain values, and inert records of what PyTorch would have built.
// None of them can do anything.

import type { ElementType } from './elements.js';

/** A list, set, number or other value that weights are not found in: only that it was there. */
export class Opaque {
  constructor(readonly what: string) {}
}

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

/** A dictionary's entries under names; those under numbers and other keys lead to no weights and are dropped. */
export class Dictionary {
  readonly entries = new Map<string, Value>();
}

/** A class or function, by its Python name: one of those in the list of what is known. */
export class Callable {
  constructor(
    readonly name: string,
    readonly call: (args: readonly Value[]) => Value,
  ) {}
}

/** A kind of element: torch.float16, or what torch.HalfStorage holds. `type` is null where no float32 can stand for it. */
export class Dtype {
  constructor(
    /** As PyTorch spells it: 'float16'. */
    readonly name: string,
    readonly type: ElementType | null,
    /** Of one element. */
    readonly bytes: number,
  ) {}
}

/** torch.FloatStorage and its kin; an untyped one counts bytes. */
export class StorageClass {
  constructor(
    readonly name: string,
    readonly dtype: Dtype | null,
  ) {}
}

/** A run of elements in an entry of the archive. */
export class StorageRef {
  constructor(
    readonly key: string,
    /** null where the tensor over it says what its bytes are. */
    readonly dtype: Dtype | null,
    readonly bytes: number,
  ) {}
}

/** A strided view of a storage. */
export class TensorRef {
  constructor(
    readonly storage: StorageRef,
    readonly dtype: Dtype,
    /** In elements, as the strides are. */
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** A tensor that is not elements with strides: quantized, sparse, without a storage. */
export class OtherTensor {
  constructor(readonly what: string) {}
}

export type Value =
  | null
  | boolean
  | number
  | string
  | Opaque
  | Tuple
  | Dictionary
  | Callable
  | Dtype
  | StorageClass
  | StorageRef
  | TensorRef
  | OtherTensor;

/** What a value is, for sentences. */
export function describe(value: Value): string {
  if (value === null) return 'None';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Opaque || value instanceof OtherTensor) return value.what;
  if (value instanceof Tuple) return 'a tuple';
  if (value instanceof Dictionary) return 'a dictionary';
  if (value instanceof TensorRef) return 'a tensor';
  if (value instanceof StorageRef) return 'a storage';
  return value.name;
}
