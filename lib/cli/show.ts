// `convkit show`: an image and a model to a contact sheet of one layer's maps or kernels.

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { show, wrongValue } from '../errors.js';
import { COLOUR_SCALES, type ColourScale } from '../image/colours.js';
import { writeAtomically } from '../io/atomic.js';
import { type LayerCalls, watch } from '../show/capture.js';
import { contactSheet, type Tile } from '../show/contact-sheet.js';
import { squared, tensorOf } from '../show/image-input.js';
import { SHOW_MODELS, type ShowModel } from '../show/models.js';
import { featureMaps, kernels } from '../show/planes.js';
import { showShape } from '../tensor/shape.js';
import { Tensor } from '../tensor/tensor.js';
import { parsedArguments } from './arguments.js';
import { networkOf } from './layer-list.js';
import { withSentence } from './sentence.js';

export const help = `convkit show <image> --layer <path> -o maps.png [options]
convkit show --filters --layer <path> -o kernels.png [options]

Draws what a layer makes of an image: one small picture for each of its feature maps, on a PNG contact sheet; or its
kernels. Without --layer, lists the model's layers and the shapes they give. Needs sharp: npm install sharp

  -m, --model <name>     scattering (the default): the feature extractor of convkit extract
                         edges: Sobel's and Laplace's kernels, then a ReLU
                         layers.json: a list of layers as convkit summary takes it, with weights as they begin
  -i, --input <sizes>    what layers.json takes: 1x1xSxS grey or 1x3xSxS in colour; default 1x3x224x224
  -l, --layer <path>     which layer, by the name that the list shows
  --call <n>             which of its outputs, where the model calls the layer several times; default 1
  --filters              draw the layer's kernels instead; needs no image
  -o, --output <path>    the PNG file; it appears whole or not at all
  --range <each|joint>   each picture over its own range of numbers, written below it (the default), or all over one
  --colours <scale>      auto (the default): diverging where numbers are negative, else viridis; or viridis,
                         diverging (blue, white at zero, red), grey
  --split                kernels over three input channels as three pictures, not one in colour
  --size <n>             pixels of a picture's longer side, default 128
  --columns <n>          pictures in a row
  --limit <n>            at most so many pictures, default 256
  --help

The image is cut to its centred square, made grey if the model wants it so, and resized to what the model takes.

Exit codes: 0 done; 1 nothing written (wrong arguments, unreadable image, output not writable).
`;

