// Builds tiny addons for tests about what else a process may have loaded.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HEADERS = join(dirname(fileURLToPath(import.meta.url)), '../../node_modules/node-api-headers/include');
const compiler = process.env.CXX ?? 'g++';

/** An addon whose exports are { abi }, and what links into it besides. */
export function buildAddon(file: string, abi: number, flags: readonly string[] = []): void {
  const folder = mkdtempSync(join(tmpdir(), 'convkit-addon-'));
  const source = join(folder, 'addon.cpp');
  writeFileSync(
    source,
    `#include <node_api.h>
    NAPI_MODULE_INIT() {
      napi_value abi;
      napi_create_int32(env, ${abi}, &abi);
      napi_set_named_property(env, exports, "abi", abi);
      return exports;
    }`,
  );
  try {
    execFileSync(compiler, ['-shared', '-fPIC', '-O2', `-I${HEADERS}`, source, ...flags, '-o', file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The object that a fast-math build links in to set flush-to-zero as it loads; null where the compiler has none. */
export function fastMathObject(): string | null {
  const path = execFileSync(compiler, ['-print-file-name=crtfastmath.o'], { encoding: 'utf8' }).trim();
  return path.includes('/') ? path : null;
}
