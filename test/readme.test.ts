// Every example of the README runs as it stands there: JavaScript in a process of its own, with what it prints held
// to its comments, and the convkit commands, in a folder with some photos.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { io, models } from '../lib/index.js';
import { floats, model, node as nodeOf, value } from './support/onnx-encode.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(([, language, text]) => ({
  language: language as string,
  text: text as string,
}));

/** Inside the package, so that `import 'convkit'` finds it by its own name. */
let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(root, 'build-readme-'));
  mkdirSync(join(folder, 'photos'));
  for (const photo of ['bricks.png', 'grass.jpg', 'clouds.webp', 'rings.tif']) {
    copyFileSync(join(root, 'examples/images', photo), join(folder, 'photos', photo));
  }
  // Weights that the examples load
  await io.saveSafetensors(join(folder, 'resnet18.safetensors'), models.resnet18().stateDict());
  writeFileSync(join(folder, 'net.onnx'), smallNetwork());
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function node(args: readonly string[]): string {
  const { CONVKIT_BACKEND: _, CONVKIT_ISA: __, ...env } = process.env;
  const result = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...env, NO_COLOR: '1' },
  });
  expect(result.status, result.stderr).toBe(0);
  return result.stdout;
}

/** An ONNX file of digits' size. */
function smallNetwork(): Uint8Array {
  const zeros = (name: string, dims: readonly number[]) =>
    floats(name, dims, new Array<number>(dims.reduce((a, b) => a * b, 1)).fill(0));
  return model({
    nodes: [
      nodeOf('Conv', 'x conv.weight conv.bias', 'a', { pads: [1, 1, 1, 1] }),
      nodeOf('Relu', 'a', 'b'),
      nodeOf('GlobalAveragePool', 'b', 'c'),
      nodeOf('Flatten', 'c', 'd'),
      nodeOf('Gemm', 'd fc.weight fc.bias', 'y', { transB: 1 }),
    ],
    inputs: [value('x', ['batch', 1, 28, 28])],
    initializers: [
      zeros('conv.weight', [4, 1, 3, 3]),
      zeros('conv.bias', [4]),
      zeros('fc.weight', [10, 4]),
      zeros('fc.bias', [10]),
    ],
  });
}

it('has examples, in languages that are run here', () => {
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['js', 'sh']));
});

const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.split('\n'))
  .filter((line) => line.startsWith('npx convkit '));

it.each(commands)('%s', { timeout: 120_000 }, (command) => {
  const args = command.replace(/\s+#.*$/, '').split(/\s+/);
  node([join(root, 'dist/cli/main.js'), ...args.slice(2)]);
});

const examples = blocks.filter(({ language }) => language === 'js').map(({ text }) => text);

it.each(examples.map((text, i) => [i + 1, text]))('example %i', { timeout: 60_000 }, (number, text) => {
  const file = join(folder, `example-${number}.mjs`);
  writeFileSync(file, text as string);
  const printed = node([file]);
  const promised = [...(text as string).matchAll(/^console\.log\(.*\);(?: \/\/ (.*))?$/gm)].map(
    ([, comment]) => comment,
  );
  if (promised.length > 0) expect(printed.trimEnd().split('\n')).toEqual(promised);
});
