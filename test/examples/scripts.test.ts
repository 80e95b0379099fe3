// Every script of examples/ runs on the built package and prints what it promises.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const examples = join(import.meta.dirname, '..', '..', 'examples');
const folder = mkdtempSync(join(tmpdir(), 'convkit-examples-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a script prints, as lines. */
function printed(name: string, ...args: string[]): string[] {
  const run = spawnSync(process.execPath, [join(examples, name), ...args], { cwd: folder, encoding: 'utf8' });
  expect([run.status, run.stderr]).toEqual([0, '']);
  return run.stdout.trimEnd().split('\n');
}

describe('examples/', () => {
  it('are all in the index, and the index names no others', () => {
    const scripts = readdirSync(examples).filter((name) => name.endsWith('.mjs'));
    const index = readFileSync(join(examples, 'README.md'), 'utf8');
    const named = [...index.matchAll(/\]\(([\w-]+\.mjs)\)/g)].map(([, name]) => name);
    expect(named.sort()).toEqual(scripts.sort());
  });

  it('edges.mjs gives rows of 3, 3 and 0, in 81 multiply-adds', () => {
    const lines = printed('edges.mjs');
    const seen = lines.indexOf('what the layer sees: the edge, brighter above');
    expect(lines.slice(seen + 1, seen + 5)).toEqual([
      '   3  3  3',
      '   3  3  3',
      '   0  0  0',
      '3 x 3 places of 3 x 3 taps: 81 multiply-adds',
    ]);
    expect(lines.slice(-2)).toEqual(['  -4 -4', '  -4 -4']);
  });

  it('audio-filter-bank.mjs hears every note, and draws', () => {
    const lines = printed('audio-filter-bank.mjs', 'sound.svg');
    const notes = lines.flatMap((line) => {
      const match = /^(\d+) Hz +(\d+) Hz$/.exec(line);
      return match === null ? [] : [match.slice(1)];
    });
    expect(notes.map(([played]) => played)).toEqual(['262', '294', '330', '349', '392', '440', '494', '523']);
    for (const [played, heard] of notes) expect(heard).toBe(played);
    const picture = readFileSync(join(folder, 'sound.svg'), 'utf8');
    expect(picture).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
    expect(picture.match(/<rect/g)?.length).toBeGreaterThan(1000);
  });

  it('motion.mjs sees each movement with its own kernel only', () => {
    const lines = printed('motion.mjs');
    const rows = lines.slice(1, 4).map((line) => line.trim().split(/ {2,}/));
    expect(rows.map(([name]) => name)).toEqual(['rightwards', 'leftwards', 'still']);
    const [[, right, wrong], [, other, left], [, ...still]] = rows.map(([name, ...numbers]) => [
      name,
      ...numbers.map(Number),
    ]);
    expect(right).toBeGreaterThanOrEqual(3 * Number(wrong));
    expect(left).toBeGreaterThanOrEqual(3 * Number(other));
    expect(still).toEqual([1, 1, 0]);
  });

  it('receptive-fields.mjs measures what the formula says', () => {
    const rows = printed('receptive-fields.mjs').slice(1);
    expect(rows).toHaveLength(7);
    for (const row of rows) {
      const [, weights, seen, , measured] =
        /(\d+) +(\d+ x \d+) +(\d+) +(\d+ x \d+)$/.exec(row)?.slice(0) ?? [];
      expect([row, weights !== undefined, measured]).toEqual([row, true, seen]);
    }
    expect(rows[1]).toMatch(/^two 3x3 +18 +5 x 5/);
    expect(rows[2]).toMatch(/^three 3x3 +27 +7 x 7/);
  });

  it("explain.mjs shows sums that are the layer's own", () => {
    const lines = printed('explain.mjs');
    expect(lines.filter((line) => line.startsWith('the layer itself gives the same: '))).toHaveLength(2);
  });

  it('karate-club.mjs tells the factions apart by the friendships alone', () => {
    const lines = printed('karate-club.mjs');
    expect(lines[0]).toBe('34 members, 78 friendships');
    const mean = (words: string) => Number(lines.find((line) => line.includes(words))?.match(/[\d.]+$/)?.[0]);
    expect(mean('with the friendships')).toBeGreaterThan(30);
    expect(Math.abs(mean('without') - 17)).toBeLessThan(2);
    const steps = lines.flatMap((line) => {
      const match = /^ {2}step +(\d+) {2}loss ([\d.]+) {2}(\d+) of 34/.exec(line);
      return match === null ? [] : [match.slice(1).map(Number)];
    });
    expect(steps.map(([step]) => step)).toEqual([1, 20, 40, 60, 80, 100]);
    expect(steps[0][1]).toBeGreaterThan(0.6);
    expect(steps[5][1]).toBeLessThan(0.05);
    expect(steps[5][2]).toBeGreaterThanOrEqual(32);
    expect(mean('mean of 20 trained networks')).toBeGreaterThan(32);
  });
});
