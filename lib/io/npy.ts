// NumPy's .npy files as tensors, and back.

import { show, wrongType } from '../errors.js';
import { MAX_DIMENSIONS } from '../tensor/shape.js';
import { ROW_MAJOR } from '../tensor/storage.js';
import { Tensor, wrap } from '../tensor/tensor.js';
import { writeAtomically } from './atomic.js';
import { type ByteReader, Part, readElements, take } from './byte-reader.js';
import { bytesOf } from './elements.js';
import { InputFile } from './input-file.js';
import {
  encodeNpyHeader,
  fromFortranOrder,
  npyElement,
  npyHeaderSpan,
  npyPreambleBytes,
  parseNpyHeader,
} from './npy-format.js';
import { littleEndianBytes } from './npy-rows.js';

/**
 * Writes a tensor as a version 1.0 .npy file of little-endian float32 in C order, whole or not at all.
 *
 * @throws RangeError where `path` cannot be written.
 * @example
 * await io.saveNpy('x.npy', Tensor.randn([2, 3])); // numpy.load('x.npy').shape == (2, 3)
 */
export async function saveNpy(path: string, tensor: Tensor): Promise<void> {
  if (!(tensor instanceof Tensor)) {
    throw wrongType('saveNpy', `the second argument must be a Tensor, received ${show(tensor)}`);
  }
  await writeAtomically(path, [encodeNpyHeader(tensor.shape), littleEndianBytes(tensor.data)]);
}

/**
 * Reads a .npy file, versions 1 to 3, as a float32 tensor. Bool, integers, float16 and float64 are taken too: float64 is
 * rounded to nearest, whole numbers must be exact in float32. Fortran order is reordered. Nothing is allocated
 * before the file is known to hold what its header claims.
 *
 * @throws RangeError for a file that is truncated, too long, no .npy file, or of another dtype.
 * @example
 * const digits = await io.loadNpy('mnist-test-images.npy'); // uint8 in the file
 * digits.shape; // [1000, 28, 28]
 */
export function loadNpy(path: string): Promise<Tensor> {
  return InputFile.using(path, 'loadNpy', (file) => readNpy(new Part(file, 0, file.size), 'loadNpy'));
}

/** The array of a .npy file that `reader` is at the beginning of, and that ends where it ends. */
export async function readNpy(reader: ByteReader, operation: string): Promise<Tensor> {
  const fail = (law: string, cure?: string): never => reader.fail(law, cure);
  const preamble = await take(reader, Math.min(reader.remaining, npyPreambleBytes));
  const { start, end } = npyHeaderSpan(preamble, fail);
  const rest = end - preamble.length;
  if (rest < 0) reader.fail(`has a header of ${end - start} bytes`);
  if (rest > reader.remaining) reader.fail('ends inside its header');
  const header = new Uint8Array(end);
  header.set(preamble);
  header.set(await take(reader, rest), preamble.length);
  const { descr, fortranOrder, shape } = parseNpyHeader(
    new TextDecoder().decode(header.subarray(start)),
    fail,
  );
  if (shape.length > MAX_DIMENSIONS)
    reader.fail(`has ${shape.length} dimensions, the limit is ${MAX_DIMENSIONS}`);
  const { type, little } = npyElement(descr, fail);
  const needed = shape.reduce((product, length) => product * length, bytesOf(type));
  if (needed !== reader.remaining) {
    reader.fail(
      `claims ${needed} bytes of elements (${descr}, shape [${shape.join(', ')}]), but ${reader.remaining} follow its header`,
      needed > reader.remaining ? 'the file is truncated' : 'the file is damaged, or holds several arrays',
    );
  }
  const values = await readElements(reader, { type, little, shape, name: 'its array' }, operation);
  return wrap(fortranOrder ? fromFortranOrder(values, shape) : values, ROW_MAJOR, shape);
}
