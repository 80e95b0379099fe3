// What the loader makes of folders in every state of disrepair.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadFrom, nativeEngine } from '../../lib/backend/native.js';
import { buildAddon } from '../support/addon.js';
import { requireNative } from '../support/native.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'convkit-loader-'));
  writeFileSync(join(root, 'package.json'), '{ "name": "convkit" }');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const platform = `${process.platform}-${process.arch}`;

function place(...path: string[]): string {
  const file = join(root, ...path);
  mkdirSync(dirname(file), { recursive: true });
  return file;
}

/** A copy of the engine that this checkout built. */
function placeEngine(...path: string[]): string {
  requireNative();
  const engine = nativeEngine();
  const file = place(...path);
  if (engine.binding !== null) copyFileSync(engine.binary, file);
  return file;
}

/** The beginning of a shared library for a processor that nobody here has. */
const foreign = Buffer.concat([
  Buffer.from('7f454c46020101000000000000000000', 'hex'),
  Buffer.alloc(64, 0xf3),
]);

describe('the loader', () => {
  it('loads the engine of this checkout', () => {
    const binding = requireNative();
    const engine = nativeEngine();
    expect(engine.binding).toBe(binding);
    expect(engine.binding !== null && engine.binary).toMatch(/\.node$/);
  });

  it('says what it tried and what fixes it where there is nothing', () => {
    const engine = loadFrom(root);
    if (engine.binding !== null) throw new Error('an empty folder has no engine');
    expect(engine.reason).toMatch(
      /did not load; tried .*No native build was found.*prebuilds.*no binary there/,
    );
    expect(engine.reason).toContain("run 'npm install convkit' again");
    expect(engine.reason).not.toContain('\n');
    writeFileSync(join(root, 'CMakeLists.txt'), '');
    const checkout = loadFrom(root);
    expect(checkout.binding === null && checkout.reason).toContain(`run 'npm run build:native' in ${root}`);
  });

  it('falls through a foreign build to a good prebuild', () => {
    writeFileSync(place('build', 'Release', 'convkit.node'), foreign);
    const good = placeEngine('prebuilds', platform, 'convkit.node');
    const engine = loadFrom(root);
    expect(engine.binding !== null && engine.binary).toBe(good);
    expect(engine.binding?.cpu().supported).toContain('scalar');
  });

  it('falls through a stale build to a good prebuild', () => {
    buildAddon(place('build', 'Release', 'convkit.node'), 999);
    const good = placeEngine('prebuilds', platform, 'convkit.node');
    const engine = loadFrom(root);
    expect(engine.binding !== null && engine.binary).toBe(good);
  });

  it('names every file that failed, and why', () => {
    buildAddon(place('build', 'Release', 'convkit.node'), 998);
    writeFileSync(place('prebuilds', platform, 'convkit.node'), foreign);
    const engine = loadFrom(root);
    if (engine.binding !== null) throw new Error('neither file is an engine');
    expect(engine.reason).toContain('a build with contract version 998');
    expect(engine.reason).toContain(join(root, 'prebuilds', platform, 'convkit.node'));
  });
});
