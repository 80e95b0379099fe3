// The native engine for tests that are about it. A silent fallback would hide a broken build, so there is none.
import type { Binding, Isa } from '../../binding.js';
import { nativeEngine } from '../../lib/backend/native.js';

/** The native binding. @throws where it does not load, with the reason */
export function requireNative(): Binding {
  const engine = nativeEngine();
  if (engine.binding === null) throw new Error(`this test needs the native engine: ${engine.reason}`);
  return engine.binding;
}

/** Forces `isa`, and proves that it is in force. */
export function force(binding: Binding, isa: Isa): void {
  binding.useIsa(isa);
  if (binding.isa() !== isa) throw new Error(`forced ${isa}, but ${String(binding.isa())} is in use`);
}
