// The package as its users get it: packed with a fresh release binary, installed into an empty project with scripts
// blocked, nothing fetched and no compiler on PATH, and then used from ESM, from require, from TypeScript and from a
// shell, with the binary and without.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'convkit-pack-')));
const project = join(folder, 'project');
const installed = join(project, 'node_modules', 'convkit');
const platform = `${process.platform}-${process.arch}`;

/** npm's own JavaScript, wherever it was installed: beside Node, or where npm says it is when it runs this. */
const npm =
  process.env.npm_execpath ??
  join(dirname(realpathSync(process.execPath)), '../lib/node_modules/npm/bin/npm-cli.js');

interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node in the project with nothing but Node on PATH and no convkit settings. */
function node(args: readonly string[], env: Record<string, string> = {}, cwd = project): Result {
  const clean = Object.entries(process.env).filter(
    ([key]) => !/^(CONVKIT_|OMP_|NODE_|npm_|VITEST|PATH$)/.test(key),
  );
  return spawnSync(process.execPath, args, {
    cwd,
    encoding: 'utf8',
    env: { ...Object.fromEntries(clean), PATH: join(folder, 'bin'), ...env },
  });
}

function ok(result: Result): string {
  expect(result.status, result.stderr + result.stdout).toBe(0);
  return result.stdout;
}

/** Prints what ran and the bits of a convolution, once the names are in scope. */
const convolution = `
  const x = Tensor.from([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  const weight = Tensor.from([[[[1, 0], [0, 0.1]]]]);
  const y = ops.conv2d(x, weight, null, { padding: 1, activation: 'tanh' });
  const { name, binary } = backend.info();
  console.log(JSON.stringify({ name, binary, shape: y.shape, bits: [...new Uint32Array(y.data.slice().buffer)] }));`;
const fromEsm = `import { Tensor, ops, backend } from 'convkit';${convolution}`;
const fromRequire = `const { Tensor, ops, backend } = require('convkit'); require('convkit/keras');${convolution}`;

interface Answer {
  readonly name: string;
  readonly binary: string | null;
  readonly shape: readonly number[];
  readonly bits: readonly number[];
}

let files: string[] = [];
let tarball = '';

beforeAll(() => {
  mkdirSync(project);
  mkdirSync(join(folder, 'bin'));
  const build = spawnSync(process.execPath, [join(root, 'scripts/prebuild.mjs'), '--reuse'], {
    encoding: 'utf8',
  });
  expect(build.status, build.stdout + build.stderr).toBe(0);

  const packed = ok(
    node([npm, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder], {}, root),
  );
  const [report] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  tarball = join(folder, report.filename);
  files = report.files.map(({ path }) => path).sort();

  // The one dependency comes from this checkout, so that the installation needs no network
  const dependency = join(root, 'node_modules/node-gyp-build');
  ok(
    node(
      [npm, 'pack', realpathSync(dependency), '--ignore-scripts', '--pack-destination', folder],
      {},
      folder,
    ),
  );
  const dependencyFile = readdirSync(folder).find((name) => name.startsWith('node-gyp-build-')) as string;
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "version": "1.0.0", "private": true }');
  const flags = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund'];
  ok(node([npm, 'install', tarball, join(folder, dependencyFile), ...flags]));
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  it('stays under 5 MB', () => {
    expect(statSync(tarball).size).toBeLessThan(5e6);
  });

  it('holds compiled files, this platform’s binary and documents, and no sources', () => {
    const expected = [
      /^dist\/.*\.(js|d\.ts)$/,
      /^prebuilds\/[a-z0-9]+-[a-z0-9]+\/convkit\.\w+\.node$/,
      /^(package\.json|binding\.d\.ts|README\.md|LICENSE)$/,
    ];
    expect(files.filter((file) => !expected.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(files.some((file) => file.startsWith(`prebuilds/${platform}/`))).toBe(true);
  });

  it('runs nothing when it is installed', async () => {
    const manifest = (await import(join(installed, 'package.json'), { with: { type: 'json' } })).default;
    for (const script of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(manifest.scripts ?? {}).not.toHaveProperty(script);
    }
    expect(existsSync(join(installed, 'binding.gyp'))).toBe(false);
  });

  it('has every file that exports and bin name', async () => {
    const manifest = (await import(join(installed, 'package.json'), { with: { type: 'json' } })).default;
    const named: string[] = [JSON.stringify(manifest.exports), JSON.stringify(manifest.bin)].flatMap((text) =>
      [...text.matchAll(/"((?:\.\/)?[\w./]+\.(?:js|ts|json))"/g)].map(([, path]) => path as string),
    );
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((path) => !existsSync(join(installed, path)))).toEqual([]);
  });
});

