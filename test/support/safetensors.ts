// Reads the test vectors: the tensors of a safetensors file, by name. The library's own reader is judged elsewhere.

import { readFileSync } from 'node:fs';

export interface Stored {
  shape: number[];
  data: Float32Array;
}

/** Float32 tensors by name, int64 ones (class numbers) as floats. A header length as 64 bits, a JSON header, then the numbers. */
export function readSafetensors(path: URL): Map<string, Stored> {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(file.toString('utf8', 8, 8 + headerLength));
  const tensors = new Map<string, Stored>();
  for (const [name, entry] of Object.entries(header)) {
    const [begin, end] = entry.data_offsets;
    const bytes = file.subarray(8 + headerLength + begin, 8 + headerLength + end);
    const { buffer } = new Uint8Array(bytes);
    const data =
      entry.dtype === 'I64' ? Float32Array.from(new BigInt64Array(buffer), Number) : new Float32Array(buffer);
    if (entry.dtype !== 'F32' && entry.dtype !== 'I64') throw new Error(`${name} is ${entry.dtype}`);
    tensors.set(name, { shape: entry.shape, data });
  }
  return tensors;
}
