// Which backend an isolate gets: by environment, by name, by what loads. Each test starts from fresh modules.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requireNative } from '../support/native.js';

const VARIABLES = ['CONVKIT_BACKEND', 'CONVKIT_ISA', 'CONVKIT_NUM_THREADS', 'OMP_NUM_THREADS'];

const silenceWarnings = () => vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
let warn: ReturnType<typeof silenceWarnings>;
let threadsBefore: number;

beforeEach(() => {
  for (const name of VARIABLES) vi.stubEnv(name, undefined);
  warn = silenceWarnings();
  threadsBefore = requireNative().threads();
});

afterEach(() => {
  expect(warn).not.toHaveBeenCalled();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.doUnmock('../../lib/backend/native.js');
  requireNative().setThreads(threadsBefore);
});

async function fresh() {
  vi.resetModules();
  const { setEnvironmentData } = await import('node:worker_threads');
  setEnvironmentData('convkit:threads', undefined);
  return import('../../lib/backend/index.js');
}

/** Fresh modules for which no native engine loads. */
async function freshWithoutNative() {
  vi.doMock('../../lib/backend/native.js', () => ({
    nativeEngine: () => ({
      binding: null,
      reason: 'the native engine did not load; tried nothing; build it',
    }),
  }));
  return fresh();
}

describe('the backend of an isolate', () => {
  it('is the native engine with the best instruction set', async () => {
    const backend = await fresh();
    const { supported } = requireNative().cpu();
    const info = backend.info();
    expect(info).toMatchObject({
      name: 'native',
      isa: supported[supported.length - 1],
      threads: threadsBefore,
      threadsFrom: 'processor affinity and container quota',
      reason: 'the native engine loaded',
      numerics: backend.NUMERICS_VERSION,
      subnormals: 'kept',
    });
    expect(info.binary).toMatch(/\.node$/);
    expect(backend.active()).toBe(requireNative());
  });

  it('is what CONVKIT_BACKEND says', async () => {
    vi.stubEnv('CONVKIT_BACKEND', 'reference');
    const backend = await fresh();
    expect(backend.info()).toMatchObject({
      name: 'reference',
      isa: null,
      threads: 1,
      binary: null,
      reason: 'CONVKIT_BACKEND=reference',
    });
    vi.stubEnv('CONVKIT_BACKEND', 'native');
    expect((await fresh()).info()).toMatchObject({ name: 'native', reason: 'CONVKIT_BACKEND=native' });
    vi.stubEnv('CONVKIT_BACKEND', 'gpu');
    const wrong = await fresh();
    expect(() => wrong.active()).toThrow(RangeError);
    expect(() => wrong.active()).toThrow("CONVKIT_BACKEND must be native or reference, got 'gpu'");
  });

  it('takes the instruction set of CONVKIT_ISA, and refuses what this machine has not', async () => {
    vi.stubEnv('CONVKIT_ISA', 'scalar');
    expect((await fresh()).info().isa).toBe('scalar');
    vi.stubEnv('CONVKIT_ISA', 'sse9');
    const unknown = await fresh();
    expect(() => unknown.active()).toThrow(
      "CONVKIT_ISA must be one of scalar, avx2, avx512, neon, got 'sse9'",
    );
    vi.stubEnv('CONVKIT_ISA', process.arch === 'arm64' ? 'avx2' : 'neon');
    const foreign = await fresh();
    expect(() => foreign.active()).toThrow(/is not supported here; supported are scalar/);
    expect(() => foreign.info()).toThrow(expect.objectContaining({ name: 'BackendError' }));
  });

  it('follows use, instruction set by instruction set', async () => {
    const backend = await fresh();
    const { supported } = requireNative().cpu();
    for (const isa of supported) {
      const before = backend.selectionCount();
      backend.use('native', { isa });
      expect(backend.info()).toMatchObject({ name: 'native', isa, reason: "backend.use('native')" });
      expect(backend.selectionCount()).toBeGreaterThan(before);
    }
    backend.use('reference');
    expect(backend.info()).toMatchObject({
      name: 'reference',
      isa: null,
      reason: "backend.use('reference')",
    });
    backend.use('native');
    expect(backend.info().isa).toBe(supported[supported.length - 1]);
  });

  it('refuses to use what there is not, and keeps what it had', async () => {
    const backend = await fresh();
    backend.use('native', { isa: 'scalar' });
    const foreign = process.arch === 'arm64' ? 'avx2' : 'neon';
    expect(() => backend.use('native', { isa: foreign })).toThrow(
      expect.objectContaining({
        name: 'BackendError',
        message: expect.stringContaining('supported are scalar'),
      }),
    );
    expect(() => Reflect.apply(backend.use, null, ['gpu'])).toThrow(RangeError);
    expect(() => Reflect.apply(backend.use, null, ['native', { isa: 'sse9' }])).toThrow(RangeError);
    expect(() => Reflect.apply(backend.use, null, ['native', { threads: 2 }])).toThrow(TypeError);
    expect(() => Reflect.apply(backend.use, null, ['native', 'avx2'])).toThrow(TypeError);
    expect(() => backend.use('reference', { isa: 'scalar' })).toThrow(RangeError);
    expect(backend.info()).toMatchObject({ name: 'native', isa: 'scalar' });
  });
});

