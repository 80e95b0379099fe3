// PyTorch's answers: cases of test/vectors by family, with their tensors.

import { readFileSync } from 'node:fs';
import { Tensor } from '../../lib/index.js';
import { readSafetensors } from './safetensors.js';

export interface VectorCase {
  name: string;
  op: string;
  params: Record<string, unknown>;
  tensor(role: string): Tensor;
  has(role: string): boolean;
}

export function vectorCases(family: string, op: string): VectorCase[] {
  const folder = new URL('../vectors/', import.meta.url);
  const tensors = readSafetensors(new URL(`${family}.safetensors`, folder));
  const cases: { name: string; op: string; params: Record<string, unknown> }[] = JSON.parse(
    readFileSync(new URL(`${family}.json`, folder), 'utf8'),
  );
  return cases
    .filter((one) => one.op === op)
    .map((one) => ({
      ...one,
      has: (role) => tensors.has(`${one.name}/${role}`),
      tensor(role) {
        const stored = tensors.get(`${one.name}/${role}`);
        if (!stored) throw new Error(`${one.name} has no tensor ${role}`);
        return new Tensor(stored.data.slice(), stored.shape);
      },
    }));
}
