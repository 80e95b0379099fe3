// Compiles a small C++ program for a test that compares TypeScript with what C++ gives, and runs it on bytes.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface NativeProgram {
  /** Feeds `input` to the program's standard input and gives its standard output. */
  run(args: readonly string[], input: ArrayBufferView): Buffer;
  remove(): void;
}

/** Builds `source` (a path from the repository's root) with `CXX` or g++; the error says when there is none. */
export function buildProgram(source: string, flags: readonly string[] = []): NativeProgram {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-test-'));
  const binary = join(folder, 'program');
  const compiler = process.env.CXX ?? 'g++';
  const common = ['-std=c++17', '-O2', '-ffp-contract=off', '-Wall', '-Wextra', '-Werror', `-I${ROOT}native`];
  try {
    execFileSync(compiler, [...common, ...flags, join(ROOT, source), '-o', binary], { stdio: 'pipe' });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const detail = error instanceof Error ? error.message : String(error);
    throw new Error(
      `this test compiles ${source} with ${compiler} (set CXX to name another compiler): ${detail}`,
    );
  }
  return {
    run(args, input) {
      const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
      const result = spawnSync(binary, args, { input: bytes, maxBuffer: 1 << 30 });
      if (result.error) throw result.error;
      if (result.status !== 0) throw new Error(`${source} ${args.join(' ')}: ${result.stderr.toString()}`);
      return result.stdout;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
