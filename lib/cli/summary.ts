// `convkit summary`: a built-in model or a list of layers to the table of its shapes and costs.

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { summary } from '../analysis/index.js';
import { show, wrongType, wrongValue } from '../errors.js';
import type { Module } from '../nn/module.js';
import { SHOW_MODELS } from '../show/models.js';
import { networkOf } from './layer-list.js';

export const help = `convkit summary [scattering | edges | layers.json] [--input 1x3x224x224] [--json]

Prints what each layer of a network takes, gives and costs: shapes, parameters, multiply-accumulates (MACs), floating-point
operations (2 x MACs; biases not counted) and receptive fields. Nothing is computed: only shapes run through the network.

  -i, --input <sizes>    the shape of the input, its batch included, as 1x3x224x224; needed with a file
  --json                 rows and totals as one JSON object
  --help

Without a name it is scattering, the feature extractor of convkit extract. A file (- for standard input) holds a list of
layers, each a class of convkit's nn with its arguments, options last:

  [
    { "type": "Conv2d", "args": [3, 64, 3], "options": { "padding": 1 }, "name": "stem" },
    { "type": "Sequential", "name": "body", "layers": ["ReLU", { "type": "AdaptiveAvgPool2d", "args": [1] }] },
    "Flatten"
  ]

Where only the type is wanted a string does. A null for inChannels or inFeatures is found from the input. Where some layers
have names, the others are called layer0, layer1 and so on by their place.

Exit codes: 0 done; 1 nothing printed (wrong arguments, a file that is no list of layers, layers that do not fit together).
`;

const options = {
  input: { type: 'string', short: 'i' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

interface Subject {
  readonly net: Module;
  /** The input that the network is made for, where there is one. */
  readonly inputShape?: readonly number[];
}

/** Runs the command. Gives the exit code; everything foreseeable is reported on stderr, nothing is thrown. */
export async function run(argv: readonly string[]): Promise<number> {
  try {
    process.stdout.write(await printed(argv));
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`convkit summary: ${message.replace(/^summary: /, '')}\n`);
    return 1;
  }
}

async function printed(argv: readonly string[]): Promise<string> {
  const { values, positionals } = parsed(argv);
  if (values.help) return help;
  if (positionals.length > 1) {
    throw wrongValue('summary', `one network at a time, received ${positionals.length}`);
  }
  const [name = 'scattering'] = positionals;
  const given = values.input === undefined ? undefined : sizesOf(values.input);
  const subject = await subjectOf(name);
  const inputShape = given ?? subject.inputShape;
  if (inputShape === undefined) {
    throw wrongType('summary', 'no input shape', 'give one such as --input 1x3x224x224');
  }
  const table = summary(subject.net, { inputShape });
  return values.json ? `${JSON.stringify(table, null, 2)}\n` : `${table}\n`;
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw wrongValue('summary', reason.replaceAll('\n', ' '), 'see convkit summary --help');
  }
}

function sizesOf(text: string): number[] {
  if (!/^[1-9]\d{0,9}(x[1-9]\d{0,9})*$/.test(text)) {
    throw wrongValue('summary', `--input must be positive sizes such as 1x3x224x224, received ${show(text)}`);
  }
  return text.split('x').map(Number);
}

async function subjectOf(name: string): Promise<Subject> {
  if (Object.hasOwn(SHOW_MODELS, name)) {
    const { module, channels, inputSize } = SHOW_MODELS[name]();
    return { net: module, inputShape: [1, channels, inputSize, inputSize] };
  }
  return { net: networkOf(await textOf(name), name === '-' ? 'standard input' : name) };
}

async function textOf(name: string): Promise<string> {
  try {
    return name === '-' ? await readStandardInput() : await readFile(name, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const known = Object.keys(SHOW_MODELS).join(', ');
    throw wrongValue('summary', `${name} is neither a built-in model (${known}) nor a file: ${reason}`);
  }
}

async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
