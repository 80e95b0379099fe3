// Every implementation of the contract that this machine can run.
import type { Binding, Isa } from '../../binding.js';
import { nativeEngine } from '../../lib/backend/native.js';
import { reference } from '../../lib/backend/reference/index.js';
import { force, requireNative } from './native.js';

export interface Implementation {
  readonly name: 'reference' | Isa;
  /** The binding, with the instruction set in force. @throws where the native engine does not load */
  get(): Binding;
}

function native(isa: Isa): Implementation {
  return {
    name: isa,
    get: () => {
      const binding = requireNative();
      force(binding, isa);
      return binding;
    },
  };
}

/** The reference first. Where the native engine does not load, 'scalar' stands for it, and fails. */
export const implementations: readonly Implementation[] = [
  { name: 'reference', get: () => reference },
  ...(nativeEngine().binding?.cpu().supported ?? (['scalar'] as const)).map(native),
];