describe('the installed package', () => {
  it('convolves natively from ESM and from require, and gives the same bits without its binary', () => {
    const native = { CONVKIT_BACKEND: 'native' };
    const esm = JSON.parse(ok(node(['--input-type=module', '-e', fromEsm], native))) as Answer;
    const cjs = JSON.parse(ok(node(['--input-type=commonjs', '-e', fromRequire], native))) as Answer;
    expect(esm.name).toBe('native');
    expect(esm.binary).toContain(join(installed, 'prebuilds', platform));
    expect(esm.shape).toEqual([1, 1, 4, 4]);
    expect(cjs).toEqual(esm);

    rmSync(join(installed, 'prebuilds'), { recursive: true });
    for (const [type, program] of [
      ['module', fromEsm],
      ['commonjs', fromRequire],
    ] as const) {
      const result = node([`--input-type=${type}`, '-e', program]);
      const answer = JSON.parse(ok(result)) as Answer;
      expect(answer).toEqual({ ...esm, name: 'reference', binary: null });
      // Node adds a hint of its own below the first warning of a process
      const hint = /^\(Use `node --trace-warnings/;
      const lines = result.stderr.split('\n').filter((line) => line !== '' && !hint.test(line));
      expect(lines, 'one line says why').toHaveLength(1);
      expect(lines[0]).toMatch(/convkit.*prebuilds/);
    }
    const demanded = node(['--input-type=module', '-e', fromEsm], native);
    expect(demanded.status).not.toBe(0);
    expect(demanded.stderr).toContain('BackendError');
  });

  it('has types that a strict project without skipLibCheck accepts, with and without @types/node', () => {
    writeFileSync(
      join(project, 'consumer.ts'),
      `import { Tensor, nn } from 'convkit';
       const net = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.ReLU());
       const y: Tensor = net.forward(Tensor.zeros([1, 1, 5, 5]));
       export const shape: readonly number[] = y.shape;`,
    );
    const options = [
      '--strict',
      '--noEmit',
      '--module',
      'nodenext',
      '--target',
      'es2022',
      '--lib',
      'es2023,dom',
    ];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const nodeTypes = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')];
    ok(node([tsc, ...options, ...nodeTypes, 'consumer.ts']));
    ok(node([tsc, ...options, '--types', '', 'consumer.ts']));
  });

  it('is few modules, in which a class is one class and goes by its own name', () => {
    const program = `
      import { nn, Tensor } from 'convkit';
      import * as keras from 'convkit/keras';
      const layer = new keras.ReLU();
      const y = layer.forward(Tensor.zeros([1, 4, 4, 1]));
      console.log(JSON.stringify([layer instanceof nn.Module, y instanceof Tensor, layer.constructor.name, new nn.ReLU().constructor.name]));`;
    expect(JSON.parse(ok(node(['--input-type=module', '-e', program])))).toEqual([
      true,
      true,
      'ReLU',
      'ReLU',
    ]);
    const modules = files.filter((file) => file.endsWith('.js'));
    expect(modules.length).toBeLessThan(40);
  });

  it('has a command that explains itself, knows its version and loads its subcommands', () => {
    const command = join(project, 'node_modules/.bin/convkit');
    expect(ok(node([command, '--help']))).toContain('extract');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(ok(node([command, '--version']))).toBe(`${version}\n`);
    for (const name of ['extract', 'show', 'summary', 'bench', 'doctor'])
      expect(ok(node([command, name, '--help'])), name).toContain(`convkit ${name}`);
  });
});
