// Which arrays a tensor may wrap: float32 in memory that only this thread writes to, and that stays where it is.

import { types } from 'node:util';
import { show, wrongType } from '../errors.js';

/** The array as a user gave it, known to be float32 in plain, fixed, present memory. */
export function plainArray(data: unknown): Float32Array {
  if (!types.isFloat32Array(data)) {
    const cure = Array.isArray(data) ? 'use Tensor.from(...) for nested arrays' : 'use new Float32Array(...)';
    throw wrongType('Tensor', `data must be a Float32Array, not ${show(data)}`, cure);
  }
  const buffer: ArrayBufferLike & { resizable?: boolean; detached?: boolean } = data.buffer;
  if (types.isSharedArrayBuffer(buffer)) {
    throw wrongType(
      'Tensor',
      'data lies in a SharedArrayBuffer, which other threads may write to',
      'copy it: new Float32Array(data)',
    );
  }
  if (buffer.resizable) {
    throw wrongType('Tensor', 'data lies in a resizable ArrayBuffer', 'copy it: new Float32Array(data)');
  }
  if (isDetached(buffer)) {
    throw wrongType('Tensor', 'the buffer of data has been detached', 'do not transfer it before use');
  }
  return data;
}

/** `ArrayBuffer.prototype.detached` is newer than the oldest Node supported; a view of a detached buffer cannot be made. */
function isDetached(buffer: ArrayBufferLike): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
