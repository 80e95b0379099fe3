// Which implementation of the contract computes: chosen once for each isolate, on first use, and then by name.
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { Binding, Isa } from '../../binding.js';
import { BackendError, show, wrongType, wrongValue } from '../errors.js';
import {
  type BackendName,
  backendFromEnvironment,
  ISAS,
  isaFromEnvironment,
  MAX_THREADS,
  type ThreadChoice,
  threadsFromEnvironment,
} from './environment.js';
import { loadReference } from './load-reference.js';
import { nativeEngine } from './native.js';
import { dropRecycled } from './recycled.js';
import { probeSubnormals } from './subnormals.js';
import { standIn, standInNumber } from './substitute.js';

/** Raised whenever any bit of any result changes. */
export const NUMERICS_VERSION = 4;

/** What computes in this isolate, and why. */
export interface BackendInfo {
  readonly name: BackendName;
  /** The instruction set in use; null for the reference. */
  readonly isa: Isa | null;
  readonly threads: number;
  /** Where that number came from. */
  readonly threadsFrom: string;
  /** The loaded file; null for the reference. */
  readonly binary: string | null;
  /** Why this backend answers; where the native engine did not load, what was tried and what fixes it. */
  readonly reason: string;
  readonly numerics: number;
  /** 'flushed' where a library in this process has set the processor to turn subnormal numbers into zero. */
  readonly subnormals: 'kept' | 'flushed';
}

interface Selection {
  readonly name: BackendName;
  readonly binding: Binding;
  readonly binary: string | null;
  readonly reason: string;
}

let selection: Selection | undefined;
let choices = 0;
let threads: ThreadChoice | undefined;
/** The choice that the native pool has already been told. */
let applied: ThreadChoice | undefined;
const warned = new Set<string>();

/** Node copies this to the workers that a thread starts, so that a worker does not undo what setThreads did. */
const THREADS_KEY = 'convkit:threads';

/**
 * The binding of this isolate. Chosen on first use: the native engine where it loads, else the reference, unless
 * CONVKIT_BACKEND or `use` names one.
 *
 * @throws BackendError where the native engine was demanded and does not load
 */
export function active(): Binding {
  return standIn()?.binding ?? selected().binding;
}

/**
 * Raised by every `use`: convolutions and packed filters made under another number belong to another backend. Those made
 * under a negative one are a stand-in's descriptions, and not to be kept.
 */
export function selectionCount(): number {
  if (standIn() !== null) return standInNumber();
  selected();
  return choices;
}

function selected(): Selection {
  selection ??= selectFromEnvironment();
  return selection;
}

/**
 * Names the backend of this isolate, and for 'native' the instruction set; without `isa`, CONVKIT_ISA's or the best.
 *
 * @throws BackendError where it cannot be had here
 * @example backend.use('native', { isa: 'avx2' })
 */
export function use(name: BackendName, options: { readonly isa?: Isa } = {}): void {
  if (name !== 'native' && name !== 'reference')
    throw wrongValue('backend.use', `the backend must be 'native' or 'reference', got ${show(name)}`);
  if (typeof options !== 'object' || options === null)
    throw wrongType('backend.use', `options must be an object, got ${show(options)}`);
  const { isa, ...unknown } = options;
  const [stranger] = Object.keys(unknown);
  if (stranger !== undefined)
    throw wrongType('backend.use', `unknown option '${stranger}'; the options are isa`);
  if (isa !== undefined && !ISAS.includes(isa))
    throw wrongValue('backend.use', `isa must be one of ${ISAS.join(', ')}, got ${show(isa)}`);
  if (name === 'reference' && isa !== undefined)
    throw wrongValue('backend.use', `the reference backend has no instruction sets, got isa ${show(isa)}`);
  const reason = `backend.use('${name}')`;
  selection = name === 'native' ? selectNative(reason, isa ?? isaFromEnvironment()) : selectReference(reason);
  choices++;
}

