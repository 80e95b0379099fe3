// The @example blocks of the documentation run, and give what their comments say.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect, isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as convkit from '../lib/index.js';
import * as keras from '../lib/keras.js';

const LIB = fileURLToPath(new URL('../lib/', import.meta.url));
/** Folders whose examples need nothing but the library. */
const FOLDERS = ['tensor', 'ops', 'nn', 'optim', 'keras', 'analysis'];

interface Example {
  where: string;
  code: string;
}

/** The blocks of one file: from `@example` to the end of their comment. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(LIB + file, 'utf8');
  return [...text.matchAll(/@example\n((?: *\* .*\n)+?) *\*\//g)].map((match) => ({
    where: `${file}:${text.slice(0, match.index).split('\n').length}`,
    code: match[1].replace(/^ *\* ?/gm, ''),
  }));
}

const files = FOLDERS.flatMap((folder) =>
  readdirSync(LIB + folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`),
);
const examples = files.flatMap(examplesOf);

/** `expression; // value` becomes a comparison with that value, where it is one. */
function checked(code: string): string {
  return code.replace(/^( *)(?!const |let |class )(.+); \/\/ ([[{'"\d].*)$/gm, '$1claim($2, $3);');
}

describe('examples', () => {
  test.each(examples)('$where', async ({ where, code }) => {
    let claims = 0;
    const claim = (value: unknown, expected: unknown) => {
      claims++;
      if (!isDeepStrictEqual(value, expected)) {
        throw new Error(`${inspect(value)} where the comment says ${inspect(expected)}`);
      }
    };
    const names = { ...convkit, ...(where.startsWith('keras/') ? keras : {}), claim };
    const body = `return (async () => {\n${checked(code)}\n})()`;
    const run = Reflect.construct(Function, [...Object.keys(names), body]);
    await Reflect.apply(run, null, Object.values(names));
    expect(claims).toBe((code.match(/; \/\/ [[{'"\d]/g) ?? []).length);
  });

  test('there are some', () => {
    expect(examples.length).toBeGreaterThan(15);
  });
});
