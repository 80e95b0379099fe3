// The arrows of ARCHITECTURE.md, held by machine: who may import whom in lib/ and native/, no circles, no file past
// 400 lines, and no operation whose last bits differ between JavaScript engines.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

function filesUnder(folder: string, pattern: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file).split(sep).join('/'))
    .filter((file) => pattern.test(file))
    .sort();
}

const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const withoutComments = (text: string): string =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');

/** Every part of lib/ and the parts it may import, besides itself. */
const below: Record<string, readonly string[]> = {
  errors: [],
  numerics: ['errors'],
  backend: ['errors', 'numerics'],
  tensor: ['errors', 'numerics', 'backend'],
  io: ['errors', 'numerics', 'tensor'],
  image: ['errors', 'numerics', 'backend', 'tensor'],
  ops: ['errors', 'numerics', 'backend', 'tensor'],
  nn: ['errors', 'numerics', 'backend', 'tensor', 'ops'],
};
below.models = [...(below.nn as string[]), 'nn'];
below.optim = [...(below.nn as string[]), 'nn'];
below.analysis = [...(below.nn as string[]), 'nn'];
below.graph = [...(below.nn as string[]), 'nn'];
below.onnx = [...(below.nn as string[]), 'nn', 'io'];
below.formats = [...below.onnx, 'onnx'];
below.extract = [...below.models, 'models', 'graph', 'io', 'image', 'onnx'];
below.show = [...below.models, 'models', 'image'];
below.cli = [...below.extract, 'extract', 'show', 'analysis'];
below.keras = [...below.models];
below.index = [...below.cli, 'cli', 'graph', 'optim', 'formats'];

const partOf = (file: string): string => (file.split('/')[1] as string).replace(/\.ts$/, '');

/** The files of lib/ that a file imports, types included. */
function importsOf(file: string): string[] {
  const specifiers = [...withoutComments(read(file)).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']*)'/g)];
  return specifiers
    .map(([, specifier]) => relative(root, resolve(root, dirname(file), specifier as string)))
    .map((path) => path.split(sep).join('/').replace(/\.js$/, '.ts'))
    .filter((path) => path.startsWith('lib/'));
}

/** One circle of the graph as a path, or null. */
function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | null => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return null;
    for (const next of graph.get(node) ?? []) {
      const circle = visit(next, [...path, node]);
      if (circle) return circle;
    }
    done.add(node);
    return null;
  };
  for (const node of graph.keys()) {
    const circle = visit(node, []);
    if (circle) return circle;
  }
  return null;
}

describe('lib', () => {
  const files = filesUnder('lib', /\.ts$/);

  it('has only parts with a place in the order', () => {
    expect(files.map(partOf).filter((part) => !(part in below))).toEqual([]);
  });

  it('imports downwards only', () => {
    const upward = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => partOf(target) !== partOf(file) && !below[partOf(file)]?.includes(partOf(target)))
        .map((target) => `${file} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  it('has no circles', () => {
    expect(findCircle(new Map(files.map((file) => [file, importsOf(file)])))).toBeNull();
  });

  it('makes no tensor value with an operation whose bits depend on the engine', () => {
    const banned =
      /\bMath\.(exp|expm1|log|log1p|log2|log10|pow|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|cbrt|hypot|random)\b|(?<!\b2 )\*\*/; // 2 ** n is a constant that every engine folds exactly
    const guarded = files.filter((file) =>
      /^lib\/(numerics|backend|tensor|ops|nn|optim|models|keras)\//.test(file),
    );
    const found = guarded.filter((file) => banned.test(withoutComments(read(file))));
    expect(found).toEqual([]);
  });
});

/** Every folder of native/ and those it may include from; isa/ and binding/ may see all. */
const nativeBelow: Record<string, readonly string[]> = {
  threads: [],
  gemm: ['isa', 'threads'],
  grouped: ['isa', 'threads'],
  pooling: ['isa', 'threads', 'reduction'],
  norm: ['isa', 'threads', 'reduction', 'softmax'],
  image: ['isa', 'threads'],
  elementwise: ['isa', 'threads'],
  optim: ['isa', 'threads'],
  sparse: ['isa', 'threads'],
  random: ['isa', 'threads'],
  winograd: ['isa', 'threads'],
  reduction: ['isa', 'threads'],
  softmax: ['isa', 'threads', 'elementwise'],
  rearrange: ['isa', 'threads', 'conv'],
  conv: ['isa', 'threads', 'gemm', 'grouped', 'elementwise', 'reduction'],
};

describe('native', () => {
  const files = filesUnder('native', /\.(cpp|h)$/);
  const folderOf = (file: string): string => file.split('/')[1] as string;
  const includesOf = (file: string): string[] =>
    [...read(file).matchAll(/^\s*#\s*include "([^"]+)"/gm)].map(([, name]) => `native/${name}`);
  const systemIncludesOf = (file: string): string[] =>
    [...read(file).matchAll(/^\s*#\s*include <([^>]+)>/gm)].map(([, name]) => name as string);

  it('knows every folder', () => {
    const folders = [...new Set(files.map(folderOf))];
    expect(folders.filter((folder) => !(folder in nativeBelow)).sort()).toEqual(['binding', 'isa']);
  });

  it('includes downwards only', () => {
    const upward = files
      .filter((file) => folderOf(file) in nativeBelow)
      .flatMap((file) =>
        includesOf(file)
          .filter((target) => folderOf(target) !== folderOf(file))
          .filter((target) => !nativeBelow[folderOf(file)]?.includes(folderOf(target)))
          .map((target) => `${file} -> ${target}`),
      );
    expect(upward).toEqual([]);
  });

  it('lets the instruction set files see kernels only: no threads, no Node, no standard containers', () => {
    const seen = new Set<string>();
    const gather = (file: string): void => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const target of includesOf(file)) gather(target);
    };
    const raised = files.filter((file) => /^native\/isa\/(avx\w*|neon)\.cpp$/.test(file));
    expect(raised.length).toBeGreaterThan(0);
    for (const file of raised) gather(file);
    expect([...seen].filter((file) => /^native\/(threads|binding|conv)\//.test(file))).toEqual([]);
    const allowed = ['cstdint', 'cstddef', 'immintrin.h', 'arm_neon.h'];
    const others = [...seen].flatMap((file) =>
      systemIncludesOf(file)
        .filter((name) => !allowed.includes(name))
        .map((name) => `${file}: <${name}>`),
    );
    expect(others).toEqual([]);
  });

  it('has no circles', () => {
    expect(findCircle(new Map(files.map((file) => [file, includesOf(file)])))).toBeNull();
  });
});

it('keeps every source file within 400 lines', () => {
  const sources = ['lib', 'native', 'scripts'].flatMap((folder) =>
    filesUnder(folder, /\.(ts|mjs|cpp|h|cmake)$/),
  );
  const long = sources
    .map((file) => ({ file, lines: read(file).split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400);
  expect(long).toEqual([]);
});
