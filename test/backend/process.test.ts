// The choice of backend in processes of their own, as a user's program meets it: built files, real environment.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const built = new URL('../../dist/backend/index.js', import.meta.url).href;

beforeAll(() => {
  if (!existsSync(fileURLToPath(built)))
    throw new Error("this test runs the built library: run 'npm run build:ts'");
});

/** Runs `code` with `backend` imported; what it gives to `tell` comes back. */
function run(code: string, env: NodeJS.ProcessEnv = {}, library = built) {
  const source = `
    import * as backend from ${JSON.stringify(library)};
    const tell = (value) => process.stdout.write(JSON.stringify(value));
    ${code}`;
  const clean = {
    ...process.env,
    CONVKIT_BACKEND: '',
    CONVKIT_ISA: '',
    CONVKIT_NUM_THREADS: '',
    OMP_NUM_THREADS: '',
  };
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...clean, ...env },
    encoding: 'utf8',
  });
  return {
    told: result.stdout === '' ? null : JSON.parse(result.stdout),
    errors: result.stderr,
    status: result.status,
  };
}

describe('in a process of its own', () => {
  it('the native engine answers without a word on stderr', () => {
    const { told, errors } = run('tell(backend.info());', { CONVKIT_NUM_THREADS: '3' });
    expect(errors).toBe('');
    expect(told).toMatchObject({ name: 'native', threads: 3, threadsFrom: 'CONVKIT_NUM_THREADS' });
  });

  it('the reference answers where CONVKIT_BACKEND asks for it, without a word', () => {
    const { told, errors } = run('tell(backend.info());', { CONVKIT_BACKEND: 'reference' });
    expect(errors).toBe('');
    expect(told).toMatchObject({ name: 'reference', isa: null, subnormals: 'kept' });
  });

  it('where no binary is, the reference answers, and one line tells why', () => {
    const root = mkdtempSync(join(tmpdir(), 'convkit-bare-'));
    cpSync(fileURLToPath(new URL('..', built)), join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, 'package.json'), '{ "name": "convkit", "type": "module" }');
    const bare = pathToFileURL(join(root, 'dist/backend/index.js')).href;
    const { told, errors } = run(
      'backend.active(); backend.use("reference"); tell(backend.info());',
      {},
      bare,
    );
    const first = run('backend.active(); tell(backend.info().reason);', {}, bare);
    const demanded = run('backend.active();', { CONVKIT_BACKEND: 'native' }, bare);
    rmSync(root, { recursive: true, force: true });
    expect(told.name).toBe('reference');
    expect(errors.match(/ConvkitWarning: .*/g)).toEqual([
      `ConvkitWarning: convkit computes in TypeScript, much slower: ${first.told}`,
    ]);
    expect(first.told).toMatch(/^the native engine did not load; tried .*; run 'npm install convkit' again/);
    expect(demanded.status).not.toBe(0);
    expect(demanded.errors).toContain(
      'BackendError: backend: CONVKIT_BACKEND=native, but the native engine did not',
    );
  });

  it('a bad variable is an error that names it', () => {
    const { errors, status } = run('backend.active();', { CONVKIT_NUM_THREADS: 'many' });
    expect(status).not.toBe(0);
    expect(errors).toContain("CONVKIT_NUM_THREADS must be an integer from 1 to 1024, got 'many'");
  });

  it.each(['0', 'dynamic', ''])('OMP_NUM_THREADS=%s, set for others, says nothing', (value) => {
    const { told, errors } = run('tell({ from: backend.info().threadsFrom });', { OMP_NUM_THREADS: value });
    expect(errors).toBe('');
    expect(told.from).toBe('processor affinity and container quota');
  });

  it('workers take the number of threads that their parent had set', () => {
    const { told, errors } = run(
      `import { Worker } from 'node:worker_threads';
       backend.setThreads(2);
       const worker = new Worker(
         'Promise.all([import("node:worker_threads"), import("${built}")])' +
           '.then(([{ parentPort }, backend]) => parentPort.postMessage(backend.info()))',
         { eval: true });
       worker.on('message', (info) => tell({ info, after: backend.info().threads }));`,
      { CONVKIT_NUM_THREADS: '4' },
    );
    expect(errors).toBe('');
    expect(told.info).toMatchObject({ name: 'native', threads: 2, threadsFrom: 'backend.setThreads' });
    expect(told.after).toBe(2);
  });
});
