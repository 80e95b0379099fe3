// NumPy's .npy files as tensors, and back.

import { type FileHandle, open } from 'node:fs/promises';
import { show, wrongType, wrongValue } from '../errors.js';
import { Tensor } from '../tensor/tensor.js';
import { writeAtomically } from './atomic.js';
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
 * Reads a .npy file, versions 1 to 3, as a float32 tensor. Bool, integers and float64 are taken too: float64 is
 * rounded to nearest, whole numbers must be exact in float32. Fortran order is reordered. Nothing is allocated
 * before the file is known to hold what its header claims.
 *
 * @throws RangeError for a file that is truncated, too long, no .npy file, or of another dtype.
 * @example
 * const digits = await io.loadNpy('mnist-test-images.npy'); // uint8 in the file
 * digits.shape; // [1000, 28, 28]
 */
export async function loadNpy(path: string): Promise<Tensor> {
  if (typeof path !== 'string') throw wrongType('loadNpy', `path must be a string, received ${show(path)}`);
  const handle = await open(path, 'r');
  try {
    return await readNpy(handle, path);
  } finally {
    await handle.close();
  }
}

const chunkBytes = 1 << 22; // divisible by every element size

async function readNpy(handle: FileHandle, path: string): Promise<Tensor> {
  const { size } = await handle.stat();
  const preamble = await readExactly(handle, 0, Math.min(size, npyPreambleBytes), path);
  const { start, end } = npyHeaderSpan(preamble, path);
  if (end > size) throw wrongValue('loadNpy', `${path} ends inside its header`);
  const text = new TextDecoder().decode(await readExactly(handle, start, end - start, path));
  const { descr, fortranOrder, shape } = parseNpyHeader(text, path);
  const element = npyElement(descr, path);
  const count = shape.reduce((product, length) => product * length, 1);
  const needed = count * element.bytes;
  if (needed !== size - end) {
    throw wrongValue(
      'loadNpy',
      `${path} claims ${needed} bytes of elements (${descr}, shape [${shape.join(', ')}]), but ${size - end} follow its header`,
      needed > size - end ? 'the file is truncated' : 'the file is damaged, or holds several arrays',
    );
  }
  const values = new Float32Array(count);
  for (let at = 0; at < needed; at += chunkBytes) {
    const bytes = await readExactly(handle, end + at, Math.min(chunkBytes, needed - at), path);
    element.decode(bytes, values.subarray(at / element.bytes, (at + bytes.length) / element.bytes));
  }
  return new Tensor(fortranOrder ? fromFortranOrder(values, shape) : values, shape);
}

async function readExactly(
  handle: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, length - done, position + done);
    if (bytesRead === 0) throw wrongValue('loadNpy', `${path} became shorter while it was read`);
    done += bytesRead;
  }
  return bytes;
}
