// The symbol gate. An object compiled for a raised instruction set must define exactly one external symbol (its kernel
// table), nothing weak, and no code that runs at start: a weak copy of an inline function there may be the one the
// linker keeps for the whole program, and an older processor would die in it. Compiles native/isa/avx*.cpp with the
// flags of a Release and of a Debug build and reads the objects with binutils.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { capture, need, root, run } from './tasks.mjs';

const raised = /native\/isa\/avx\w*\.cpp$/;

/** What is wrong with one object file, one sentence each. */
export function violations(object) {
  const symbols = capture('nm', ['--format=posix', object]).split('\n').filter(Boolean);
  const wrong = [];
  const external = [];
  for (const line of symbols) {
    const [name, type] = line.split(' ');
    if (/[VvWwu]/.test(type)) wrong.push(`weak symbol ${name}`);
    else if (/[A-TX-Z]/.test(type)) external.push(name); // U is what others define
  }
  if (external.length !== 1)
    wrong.push(`${external.length} external symbols instead of one: ${external.join(', ')}`);
  const sections = capture('readelf', ['--section-headers', '--wide', object]);
  for (const section of ['.init_array', '.ctors', '.preinit_array']) {
    if (sections.includes(section)) wrong.push(`section ${section}: something runs before main`);
  }
  return wrong;
}

/** The compile commands that CMake would use for the raised instruction sets. */
export function compileCommands(type, folder) {
  run(
    'cmake',
    ['-S', root, '-B', folder, `-DCMAKE_BUILD_TYPE=${type}`, '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON'],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const commands = JSON.parse(readFileSync(join(folder, 'compile_commands.json'), 'utf8'));
  return commands.filter(({ file }) => raised.test(file));
}

/** The object that such a command makes, in `work`. */
export function objectOf({ file, command, directory }, work, type) {
  const object = join(work, `${type}-${basename(file)}.o`);
  run('sh', ['-c', command.replace(/ -o \S+ /, ` -o '${object}' `)], { cwd: directory });
  return object;
}

function gate() {
  need('nm', 'binutils');
  const work = mkdtempSync(join(tmpdir(), 'convkit-symbols-'));
  let objects = 0;
  let wrong = 0;
  try {
    for (const type of ['Release', 'Debug']) {
      for (const command of compileCommands(type, join(work, type))) {
        const { file } = command;
        objects++;
        const found = violations(objectOf(command, work, type));
        for (const sentence of found) console.error(`${basename(file)} (${type}): ${sentence}`);
        if (found.length === 0) console.log(`${basename(file)} (${type}): one external symbol, nothing weak`);
        wrong += found.length;
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (objects === 0) console.log('no raised instruction set on this architecture: nothing to check');
  process.exitCode = wrong > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) gate();
