// `npm run build:native [-- --optional]`: builds build/Release/convkit.node with cmake-js, without the network.
// Does nothing where the addon is newer than every source. With --optional a machine that cannot build is no failure:
// the TypeScript backend answers there.
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { onPath, root, succeeds } from './tasks.mjs';

const optional = process.argv.includes('--optional');
const build = join(root, 'build');
const addon = join(build, 'Release', 'convkit.node');

function giveUp(sentence) {
  console.error(`build:native: ${sentence}`);
  if (optional)
    console.error('build:native: the TypeScript backend will be used; it gives the same bits, slowly');
  process.exit(optional ? 0 : 1);
}

/** The newest modification time below `path`, in milliseconds. */
function newest(path) {
  const status = statSync(path);
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(status.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isUpToDate() {
  const sources = ['CMakeLists.txt', 'native'].map((name) => join(root, name));
  return existsSync(addon) && statSync(addon).mtimeMs >= Math.max(...sources.map(newest));
}

/** A folder that was configured for a checkout elsewhere, say one that was copied, has to be configured again. */
function isForeign() {
  const cache = join(build, 'CMakeCache.txt');
  if (!existsSync(cache)) return false;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'));
  return home === null || resolve(home[1]) !== resolve(root);
}

/** What to install, or undefined where everything is there. Visual Studio is CMake's to find. */
function missing() {
  if (!existsSync(join(root, 'node_modules', 'cmake-js'))) return 'cmake-js is missing; run: npm ci';
  const windows = process.platform === 'win32';
  const cmake = onPath(windows ? 'cmake.exe' : 'cmake');
  const compiler =
    windows || Boolean(process.env.CXX) || ['c++', 'g++', 'clang++'].some((program) => onPath(program));
  const builder = windows || onPath('ninja') || onPath('make');
  if (cmake && compiler && builder) return undefined;
  const what = [cmake ? [] : 'CMake', compiler ? [] : 'a C++17 compiler', builder ? [] : 'make or ninja'];
  return (
    `missing: ${what.flat().join(', ')}; install with: apt-get install cmake g++ make (Debian, Ubuntu), dnf install cmake gcc-c++ make ` +
    '(Fedora), xcode-select --install && brew install cmake (macOS), or winget install Kitware.CMake and the ' +
    '"Desktop development with C++" workload of Visual Studio Build Tools (Windows)'
  );
}

if (isUpToDate()) process.exit(0);
const obstacle = missing();
if (obstacle !== undefined) giveUp(obstacle);

const built = succeeds(process.execPath, [
  join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js'),
  isForeign() ? 'rebuild' : 'build',
  ...['--directory', root, '--out', build, '--config', 'Release', '--log-level', 'warn'],
  ...['--parallel', String(availableParallelism())],
]);
if (!built || !existsSync(addon)) giveUp('the build failed; its messages are above');
// A source that changed nothing in the addon must not start a build the next time.
const now = new Date();
utimesSync(addon, now, now);
console.error(`build:native: ${relative(process.cwd(), addon)} is ready`);
