// Math.exp and its kin, and `**`, differ between JavaScript engines (and Math.random between runs), so nothing in
// lib/ may use them: lib/numerics has functions that agree. Where no tensor value can come from it, a line may end
// in a waiver with its reason:  // engine-dependent: only a progress bar's width
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const LIB = fileURLToPath(new URL('../../lib/', import.meta.url));
const WAIVER = /\/\/ engine-dependent: \S/;

// What the standard leaves to the engine; abs, sqrt, fround, imul, min, max, trunc and the like are exact.
const FUNCTIONS =
  /\bMath\s*\.\s*(acosh?|asinh?|atan2?|atanh|cbrt|cosh?|exp|expm1|hypot|log|log10|log1p|log2|pow|random|sinh?|tanh?)\b/;
// A power of two by a whole number is exact in every engine, and how sizes and bit patterns are written.
const POWER = /(?<!(?<![\w.])2 )\*\*|\*\*(?! -?\d+(?![\w.]))/;

/** Blanks comments, strings and templates without values, so that only code is left; line numbers stay. */
function code(source: string): string {
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\$]|\$(?!\{))*`/g;
  return source.replace(token, (text) => text.replace(/[^\n]/g, ' '));
}

/** What is banned in `source`, one sentence each. */
function findings(name: string, source: string): string[] {
  const lines = source.split('\n');
  return code(source)
    .split('\n')
    .flatMap((line, i) => {
      const found = FUNCTIONS.exec(line)?.[0] ?? POWER.exec(line)?.[0];
      if (found === undefined || WAIVER.test(lines[i])) return [];
      return [`${name}:${i + 1}: ${found} differs between engines; use lib/numerics or say why it may`];
    });
}

describe('what the engine decides', () => {
  it('appears nowhere in lib/', () => {
    const names = readdirSync(LIB, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    expect(names.length).toBeGreaterThan(10);
    expect(names.flatMap((name) => findings(`lib/${name}`, readFileSync(join(LIB, name), 'utf8')))).toEqual(
      [],
    );
  });

  it.each([
    'y = Math.exp(x);',
    'y = Math . tanh(x)',
    'x ** 2',
    'y = `$' + '{x ** 2} wide`',
    '10 ** 3',
    '2 ** n',
    '2 ** (n + 1)',
    'x **= 2',
    '0.2 ** 3',
    '2 ** 3.5',
    '12 ** 3',
    'Math.random()',
  ])('is found in %j', (line) => expect(findings('a.ts', `const a = 1;\n${line}\n`)).toHaveLength(1));

  it.each([
    'const limit = 2 ** 31 - 1; const tiny = 2 ** -149;',
    '// e ** x, as Math.exp would give it',
    '/** x ** 2\n * Math.exp\n */',
    "if (segment === '**') return;",
    'const help = `patterns know * and **\n2 ** n too, for $5`;',
    'Math.sqrt(x) + Math.fround(x) + Math.max(a, b) + Math.expected',
    'width = Math.log10(total); // engine-dependent: digits of a progress line',
  ])('is not seen in %j', (source) => expect(findings('a.ts', source)).toEqual([]));
});
