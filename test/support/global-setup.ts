// Before the tests: what they run outside vitest, dist/ and the addon, is built where it is missing or older than its
// sources. A run on an addon from elsewhere (CONVKIT_PREBUILD) takes that as it is.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

function newest(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return Math.max(...entries.map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs));
}

function build(script: string): void {
  const result = spawnSync('npm', ['run', '--silent', script], { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) throw new Error(`the tests need what 'npm run ${script}' makes, and it failed`);
}

export default function setup(): void {
  if (!process.env.CONVKIT_PREBUILD) build('build:native');
  const compiled = join(root, 'dist');
  const upToDate = existsSync(join(compiled, 'index.js')) && newest(compiled) >= newest(join(root, 'lib'));
  if (!upToDate) build('build:ts');
}