const options = {
  model: { type: 'string', short: 'm', default: 'scattering' },
  input: { type: 'string', short: 'i' },
  layer: { type: 'string', short: 'l' },
  call: { type: 'string' },
  filters: { type: 'boolean', default: false },
  output: { type: 'string', short: 'o' },
  range: { type: 'string', default: 'each' },
  colours: { type: 'string', default: 'auto' },
  split: { type: 'boolean', default: false },
  size: { type: 'string' },
  columns: { type: 'string' },
  limit: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the command. Gives the exit code; everything foreseeable is reported on stderr, nothing is thrown. */
export function run(argv: readonly string[]): Promise<number> {
  return withSentence('show', async () => {
    await draw(argv);
    return 0;
  });
}

async function draw(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parsed(argv);
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const [file] = positionals;
  if (positionals.length > 1) throw wrongValue('show', `one image at a time, received ${positionals.length}`);
  if (file === undefined && !values.filters)
    throw wrongValue('show', 'no image', 'name one, or ask for --filters');
  const model = await modelNamed(values.model, values.input);
  const path = values.layer;
  if (path === undefined) {
    if (values.output !== undefined)
      throw wrongValue('show', 'no layer', `choose one with --layer: ${known(model)}`);
    process.stdout.write(listing(await layersOf(model, file)));
    return;
  }
  const { output } = values;
  if (output === undefined) throw wrongValue('show', 'no output', 'give one with -o maps.png');
  if (!/\.png$/i.test(output))
    throw wrongValue('show', `the sheet is a PNG, received -o ${output}`, 'end it in .png');
  await protectImage(file, output);
  const limit = count(values.limit, 'limit', 256);
  const sheet = {
    colours: oneOf(values.colours, ['auto', ...COLOUR_SCALES], 'colours') as ColourScale | 'auto',
    joint: oneOf(values.range, ['each', 'joint'], 'range') === 'joint',
    size: count(values.size, 'size', 128),
    columns: values.columns === undefined ? null : count(values.columns, 'columns', 1),
  };
  const picked = values.filters
    ? filterTiles(model, path, limit, values.split)
    : await mapTiles(model, path, file, count(values.call, 'call', 1), limit);
  const canvas = contactSheet(picked.tiles, { ...sheet, title: `${values.model}: ${picked.title}` });
  await writeAtomically(output, [await canvas.toPng()]);
  const more = picked.count > limit ? `, the first ${limit} of ${picked.count}` : '';
  process.stderr.write(`${output}: ${picked.title}${more}; ${canvas.width} x ${canvas.height} pixels\n`);
}

interface Picked {
  readonly tiles: Tile[];
  readonly count: number;
  readonly title: string;
}

function filterTiles(model: ShowModel, path: string, limit: number, split: boolean): Picked {
  const layer = model.module.namedModules().find(([name]) => name === path && name !== '');
  if (layer === undefined) throw noLayer(path, model);
  const { tiles, count } = kernels(layer[1], path, limit, split);
  return { tiles: named(tiles, model.names[path]), count, title: `${path}: ${count} kernels` };
}

async function mapTiles(
  model: ShowModel,
  path: string,
  file: string | undefined,
  call: number,
  limit: number,
): Promise<Picked> {
  if (file === undefined) throw wrongValue('show', 'no image');
  const image = await squared(model, file);
  const { layers, output } = watch(model.module, tensorOf(image), { path, call });
  const layer = layers.find((one) => one.path === path);
  if (layer === undefined) throw noLayer(path, model);
  if (output === null) {
    const calls = layer.shapes.length;
    throw wrongValue('show', `layer '${path}' is called ${calls} times, received --call ${call}`);
  }
  const { tiles, count } = featureMaps(output, path, limit);
  const [height, width] = output.shape.slice(2);
  const which = layer.shapes.length > 1 ? `, call ${call} of ${layer.shapes.length}` : '';
  return {
    tiles: [{ label: 'input', picture: image }, ...named(tiles, model.names[path])],
    count,
    title: `${path}${which}: ${count} maps of ${height} x ${width ?? 1} from ${basename(file)}`,
  };
}

/** Tiles with the names of their channels, where those are as many. */
const named = (tiles: readonly Tile[], names: readonly string[] | undefined): Tile[] =>
  tiles.map((tile, i) => (names?.length === tiles.length ? { ...tile, label: names[i] } : tile));

const known = (model: ShowModel): string =>
  model.module
    .namedModules()
    .map(([path]) => path)
    .filter((path) => path !== '')
    .join(', ');

const noLayer = (path: string, model: ShowModel): RangeError =>
  wrongValue('show', `there is no layer '${path}'`, `one of ${known(model)}`);

async function layersOf(model: ShowModel, file: string | undefined): Promise<LayerCalls[]> {
  const { inputSize: size, channels } = model;
  const x =
    file === undefined ? Tensor.zeros([1, channels, size, size]) : tensorOf(await squared(model, file));
  return watch(model.module, x).layers;
}

/** One line a layer: path, kind, and the shapes of its outputs. */
function listing(layers: readonly LayerCalls[]): string {
  const lines = layers.map(({ path, kind, shapes }) => {
    const distinct = [...new Set(shapes.map(showShape))].slice(0, 4).join(' ');
    const calls = shapes.length === 1 ? '' : `  ${shapes.length} calls`;
    return `${path.padEnd(20)} ${kind.padEnd(20)} ${distinct}${calls}\n`;
  });
  return lines.join('');
}

const parsed = (argv: readonly string[]) => parsedArguments('show', argv, options);

async function modelNamed(name: string, input: string | undefined): Promise<ShowModel> {
  if (Object.hasOwn(SHOW_MODELS, name)) {
    if (input === undefined) return SHOW_MODELS[name]();
    throw wrongValue('show', `--input is for a list of layers, not for the model ${name}`);
  }
  if (!/\.json$/i.test(name)) {
    const known = Object.keys(SHOW_MODELS).join(', ');
    throw wrongValue(
      'show',
      `there is no model ${show(name)}`,
      `one of ${known}, or a list of layers in a .json file`,
    );
  }
  const [, depth, height, width] = /^1x([13])x(\d{1,4})x(\d{1,4})$/.exec(input ?? '1x3x224x224') ?? [];
  if (depth === undefined || height !== width || Number(height) < 1) {
    throw wrongValue(
      'show',
      `--input must be 1x1xSxS or 1x3xSxS, one image and square, received ${show(input)}`,
    );
  }
  const [channels, inputSize] = [depth === '1' ? 1 : 3, Number(height)] as const;
  const text = await readFile(name, 'utf8').catch((error: Error) => {
    throw wrongValue('show', `cannot read ${name}: ${error.message}`);
  });
  const module = networkOf(text, name).eval();
  module.forward(Tensor.zeros([1, channels, inputSize, inputSize])); // layers that wait for their channels get them
  return { module, channels, inputSize, names: {} };
}

function oneOf(value: string, words: readonly string[], name: string): string {
  if (words.includes(value)) return value;
  throw wrongValue('show', `--${name} must be one of ${words.join(', ')}, received '${value}'`);
}

function count(text: string | undefined, name: string, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (value < 1)
    throw wrongValue('show', `--${name} must be a positive whole number up to 99999, received '${text}'`);
  return value;
}

/** The image may not be overwritten: compared by file, not by name. */
async function protectImage(file: string | undefined, output: string): Promise<void> {
  if (file === undefined) return;
  const identity = (path: string) =>
    stat(path, { bigint: true }).then(
      ({ dev, ino }) => `${dev}:${ino}`,
      () => null,
    );
  const target = await identity(output);
  if (target !== null && target === (await identity(file))) {
    throw wrongValue('show', `${output} is the image, and would be overwritten`);
  }
}
