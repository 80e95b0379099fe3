// The Python names that a checkpoint of weights needs, and what stands for each here. Everything else is refused by its name.

import { MAX_DIMENSIONS } from '../tensor/shape.js';
import type { ElementType } from './elements.js';
import { quoted } from './json-reader.js';
import {
  Callable,
  Dictionary,
  Dtype,
  describe,
  Opaque,
  OtherTensor,
  StorageClass,
  StorageRef,
  TensorRef,
  Tuple,
  type Value,
} from './pickle-values.js';

type Fail = (law: string, cure?: string) => never;

/** By PyTorch's name: bytes of an element, what it is read as, and the name of its storages where they have one. */
const dtypes: readonly (readonly [
  name: string,
  bytes: number,
  type: ElementType | null,
  storage?: string,
])[] = [
  ['float64', 8, 'float64', 'DoubleStorage'],
  ['float32', 4, 'float32', 'FloatStorage'],
  ['float16', 2, 'float16', 'HalfStorage'],
  ['bfloat16', 2, 'bfloat16', 'BFloat16Storage'],
  ['int64', 8, 'int64', 'LongStorage'],
  ['int32', 4, 'int32', 'IntStorage'],
  ['int16', 2, 'int16', 'ShortStorage'],
  ['int8', 1, 'int8', 'CharStorage'],
  ['uint8', 1, 'uint8', 'ByteStorage'],
  ['bool', 1, 'bool', 'BoolStorage'],
  ['uint16', 2, 'uint16'],
  ['uint32', 4, 'uint32'],
  ['uint64', 8, 'uint64'],
  ['complex32', 4, null, 'ComplexHalfStorage'],
  ['complex64', 8, null, 'ComplexFloatStorage'],
  ['complex128', 16, null, 'ComplexDoubleStorage'],
  ['float8_e4m3fn', 1, null],
  ['float8_e5m2', 1, null],
  ['float8_e4m3fnuz', 1, null],
  ['float8_e5m2fnuz', 1, null],
  ['float8_e8m0fnu', 1, null],
  ['quint8', 1, null, 'QUInt8Storage'],
  ['qint8', 1, null, 'QInt8Storage'],
  ['qint32', 4, null, 'QInt32Storage'],
];

const known = new Map<string, Dtype | StorageClass>([
  ['torch.storage.UntypedStorage', new StorageClass('torch.UntypedStorage', null)],
]);
for (const [name, bytes, type, storage] of dtypes) {
  const dtype = new Dtype(name, type, bytes);
  known.set(`torch.${name}`, dtype);
  if (storage !== undefined) known.set(`torch.${storage}`, new StorageClass(`torch.${storage}`, dtype));
}

/** Values that no weights are found in; what they are called with does not matter. */
const inert: Readonly<Record<string, string>> = {
  'torch.device': 'a device',
  'torch.Size': 'a size',
  'torch.serialization._get_layout': 'a layout',
  'collections.Counter': 'a counter',
  '_codecs.encode': 'bytes',
  'builtins.bytearray': 'bytes',
  'builtins.set': 'a set',
  'builtins.frozenset': 'a set',
  'builtins.complex': 'a complex number',
};

/** Names that stand for themselves: what a defaultdict or a quantized tensor was made with. */
const idle = new Set([
  ...['list', 'dict', 'int', 'float', 'set'].map((name) => `builtins.${name}`),
  ...['per_tensor_affine', 'per_tensor_symmetric', 'per_channel_affine', 'per_channel_symmetric'].map(
    (name) => `torch.${name}`,
  ),
]);

/** Ways to make tensors that are not elements with strides. */
const otherTensors: Readonly<Record<string, string>> = {
  'torch._utils._rebuild_qtensor': 'a quantized tensor',
  'torch._utils._rebuild_sparse_tensor': 'a sparse tensor',
  'torch._utils._rebuild_nested_tensor': 'a nested tensor',
  'torch._utils._rebuild_meta_tensor_no_storage': 'a tensor without elements (of the device meta)',
};

