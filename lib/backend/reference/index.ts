// The contract in pure TypeScript: what judges the native engine, and what answers where none loads.
import { cpus } from 'node:os';
import type { Binding, Call, Job, Operations, Program } from '../../../binding.js';
import { BackendError, wrongValue } from '../../errors.js';
import { binaryWork, broadcastWork } from './broadcast.js';
import { checkCount, oneOf } from './checks.js';
import { createConv, createFilterRoom, packFilter, releaseFilter } from './conv.js';
import { convWork } from './conv-work.js';
import { crossEntropyGradientWork, crossEntropyWork } from './cross-entropy.js';
import { dropoutMaskWork } from './dropout.js';
import { activateGradientWork, activateWork, modulusGradientWork, modulusWork } from './elementwise.js';
import { runInBackground, type Work } from './jobs.js';
import { concatWork, toChannelsFirstWork, toChannelsLastWork } from './layout.js';
import { localResponseGradientWork, localResponseWork } from './local-response.js';
import { measureBandwidth, measurePeak } from './measure.js';
import { affineWork, normalizeWork } from './norm.js';
import { normalizeGradientWork } from './norm-gradient.js';
import { adamWork, clampWork, scaleWork, sgdWork, sumSquaresWork } from './optim.js';
import { createPool, poolWork } from './pool.js';
import { poolGradientWork } from './pool-gradient.js';
import { programOf, programWork } from './program.js';
import { remapGradientWork, remapWork } from './remap.js';
import { resizeBytes } from './resize-bytes.js';
import { scaleRows } from './scale-rows.js';
import { softmaxGradientWork, softmaxWork } from './softmax.js';
import { sparseWork } from './sparse.js';
import { sumPositionsWork, sumWork } from './sums.js';
import { convWeightGradientWork } from './weight-gradient.js';
import { foldWork, unfoldWork } from './windows.js';

type Planners = { readonly [K in keyof Operations]: (...args: Parameters<Operations[K]>) => Work };

const planners: Planners = {
  conv: convWork,
  convWeightGradient: convWeightGradientWork,
  pool: poolWork,
  poolGradient: poolGradientWork,
  activate: activateWork,
  activateGradient: activateGradientWork,
  binary: binaryWork,
  broadcast: broadcastWork,
  sum: sumWork,
  modulus: modulusWork,
  modulusGradient: modulusGradientWork,
  concat: concatWork,
  unfold: unfoldWork,
  fold: foldWork,
  remap: remapWork,
  remapGradient: remapGradientWork,
  sparse: sparseWork,
  sumPositions: sumPositionsWork,
  sumSquares: sumSquaresWork,
  scale: scaleWork,
  clamp: clampWork,
  sgdStep: sgdWork,
  adamStep: adamWork,
  affine: affineWork,
  normalize: normalizeWork,
  normalizeGradient: normalizeGradientWork,
  softmax: softmaxWork,
  softmaxGradient: softmaxGradientWork,
  crossEntropy: crossEntropyWork,
  crossEntropyGradient: crossEntropyGradientWork,
  dropoutMask: dropoutMaskWork,
  localResponse: localResponseWork,
  localResponseGradient: localResponseGradientWork,
  program: programWork,
  toChannelsLast: toChannelsLastWork,
  toChannelsFirst: toChannelsFirstWork,
};

const OPERATIONS = Object.keys(planners) as (keyof Operations)[];

function inForeground<K extends keyof Operations>(operation: K) {
  return (...args: Parameters<Operations[K]>): void => {
    const work = planners[operation](...args);
    work.run(0, work.units);
  };
}

function submit<K extends keyof Operations>(operation: K, ...args: Parameters<Operations[K]>): Job {
  oneOf('submit', 'operation', operation, OPERATIONS);
  return runInBackground(planners[operation](...args));
}

function workOf<K extends keyof Operations>([operation, ...args]: readonly [
  K,
  ...Parameters<Operations[K]>,
]): Work {
  return planners[operation](...args);
}

function createProgram(calls: readonly Call[]): Program {
  return programOf(
    calls.map((call) => {
      const [operation] = call;
      oneOf('createProgram', 'each operation', operation, OPERATIONS);
      if (operation === 'program')
        throw wrongValue('createProgram', "'program' is no operation of a program");
      return workOf(call);
    }),
  );
}

/** The reference backend: one thread, no instruction set of its own. */
export const reference: Binding = {
  abi: 21,
  createConv,
  createPool,
  createFilterRoom,
  packFilter,
  releaseFilter,
  resizeBytes,
  scaleRows,
  conv: inForeground('conv'),
  convWeightGradient: inForeground('convWeightGradient'),
  pool: inForeground('pool'),
  poolGradient: inForeground('poolGradient'),
  activate: inForeground('activate'),
  activateGradient: inForeground('activateGradient'),
  binary: inForeground('binary'),
  broadcast: inForeground('broadcast'),
  sum: inForeground('sum'),
  modulus: inForeground('modulus'),
  modulusGradient: inForeground('modulusGradient'),
  concat: inForeground('concat'),
  unfold: inForeground('unfold'),
  fold: inForeground('fold'),
  remap: inForeground('remap'),
  remapGradient: inForeground('remapGradient'),
  sparse: inForeground('sparse'),
  sumPositions: inForeground('sumPositions'),
  sumSquares: inForeground('sumSquares'),
  scale: inForeground('scale'),
  clamp: inForeground('clamp'),
  sgdStep: inForeground('sgdStep'),
  adamStep: inForeground('adamStep'),
  affine: inForeground('affine'),
  normalize: inForeground('normalize'),
  normalizeGradient: inForeground('normalizeGradient'),
  softmax: inForeground('softmax'),
  softmaxGradient: inForeground('softmaxGradient'),
  crossEntropy: inForeground('crossEntropy'),
  crossEntropyGradient: inForeground('crossEntropyGradient'),
  dropoutMask: inForeground('dropoutMask'),
  localResponse: inForeground('localResponse'),
  localResponseGradient: inForeground('localResponseGradient'),
  program: inForeground('program'),
  toChannelsLast: inForeground('toChannelsLast'),
  toChannelsFirst: inForeground('toChannelsFirst'),
  createProgram,
  submit,
  expectJob() {},
  isa: () => null,
  useIsa(isa) {
    throw new BackendError(
      `backend: the reference backend has no instruction sets, got '${isa}'; use('native', { isa }) chooses one`,
    );
  },
  cpu: () => ({ features: [], supported: ['scalar'], brand: cpus()[0]?.model ?? '' }),
  threads: () => 1,
  setThreads: (count) => checkCount('setThreads', 'count', count, 1),
  beforeLine: () => 0,
  largePages: () => {},
  releaseScratch() {},
  measurePeak,
  measureBandwidth,
  nothing() {},
};
