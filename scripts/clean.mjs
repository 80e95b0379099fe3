// Removes generated folders of this package by name, so that what was deleted from the sources is not shipped.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './tasks.mjs';

for (const name of process.argv.slice(2)) {
  if (!/^(dist|build|build-[\w-]+|prebuilds|coverage)$/.test(name)) fail(`clean: ${name} is not generated`);
  rmSync(join(root, name), { recursive: true, force: true });
}