/**
 * Sets the number of threads of the whole process, the calling one included. The reference runs on one thread; the
 * number then holds for the native engine, should it be used later.
 *
 * @throws TypeError | RangeError where `count` is no integer from 1 to 1024
 */
export function setThreads(count: number): void {
  if (typeof count !== 'number')
    throw wrongType('backend.setThreads', `count must be a number, got ${show(count)}`);
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS)
    throw wrongValue('backend.setThreads', `count must be an integer from 1 to ${MAX_THREADS}, got ${count}`);
  const { name, binding } = selected();
  applyThreads(name, binding, { count, from: 'backend.setThreads' });
}

/** Frees pooled working memory that no running call uses, and what backward passes have kept. */
export function releaseScratch(): void {
  dropRecycled();
  active().releaseScratch();
}

/** What computes in this isolate, with which instruction set and threads, and why. */
export function info(): BackendInfo {
  const { name, binding, binary, reason } = selected();
  return {
    name,
    isa: binding.isa(),
    threads: binding.threads(),
    threadsFrom: threadsFrom(name, binding.threads()),
    binary,
    reason,
    numerics: NUMERICS_VERSION,
    subnormals: probeSubnormals(),
  };
}

function selectFromEnvironment(): Selection {
  const demanded = backendFromEnvironment();
  if (demanded === 'reference') return selectReference('CONVKIT_BACKEND=reference');
  const isa = isaFromEnvironment();
  if (demanded === 'native') return selectNative('CONVKIT_BACKEND=native', isa);
  const engine = nativeEngine();
  if (engine.binding !== null) return selectNative('the native engine loaded', isa);
  if (isa !== null)
    throw new BackendError(`backend: CONVKIT_ISA=${isa} needs the native engine, but ${engine.reason}`);
  warnOnce('CONVKIT_REFERENCE', `convkit computes in TypeScript, much slower: ${engine.reason}`);
  return selectReference(engine.reason);
}

function selectNative(reason: string, isa: Isa | null): Selection {
  const engine = nativeEngine();
  if (engine.binding === null) throw new BackendError(`backend: ${reason}, but ${engine.reason}`);
  const { binding, binary } = engine;
  const { supported } = binding.cpu();
  const wanted = isa ?? supported[supported.length - 1];
  if (!supported.includes(wanted))
    throw new BackendError(
      `backend: isa '${wanted}' is not supported here; supported are ${supported.join(', ')}`,
    );
  binding.useIsa(wanted);
  const chosen = threads ?? inheritedThreads() ?? threadsFromEnvironment();
  if (chosen !== null && chosen !== applied) applyThreads('native', binding, chosen);
  return { name: 'native', binding, binary, reason };
}

function selectReference(reason: string): Selection {
  if (probeSubnormals() === 'flushed')
    warnOnce(
      'CONVKIT_SUBNORMALS',
      'convkit: a library in this process flushes subnormal numbers to zero, so the TypeScript backend may differ ' +
        'in the last bits; load that library in a process of its own, or use the native engine',
    );
  return { name: 'reference', binding: loadReference(), binary: null, reason };
}

function applyThreads(name: BackendName, binding: Binding, choice: ThreadChoice): void {
  binding.setThreads(choice.count);
  threads = choice;
  if (name === 'native') applied = choice;
  setEnvironmentData(THREADS_KEY, `${choice.count} ${choice.from}`);
}

/** What the parent of this worker had chosen; its pool is this worker's too. */
function inheritedThreads(): ThreadChoice | null {
  const inherited = getEnvironmentData(THREADS_KEY);
  if (typeof inherited !== 'string') return null;
  const space = inherited.indexOf(' ');
  return { count: Number(inherited.slice(0, space)), from: inherited.slice(space + 1) };
}

function threadsFrom(name: BackendName, count: number): string {
  if (name === 'reference') return 'the reference runs on one thread';
  if (threads === undefined) return 'processor affinity and container quota';
  return threads.count === count ? threads.from : 'backend.setThreads in another thread of this process';
}

function warnOnce(code: string, message: string): void {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(message, { type: 'ConvkitWarning', code });
}
