// Finds and loads the native engine. It never throws: a failure comes back as a sentence that lists what was tried.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Abi, Binding } from '../../binding.js';
import { messageOf } from '../errors.js';

export const ABI: Abi = 21;

export type NativeEngine =
  | { readonly binding: Binding; readonly binary: string }
  | { readonly binding: null; readonly reason: string };

interface NodeGypBuild {
  resolve(directory: string): string;
}

const require = createRequire(import.meta.url);

/** The package's folder: two levels up, from lib/backend and from dist/backend alike. */
const PACKAGE = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const PLATFORM = `${process.platform}-${process.arch}`;

let engine: NativeEngine | undefined;

/** The native engine, or why there is none. Tried once in each isolate. */
export function nativeEngine(): NativeEngine {
  engine ??= loadFrom(PACKAGE);
  return engine;
}

/** @internal Loads the engine of the package in `root`: what node-gyp-build finds, or else any fitting prebuild. */
export function loadFrom(root: string): NativeEngine {
  const tried: string[] = [];
  for (const binary of candidates(root, tried)) {
    try {
      const addon: unknown = require(binary);
      if (isBinding(addon)) return { binding: addon, binary };
      tried.push(`${binary} (${describeAbi(addon)}, this version needs ${ABI})`);
    } catch (error) {
      tried.push(`${binary} (${firstLine(error)})`);
    }
  }
  return {
    binding: null,
    reason: `the native engine did not load; tried ${tried.join(', ')}; ${cure(root)}`,
  };
}

/**
 * A stale or foreign file in build/Release must not hide a good prebuild, so those follow. node-gyp-build, which chooses among
 * several prebuilds and obeys its own settings, takes 2.5 ms to load and look: where there is no choice nobody asks it.
 */
function* candidates(root: string, tried: string[]): Generator<string> {
  const folder = join(root, 'prebuilds', PLATFORM);
  const prebuilds = binariesIn(folder);
  const settled = process.env.PREBUILDS_ONLY === undefined && process.env.CONVKIT_PREBUILD === undefined;
  const built = existsSync(join(root, 'build')) ? binariesIn(join(root, 'build', 'Release')) : prebuilds;
  const only = settled && built.length === 1 ? built[0] : '';
  if (only !== '') yield only;
  let first = '';
  try {
    const finder: NodeGypBuild = require('node-gyp-build');
    first = finder.resolve(root);
    if (first !== only) yield first;
  } catch (error) {
    tried.push(`node-gyp-build (${firstLine(error)})`);
  }
  if (prebuilds.length === 0) tried.push(`${folder} (no binary there)`);
  for (const binary of prebuilds) if (binary !== first && binary !== only) yield binary;
}

const binariesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.node'))
        .map((name) => join(folder, name))
    : [];

function isBinding(addon: unknown): addon is Binding {
  return typeof addon === 'object' && addon !== null && 'abi' in addon && addon.abi === ABI;
}

function describeAbi(addon: unknown): string {
  const found = typeof addon === 'object' && addon !== null && 'abi' in addon ? addon.abi : 'none';
  return `a build with contract version ${String(found)}`;
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0].trim();
}

function cure(root: string): string {
  const checkout = existsSync(join(root, 'CMakeLists.txt'));
  return checkout
    ? `run 'npm run build:native' in ${root}`
    : `run 'npm install convkit' again on this machine (${PLATFORM}, Node ${process.version})`;
}