describe('where no native engine loads', () => {
  it('the reference answers, and one line says why', async () => {
    const backend = await freshWithoutNative();
    expect(backend.info().name).toBe('reference');
    expect(backend.info().reason).toBe('the native engine did not load; tried nothing; build it');
    backend.active();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn).toHaveBeenCalledWith(
      'convkit computes in TypeScript, much slower: the native engine did not load; tried nothing; build it',
      { type: 'ConvkitWarning', code: 'CONVKIT_REFERENCE' },
    );
    warn.mockClear();
  });

  it('no line is given to someone who asked for the reference', async () => {
    vi.stubEnv('CONVKIT_BACKEND', 'reference');
    const backend = await freshWithoutNative();
    expect(backend.info().name).toBe('reference');
  });

  it('a demand for native is an error with the reason', async () => {
    vi.stubEnv('CONVKIT_BACKEND', 'native');
    const demanded = await freshWithoutNative();
    expect(() => demanded.active()).toThrow(/CONVKIT_BACKEND=native, but the native engine did not load/);
    vi.stubEnv('CONVKIT_BACKEND', undefined);
    vi.stubEnv('CONVKIT_ISA', 'avx2');
    const forced = await freshWithoutNative();
    expect(() => forced.active()).toThrow(
      /CONVKIT_ISA=avx2 needs the native engine, but the native engine did not/,
    );
    vi.stubEnv('CONVKIT_ISA', undefined);
    const used = await freshWithoutNative();
    expect(() => used.use('native')).toThrow(expect.objectContaining({ name: 'BackendError' }));
  });
});

describe('the number of threads', () => {
  it('comes from CONVKIT_NUM_THREADS, then OMP_NUM_THREADS', async () => {
    vi.stubEnv('OMP_NUM_THREADS', '3,2');
    expect((await fresh()).info()).toMatchObject({ threads: 3, threadsFrom: 'OMP_NUM_THREADS' });
    vi.stubEnv('CONVKIT_NUM_THREADS', ' 2 ');
    expect((await fresh()).info()).toMatchObject({ threads: 2, threadsFrom: 'CONVKIT_NUM_THREADS' });
    vi.stubEnv('CONVKIT_NUM_THREADS', '');
    expect((await fresh()).info()).toMatchObject({ threads: 3, threadsFrom: 'OMP_NUM_THREADS' });
  });

  it.each(['0', '-1', '1.5', 'four', '1e2', '4096', 'NaN'])(
    'refuses CONVKIT_NUM_THREADS=%s by name',
    async (value) => {
      vi.stubEnv('CONVKIT_NUM_THREADS', value);
      const backend = await fresh();
      expect(() => backend.active()).toThrow(
        `CONVKIT_NUM_THREADS must be an integer from 1 to 1024, got '${value}'`,
      );
    },
  );

  it('is what setThreads says, and outlives a change of backend', async () => {
    vi.stubEnv('CONVKIT_NUM_THREADS', '2');
    const backend = await fresh();
    backend.setThreads(3);
    expect(backend.info()).toMatchObject({ threads: 3, threadsFrom: 'backend.setThreads' });
    backend.use('reference');
    expect(backend.info().threads).toBe(1);
    backend.setThreads(4);
    backend.use('native');
    expect(backend.info()).toMatchObject({ threads: 4, threadsFrom: 'backend.setThreads' });
    for (const wrong of [0, -1, 1.5, Number.NaN, 1025, Infinity])
      expect(() => backend.setThreads(wrong)).toThrow(RangeError);
    for (const wrong of ['2', null, undefined, {}])
      expect(() => Reflect.apply(backend.setThreads, null, [wrong])).toThrow(TypeError);
    expect(backend.info().threads).toBe(4);
  });

  it('tells when someone else in the process has changed it', async () => {
    const backend = await fresh();
    backend.setThreads(2);
    requireNative().setThreads(3);
    expect(backend.info()).toMatchObject({
      threads: 3,
      threadsFrom: 'backend.setThreads in another thread of this process',
    });
  });
});
