// Makes the release binary of one platform: prebuilds/<platform>-<arch>/convkit.<libc>.node, stripped. The work is
// prebuildify's; it knows node-gyp only, so prebuild-shim.mjs stands in for that. `--arch arm64` cross-compiles on
// 64-bit x86 Linux. The build happens in a folder of its own: the one in build/ stays what it was. It starts from
// nothing, unless `--reuse` allows to go on from the last one.
import { mkdirSync, rmSync } from 'node:fs';
import { arch as thisArch } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import prebuildify from 'prebuildify';
import { fail, need, root } from './tasks.mjs';

const { values } = parseArgs({
  options: { arch: { type: 'string', default: thisArch() }, reuse: { type: 'boolean', default: false } },
});
const cross = values.arch !== thisArch();
if (cross && values.arch !== 'arm64') fail(`prebuild: cannot cross-compile for ${values.arch}; arm64 only`);
if (cross) need('aarch64-linux-gnu-g++', 'g++-aarch64-linux-gnu');

const staging = join(root, `build-prebuild-${values.arch}`);
rmSync(join(root, 'prebuilds', `${process.platform}-${values.arch}`), { recursive: true, force: true });
if (!values.reuse) rmSync(staging, { recursive: true, force: true });
mkdirSync(staging, { recursive: true });

const options = {
  name: 'convkit',
  arch: values.arch,
  cwd: staging,
  out: root,
  napi: true,
  strip: true,
  tagLibc: true,
  nodeGyp: `"${process.execPath}" "${join(root, 'scripts', 'prebuild-shim.mjs')}"`,
  shell: true,
  ...(cross && { stripBin: 'aarch64-linux-gnu-strip' }),
};
prebuildify(options, (error) => {
  if (error) fail(`prebuild: ${error.message}`);
});
