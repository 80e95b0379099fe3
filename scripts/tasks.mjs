// What the scripts share: running programs with their output shown, finding tools, and building and testing the
// native sources with plain CMake in a folder of their own.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
export const toolchainArm64 = join(root, 'scripts', 'aarch64-linux-gnu.cmake');
export const emulatorArm64 = ['qemu-aarch64-static', '-L', '/usr/aarch64-linux-gnu'];

/** Runs a program with its output shown; true where it exited with 0. */
export function succeeds(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) console.error(`${program}: ${result.error.message}`);
  return result.status === 0;
}

/** Runs a program with its output shown, and ends this process where it fails. */
export function run(program, args, options = {}) {
  if (!succeeds(program, args, options)) fail(`failed: ${[program, ...args].join(' ')}`);
}

/** Runs a program and gives what it wrote to stdout; throws with its stderr where it fails. */
export function capture(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    throw new Error(
      `${program} ${args.join(' ')}: ${result.signal ?? `exit ${result.status}`}\n${result.stderr}`,
    );
  }
  return result.stdout;
}

export function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

export function onPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Ends with exit code 77, which means skipped, where a program is missing. */
export function need(program, debianPackage) {
  if (onPath(program)) return;
  console.error(`skipped: ${program} is missing; install it with: apt-get install ${debianPackage}`);
  process.exit(77);
}

/** Configures and builds the kernels and their tests with plain CMake in build-<name>; gives that folder. */
export function buildKernels(name, definitions, targets = []) {
  const folder = join(root, `build-${name}`);
  const defines = Object.entries({ CONVKIT_WERROR: 'ON', ...definitions }).map(
    ([key, value]) => `-D${key}=${value}`,
  );
  run('cmake', ['-S', root, '-B', folder, ...defines], { stdio: ['ignore', 'ignore', 'inherit'] });
  const only = targets.length > 0 ? ['--target', ...targets] : [];
  run('cmake', ['--build', folder, '--parallel', String(availableParallelism()), ...only]);
  return folder;
}

/** Runs the tests built in `folder`; with CONVKIT_TEST_RESULTS set, leaves a JUnit report in that folder. */
export function ctest(folder, name, { args = [], env = {} } = {}) {
  const results = process.env.CONVKIT_TEST_RESULTS;
  if (results) mkdirSync(results, { recursive: true });
  const report = results ? ['--output-junit', join(results, `${name}.xml`)] : [];
  const passed = succeeds(
    'ctest',
    ['--test-dir', folder, '--output-on-failure', '--no-tests=error', ...report, ...args],
    {
      env: { ...process.env, ...env },
    },
  );
  if (!passed) fail(`native tests failed in ${folder}`);
}

/** Runs cmake-js on this package; the addon comes to lie in <out>/Release. */
export function cmakeJs([command, ...args]) {
  const program = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  run(process.execPath, [program, command, '--directory', root, '--log-level', 'warn', ...args]);
}
