// A network described in JSON: a list of layers, each a class of `nn` with its arguments. What goes wrong names the place.

import { messageOf, show, wrongType, wrongValue } from '../errors.js';
import * as nn from '../nn/index.js';
import { suggestion } from '../ops/options.js';

const OPERATION = 'summary';

/** What stands for a layer. `type: 'Sequential'` takes `layers`, all others `args` and `options`. */
const KEYS = ['type', 'name', 'args', 'options', 'layers'];

type Constructor = new (...args: unknown[]) => nn.Module;

function isLayerClass(value: unknown): value is Constructor {
  return typeof value === 'function' && value.prototype instanceof nn.Module;
}

const LAYERS = new Map(
  Object.entries(nn).filter((entry): entry is [string, Constructor] => isLayerClass(entry[1])),
);

/** The network of a JSON text: a list of layers, or an object whose `layers` is one. */
export function networkOf(text: string, file: string): nn.Module {
  const value = parsed(text, file);
  const layers = isRecord(value) && !('type' in value) ? value.layers : value;
  if (!Array.isArray(layers)) {
    throw wrongType(
      OPERATION,
      `${file}: expected a list of layers, not ${show(layers ?? value)}`,
      'write [{"type": "Conv2d", "args": [3, 64, 3]}, {"type": "ReLU"}]',
    );
  }
  if (isRecord(value)) checkKeys(value, ['layers'], file);
  return sequentialOf(layers, `${file}: layers`);
}

/** JSON, perhaps behind a byte order mark, with the line and column of its first mistake where the parser tells. */
function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    if (!/\.json$/i.test(file) && !/^\s*[[{]/.test(text)) {
      const law = `${file} is no list of layers, and its name does not end as those of networks and weights do`;
      throw wrongValue(OPERATION, law, 'known are .onnx, .safetensors, .safetensors.index.json, .pth, .pt');
    }
    const message = messageOf(error);
    const at = /at position (\d+)/.exec(message);
    const end = at !== null ? Number(at[1]) : /end of JSON/.test(message) ? text.length : null;
    const before = end === null ? null : text.slice(0, end).split('\n');
    const place = before === null ? '' : `:${before.length}:${(before.at(-1) ?? '').length + 1}`;
    const reason = message.replace(/,? in JSON| at position.*$| \(line.*$|, \.\.\..*$|, ".*$/gs, '');
    throw wrongValue(OPERATION, `${file}${place}: not JSON: ${reason}`);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function checkKeys(value: Record<string, unknown>, known: readonly string[], place: string): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      throw wrongType(OPERATION, `${place}: there is no ${show(key)}`, suggestion(key, known));
    }
  }
}

function sequentialOf(layers: readonly unknown[], place: string): nn.Sequential {
  const given = layers.map((entry) => (isRecord(entry) ? entry.name : undefined));
  if (given.every((name) => name === undefined)) {
    return new nn.Sequential(...layers.map((entry, i) => layerOf(entry, `${place}[${i}]`)));
  }
  // Without a prototype, '__proto__' is a name like any other, which Sequential refuses by its own rule.
  const named: Record<string, nn.Module> = Object.create(null);
  layers.forEach((entry, i) => {
    const name = given[i] ?? `layer${i}`;
    const here = `${place}[${i}]`;
    if (typeof name !== 'string') {
      throw wrongType(OPERATION, `${here}: name must be a string, not ${show(name)}`);
    }
    // Objects keep their order but for numbers.
    if (/^\d+$/.test(name))
      throw wrongValue(OPERATION, `${here}: a name cannot be a number, as ${show(name)} is`);
    if (Object.hasOwn(named, name))
      throw wrongValue(OPERATION, `${here}: there is a ${show(name)} before it`);
    named[name] = layerOf(entry, here);
  });
  return located(place, () => new nn.Sequential(named));
}

function layerOf(entry: unknown, place: string): nn.Module {
  if (typeof entry === 'string') return layerOf({ type: entry }, place);
  if (!isRecord(entry)) {
    throw wrongType(OPERATION, `${place}: expected an object with a type, not ${show(entry)}`);
  }
  const { type, args = [], options, layers } = entry;
  if (typeof type !== 'string') {
    throw wrongType(OPERATION, `${place}: type must be the name of a layer, not ${show(type)}`);
  }
  checkKeys(entry, KEYS, `${place} (${type})`);
  const Layer = LAYERS.get(type);
  if (Layer === undefined) {
    throw wrongValue(
      OPERATION,
      `${place}: there is no layer ${show(type)}`,
      suggestion(type, [...LAYERS.keys()]),
    );
  }
  const here = `${place} (${type})`;
  if (type === 'Sequential') {
    if (!Array.isArray(layers) || 'args' in entry || 'options' in entry) {
      throw wrongType(OPERATION, `${here}: a Sequential has layers, a list, and nothing else`);
    }
    return sequentialOf(layers, `${place}.layers`);
  }
  if (layers !== undefined) throw wrongType(OPERATION, `${here}: only a Sequential has layers`);
  if (!Array.isArray(args)) throw wrongType(OPERATION, `${here}: args must be a list, not ${show(args)}`);
  if (options !== undefined && !isRecord(options)) {
    throw wrongType(OPERATION, `${here}: options must be an object, not ${show(options)}`);
  }
  return located(here, () => new Layer(...args, ...(options === undefined ? [] : [options])));
}

/** What a layer says against its arguments, with the place in front. */
function located<T>(place: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw wrongValue(OPERATION, `${place}: ${messageOf(error)}`);
  }
}
