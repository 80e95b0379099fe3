// The element types of ONNX tensors: their numbers in files, their names, and what convkit reads them as.

import type { ElementType } from '../io/elements.js';

/** Floats of any width become float32; whole numbers and booleans are for shapes. */
export type HostType = 'float' | 'int' | 'bool';

export interface DataType {
  readonly name: string;
  readonly kind: HostType;
  readonly element: ElementType;
  /** The field of a tensor that holds such numbers where they are not raw bytes. */
  readonly field: 4 | 5 | 7 | 10 | 11;
}

const type = (name: string, kind: HostType, field: DataType['field'], element?: ElementType): DataType => ({
  name,
  kind,
  field,
  element: element ?? (name as ElementType),
});

const TYPES: ReadonlyMap<number, DataType> = new Map([
  [1, type('float32', 'float', 4)],
  [2, type('uint8', 'int', 5)],
  [3, type('int8', 'int', 5)],
  [4, type('uint16', 'int', 5)],
  [5, type('int16', 'int', 5)],
  [6, type('int32', 'int', 5)],
  [7, type('int64', 'int', 7)],
  [9, type('bool', 'bool', 5)],
  [10, type('float16', 'float', 5)],
  [11, type('float64', 'float', 10)],
  [12, type('uint32', 'int', 11)],
  [13, type('uint64', 'int', 11)],
  [16, type('bfloat16', 'float', 5)],
]);

const OTHERS: ReadonlyMap<number, string> = new Map([
  [8, 'string'],
  [14, 'complex64'],
  [15, 'complex128'],
  [17, 'float8e4m3fn'],
  [18, 'float8e4m3fnuz'],
  [19, 'float8e5m2'],
  [20, 'float8e5m2fnuz'],
  [21, 'uint4'],
  [22, 'int4'],
  [23, 'float4e2m1'],
]);

/** A type by its number; undefined where convkit reads none such. */
export const dataType = (number: number): DataType | undefined => TYPES.get(number);

export const dataTypeName = (number: number): string =>
  TYPES.get(number)?.name ?? OTHERS.get(number) ?? `data type ${number}`;
