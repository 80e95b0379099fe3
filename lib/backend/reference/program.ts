// Calls checked once and made again and again: their work, one after the other.
import type { Program } from '../../../binding.js';
import { show, wrongType } from '../../errors.js';
import { checkCount } from './checks.js';
import type { Work } from './jobs.js';

class ReferenceProgram {
  constructor(readonly works: readonly Work[]) {}
}

export function programOf(works: readonly Work[]): Program {
  const program: object = new ReferenceProgram(works);
  return program as Program;
}

export function programWork(program: Program, begin: number, end: number): Work {
  if (!(program instanceof ReferenceProgram))
    throw wrongType(
      'program',
      `program must come from the reference backend's createProgram, got ${show(program)}`,
    );
  checkCount('program', 'begin', begin, 0, program.works.length);
  checkCount('program', 'end', end, begin, program.works.length);
  const works = program.works.slice(begin, end);
  const starts = [0];
  for (const work of works) starts.push(starts[starts.length - 1] + work.units);
  return {
    units: starts[works.length],
    run(from, to) {
      works.forEach((work, i) => {
        const first = Math.max(from, starts[i]);
        const last = Math.min(to, starts[i + 1]);
        if (first < last) work.run(first - starts[i], last - starts[i]);
      });
    },
  };
}
