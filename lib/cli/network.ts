// Networks as a command line names them: built in, published, in an ONNX file, or a list of layers.

import { readFile } from 'node:fs/promises';
import { show, wrongValue } from '../errors.js';
import type { Module } from '../nn/module.js';
import { type GraphModule, loadOnnx } from '../onnx/index.js';
import { SHOW_MODELS } from '../show/models.js';
import { networkOf } from './layer-list.js';
import { isModelName, modelByName, modelInputShape } from './named-models.js';
import { readingFailure } from './sentence.js';

export interface NamedNetwork {
  readonly net: Module;
  /** The input that the network is made for, where there is one. */
  readonly inputShape?: readonly number[];
}

/** Sizes such as 1x3x224x224. @throws RangeError where they are none. */
export function inputSizes(text: string, command: string): number[] {
  if (!/^[1-9]\d{0,9}(x[1-9]\d{0,9})*$/.test(text)) {
    throw wrongValue(command, `--input must be positive sizes such as 1x3x224x224, received ${show(text)}`);
  }
  return text.split('x').map(Number);
}

/** The network and, where it says so itself, the shape of its input; '-' reads a list of layers from standard input. @throws RangeError where there is none of that name. */
export async function networkNamed(name: string, command: string): Promise<NamedNetwork> {
  if (Object.hasOwn(SHOW_MODELS, name)) {
    const { module, channels, inputSize } = SHOW_MODELS[name]();
    return { net: module, inputShape: [1, channels, inputSize, inputSize] };
  }
  if (isModelName(name)) return { net: modelByName(name).eval(), inputShape: modelInputShape(name) };
  if (/\.onnx$/i.test(name)) {
    const net = await loadOnnx(name);
    return { net, inputShape: sizesOfGraph(net, command) };
  }
  return { net: networkOf(await textOf(name, command), name === '-' ? 'standard input' : name) };
}

/** The sizes that an ONNX file declares, one image where it leaves their number open; undefined where it leaves more open. */
function sizesOfGraph({ inputs }: GraphModule, command: string): number[] | undefined {
  if (inputs.length !== 1) {
    const names = inputs.map((input) => input.name).join(', ');
    throw wrongValue(command, `the network takes ${inputs.length} inputs (${names}), and one is needed`);
  }
  const sizes = (inputs[0].shape ?? []).map((size, axis) =>
    typeof size === 'number' ? size : axis === 0 ? 1 : null,
  );
  const known = sizes.filter((size) => size !== null);
  return known.length === sizes.length && known.length > 0 ? known : undefined;
}

async function textOf(name: string, command: string): Promise<string> {
  try {
    return name === '-' ? await readStandardInput() : await readFile(name, 'utf8');
  } catch (error) {
    const known = Object.keys(SHOW_MODELS).join(', ');
    throw wrongValue(
      command,
      `${name} is neither a model (${known}, or one that --models lists) nor a file: ${readingFailure(error)}`,
    );
  }
}

async function readStandardInput(): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}