const CURE =
  'load it in Python, and save the weights alone: torch.save(model.state_dict(), path), or a .safetensors file';

/** Looks names up. What it gives does nothing but make records. */
export function nameTable(fail: Fail): (module: string, name: string) => Value {
  const callables = new Map<string, Callable>();
  const define = (name: string, call: (args: readonly Value[]) => Value): void => {
    callables.set(name, new Callable(name, call));
  };
  define('collections.OrderedDict', (args) => {
    if (args.length > 0) fail('makes an OrderedDict of something, which torch.save does not');
    return new Dictionary();
  });
  define('collections.defaultdict', () => new Dictionary());
  define('torch._utils._rebuild_tensor', (args) => view(args, fail));
  define('torch._utils._rebuild_tensor_v2', (args) => view(args, fail));
  define('torch._utils._rebuild_tensor_v3', (args) => view(args, fail, args[6]));
  for (const name of ['_rebuild_parameter', '_rebuild_parameter_with_state']) {
    define(`torch._utils.${name}`, ([data]) => {
      if (data instanceof TensorRef || data instanceof OtherTensor) return data;
      return fail(`makes a parameter of ${data === undefined ? 'nothing' : describe(data)}`);
    });
  }
  for (const [name, what] of Object.entries(inert)) define(name, () => new Opaque(what));
  for (const [name, what] of Object.entries(otherTensors)) define(name, () => new OtherTensor(what));
  return (module, name) => {
    const path = `${module === '__builtin__' ? 'builtins' : module}.${name}`;
    const found = known.get(path) ?? callables.get(path);
    if (found !== undefined) return found;
    if (idle.has(path)) return new Opaque(path);
    return fail(`refers to ${quoted(path)}, which no weights need and nothing here runs`, CURE);
  };
}

/** ('storage', class, key, location, number of elements), as torch.save names its entries. */
export function storageOfId(id: Value, fail: Fail): StorageRef {
  const parts = id instanceof Tuple ? id.items : [];
  const [kind, type, key, , size] = parts;
  if (kind !== 'storage' || !(type instanceof StorageClass) || typeof key !== 'string' || !isNatural(size)) {
    return fail('refers to something outside its pickle that is no storage');
  }
  const bytes = size * (type.dtype?.bytes ?? 1);
  if (!Number.isSafeInteger(bytes)) fail(`claims a storage of ${size} elements`);
  return new StorageRef(key, type.dtype, bytes);
}

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function naturals(value: Value | undefined, what: string, fail: Fail): readonly number[] {
  const items = value instanceof Tuple ? value.items : null;
  if (items === null || items.length > MAX_DIMENSIONS || !items.every(isNatural)) {
    return fail(
      `has a tensor whose ${what} is no tuple of at most ${MAX_DIMENSIONS} whole numbers from 0 up`,
    );
  }
  return items as readonly number[];
}

/** (storage, offset, size, stride, ...), held to the bytes of the storage. */
function view(args: readonly Value[], fail: Fail, given?: Value): TensorRef {
  const [storage, offset, size, stride] = args;
  if (!(storage instanceof StorageRef)) return fail('has a tensor without a storage');
  const dtype = given instanceof Dtype ? given : storage.dtype;
  if (dtype === null) return fail('has a tensor whose elements have no type');
  if (!isNatural(offset)) return fail(`has a tensor whose offset is no whole number from 0 up`);
  const shape = naturals(size, 'size', fail);
  const strides = naturals(stride, 'stride', fail);
  const text = `a tensor of size [${shape.join(', ')}] and stride [${strides.join(', ')}]`;
  if (shape.length !== strides.length) fail(`has ${text}`);
  const count = shape.reduce((product, n) => product * n, 1);
  if (!Number.isSafeInteger(count)) fail(`has ${text}, more elements than can be counted`);
  const last = shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis], offset);
  if (count > 0 && !((last + 1) * dtype.bytes <= storage.bytes)) {
    fail(`has ${text} at offset ${offset}, outside its storage of ${storage.bytes / dtype.bytes} elements`);
  }
  return new TensorRef(storage, dtype, offset, shape, strides);
}
