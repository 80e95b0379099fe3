// Reads the test vectors: float32 tensors of a safetensors file, by name. The library's own reader is judged elsewhere.

import { readFileSync } from 'node:fs';

export interface Stored {
  shape: number[];
  data: Float32Array;
}

/** Float32 tensors by name. A header length as 64 bits, a JSON header, then the numbers. */
export function readSafetensors(path: URL): Map<string, Stored> {
  const file = readFileSync(path);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> =
    JSON.parse(file.toString('utf8', 8, 8 + headerLength));
  const tensors = new Map<string, Stored>();
  for (const [name, entry] of Object.entries(header)) {
    if (entry.dtype !== 'F32') continue;
    const [begin, end] = entry.data_offsets;
    const bytes = file.subarray(8 + headerLength + begin, 8 + headerLength + end);
    tensors.set(name, { shape: entry.shape, data: new Float32Array(new Uint8Array(bytes).buffer) });
  }
  return tensors;
}
