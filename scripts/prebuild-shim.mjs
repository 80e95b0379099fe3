// What prebuildify calls in the place of node-gyp: `rebuild --target=… --arch=… --release` in a staging folder. It
// builds with cmake-js below that folder and leaves the addon where node-gyp would: ./build/Release/*.node.
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { arch as thisArch } from 'node:os';
import { join } from 'node:path';
import { cmakeJs, fail, toolchainArm64 } from './tasks.mjs';

const arch =
  process.argv.find((argument) => argument.startsWith('--arch='))?.slice('--arch='.length) ?? thisArch();
const out = join(process.cwd(), 'cmake');
const cross = arch !== thisArch();
cmakeJs([
  'build',
  ...['--out', out, '--arch', arch, '--CDCONVKIT_WERROR=ON'],
  ...(cross ? [`--CDCMAKE_TOOLCHAIN_FILE=${toolchainArm64}`] : []),
]);

const built = readdirSync(join(out, 'Release')).filter((file) => file.endsWith('.node'));
if (built.length !== 1) fail(`prebuild-shim: expected one addon in ${out}/Release, found [${built}]`);
const release = join(process.cwd(), 'build', 'Release');
mkdirSync(release, { recursive: true });
copyFileSync(join(out, 'Release', built[0]), join(release, built[0]));
