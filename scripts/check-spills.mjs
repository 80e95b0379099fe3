// The spill gate. The innermost loops of the tiles that multiply must keep their sums in registers: a vector that is
// moved to the stack or back in such a loop costs more than the arithmetic around it. Compiles native/isa/*.cpp of this
// processor's family as Release does, disassembles the objects with binutils, and looks at every innermost loop that
// fuses multiplications.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileCommands, objectOf } from './check-symbols.mjs';
import { capture, need } from './tasks.mjs';

/** Kernels that must not spill. */
const TILES = /\b(?:gemmTile|tailTile|outerTile|lineTile|groupedTile)\b/;

/** The innermost loops of one function's instructions, as lists of them. A loop ends in a jump backwards. */
function innermostLoops(instructions) {
  const place = new Map(instructions.map(({ address }, i) => [address, i]));
  const loops = instructions.flatMap(({ text }, end) => {
    const target = place.get(/^j\w+\s+([0-9a-f]+)/.exec(text)?.[1]);
    return target !== undefined && target <= end ? [{ begin: target, end }] : [];
  });
  const holds = (a, b) => a !== b && a.begin <= b.begin && b.end <= a.end;
  return loops
    .filter((loop) => !loops.some((other) => holds(loop, other)))
    .map(({ begin, end }) => instructions.slice(begin, end + 1).map(({ text }) => text));
}

const fuses = (text) => /^vfn?m(?:add|sub)/.test(text);
const spills = (text) => /^vmov/.test(text) && /%[xyz]mm/.test(text) && /\(%r[sb]p/.test(text);

/** Of each function of a disassembly that multiplies in loops, how many such loops it has and how many spills in them. */
export function spillsOf(disassembly) {
  const functions = [];
  for (const text of disassembly.split(/\n(?=[0-9a-f]+ <)/)) {
    const name = /^[0-9a-f]+ <(.*)>:/.exec(text)?.[1];
    const instructions = [...text.matchAll(/^\s*([0-9a-f]+):\s+(.*)$/gm)].map(([, address, body]) => ({
      address,
      text: body,
    }));
    const loops = innermostLoops(instructions).filter((loop) => loop.filter(fuses).length >= 4);
    if (name === undefined || loops.length === 0) continue;
    const count = loops.reduce((sum, loop) => sum + loop.filter(spills).length, 0);
    functions.push({
      name: name.replaceAll(/convkit::|\(anonymous namespace\)::/g, ''),
      loops: loops.length,
      spills: count,
    });
  }
  return functions;
}

function gate() {
  need('objdump', 'binutils');
  if (process.arch !== 'x64') {
    console.log('skipped: the gate reads x64 code');
    return 77;
  }
  const work = mkdtempSync(join(tmpdir(), 'convkit-spills-'));
  let wrong = 0;
  try {
    for (const command of compileCommands('Release', work)) {
      const disassembly = capture('objdump', [
        '-d',
        '-C',
        '--no-show-raw-insn',
        objectOf(command, work, 'Release'),
      ]);
      const functions = spillsOf(disassembly);
      const tiles = functions.filter(({ name }) => TILES.test(name));
      const bad = tiles.filter(({ spills: count }) => count > 0);
      for (const { name, spills: count } of bad)
        console.error(`${name}: ${count} spills in its innermost loops`);
      const others = functions.filter(({ name, spills: count }) => !TILES.test(name) && count > 0);
      console.log(
        `${basename(command.file)}: ${tiles.length} tiles, ${bad.length} of them spill; of ${functions.length - tiles.length} other kernels ${others.length} do`,
      );
      for (const { name, spills: count } of others) console.log(`  ${count} in ${name.slice(0, 90)}`);
      if (tiles.length < 30)
        console.error(`${basename(command.file)}: too few tiles: have their names changed?`);
      wrong += bad.length + (tiles.length < 30 ? 1 : 0);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return wrong === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) process.exitCode = gate();
