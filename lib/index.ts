// The public names of the package; nobody inside imports them from here.

import { info, releaseScratch, setThreads, use } from './backend/index.js';

export type { ActivationKind, Isa, PaddingMode } from '../binding.js';
export * as analysis from './analysis/index.js';
export type { BackendInfo } from './backend/index.js';
export { BackendError, SessionError, ShapeError } from './errors.js';
export * as io from './formats.js';
export { type CompileOptions, compile } from './graph/compile.js';
export type { Profile, ProfiledStep } from './graph/profile.js';
export type { Outputs, Session } from './graph/session.js';
export type { SessionSummary } from './graph/summary.js';
export * as models from './models/index.js';
export * as nn from './nn/index.js';
export { getRngState, manualSeed, type RngState, setRngState } from './numerics/philox.js';
export * as ops from './ops/index.js';
export type { ForwardOptions } from './ops/run.js';
export * as optim from './optim/index.js';
export type { Nested } from './tensor/nested.js';
export { noGrad } from './tensor/no-grad.js';
export { type RandomOptions, Tensor } from './tensor/tensor.js';

/** What computes underneath, and how many threads it takes. */
export const backend = { info, use, setThreads, releaseScratch } as const;
