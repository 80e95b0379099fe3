// Makes dist/ from lib/: declarations file by file, JavaScript as few files. Node takes about 0.35 ms to find, read and
// link a module, and lib/ has over 300 of them. Nothing is minified, and functions and classes keep their names.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { root, run } from './tasks.mjs';

const PUBLIC = ['index', 'keras', 'cli/main'];

/** What tests, scripts and benchmarks load from dist/ by path; package.json exports none of them. */
const INTERNAL = [
  'backend/index',
  'backend/reference/index',
  'cli/doctor',
  'cli/self-test',
  'extract/preprocess',
  'io/byte-reader',
  'io/input-file',
  'io/zip',
  'io/zip-write',
  'ops/algorithm',
  'ops/trace',
];

/**
 * Everything that is shared lies in two files, so that a class is the same class whichever way it is imported. They lie as
 * deep as their sources: both find the package's folder two levels up from themselves.
 */
const SHARED = [
  {
    name: 'engine',
    test: /[\\/]lib[\\/](errors|numerics|backend(?![\\/]reference)|tensor|ops|nn|models|optim|analysis|graph|io|formats)\b/,
  },
  { name: 'tools', test: /[\\/]lib[\\/](image|extract|show)[\\/]/ },
];

rmSync(join(root, 'dist'), { recursive: true, force: true });
run(process.execPath, [
  join(root, 'node_modules/typescript/bin/tsc'),
  '-p',
  join(root, 'tsconfig.build.json'),
]);

/** One letter beyond Latin 1, in a string or a comment, makes V8 keep and read the whole file in letters of two bytes. */
function generateBundle(_options, files) {
  for (const file of Object.values(files)) {
    file.code = file.code.replaceAll(
      /[^\0-\x7f]/g,
      (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  }
}

/**
 * `require` gives a module of ECMAScript at once where nothing in it waits (Node 20.19, 22.12): the TypeScript backend is
 * loaded when it is first asked for. Named by its place below the files of SHARED.
 */
const LOAD_REFERENCE = `
import { createRequire } from 'node:module';
export const loadReference = () => createRequire(import.meta.url)('../backend/reference/index.js').reference;
`;

function loadLater(id) {
  return /[\\/]backend[\\/]load-reference\.ts$/.test(id) ? LOAD_REFERENCE : null;
}

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries([...PUBLIC, ...INTERNAL].map((name) => [name, join(root, 'lib', `${name}.ts`)])),
  platform: 'node',
  external: [/^node:/, 'sharp'],
  tsconfig: false,
  transform: { target: 'node20.19' },
  plugins: [
    { name: 'later', load: loadLater },
    { name: 'ascii', generateBundle },
  ],
  // A circle, an unresolved name: nothing that a build may leave to chance
  onLog(_level, log) {
    throw new Error(`bundle: ${log.message}`);
  },
});
await bundle.write({
  dir: join(root, 'dist'),
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'chunks/[name].js',
  codeSplitting: { groups: SHARED },
  keepNames: true,
  minify: false,
});
await bundle.close();
