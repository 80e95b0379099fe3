// The reference backend, for whoever asks. From dist/ it is loaded then, from a file of its own (scripts/bundle.mjs puts other
// code in this file's place): where the native engine computes, a tenth of an import would be spent on it.
import type { Binding } from '../../binding.js';
import { reference } from './reference/index.js';

/** The same one every time. */
export const loadReference = (): Binding => reference;
