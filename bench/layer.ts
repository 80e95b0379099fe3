// A convolution layer as a line of text: the grammar of bench/layers/*.txt and the arithmetic that follows from
// a line (output size, floating-point operations, bytes). It knows nothing of who computes the layer.

export type Operation = `conv${1 | 2 | 3}d` | `convTranspose${1 | 2 | 3}d`;

/** One convolution, every size final; the spatial arrays hold one number per dimension. */
export interface Layer {
  readonly name: string;
  /** The group that it is averaged with, and that a target is set for. */
  readonly class: string;
  readonly operation: Operation;
  readonly batch: number;
  readonly inChannels: number;
  readonly inputSize: readonly number[];
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
  readonly dilation: readonly number[];
  readonly outputPadding: readonly number[];
  readonly groups: number;
  /** How often the model that it was taken from runs it. */
  readonly times: number;
  /** The layer whose matrix product has the same shape, and whose rate this one should reach. */
  readonly like: string | null;
  /** The name of its file, without folder and ending: the network, where a file holds one. */
  readonly set: string;
}

/** What the geometric mean of a class should reach, as a ratio to the baseline. */
export interface Target {
  readonly ratio: number;
  /** Which of convkit's ways is held against the baseline. */
  readonly layout: 'channelsLast' | 'nchw';
}

/** What a file of layers says. */
export interface LayerFile {
  readonly layers: readonly Layer[];
  /** By class. */
  readonly targets: ReadonlyMap<string, Target>;
}

/**
 * Reads a file of layers; `source` names it in errors.
 *
 * @throws SyntaxError where a line does not follow the grammar, with its file and line number.
 */
export function parseLayers(text: string, source: string): LayerFile {
  const layers: Layer[] = [];
  const targets = new Map<string, Target>();
  const set = source.replace(/^.*[\\/]/, '').replace(/\.txt$/, '');
  text.split('\n').forEach((line, index) => {
    const words = line.replace(/#.*$/, '').trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) return;
    try {
      if (words[0] === 'target') targets.set(...parseTarget(words));
      else layers.push(parseLayer(words, set));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new SyntaxError(`${source}:${index + 1}: ${reason}`);
    }
  });
  return { layers, targets };
}

/** Output positions per dimension: floor((H + pad - dilation * (K - 1) - 1) / stride) + 1; transposed, its inverse. */
export function outputSize(layer: Layer): number[] {
  return layer.inputSize.map((size, axis) => {
    const window = layer.dilation[axis] * (layer.kernelSize[axis] - 1) + 1;
    const padding = layer.padBegin[axis] + layer.padEnd[axis];
    if (isTransposed(layer))
      return (size - 1) * layer.stride[axis] - padding + window + layer.outputPadding[axis];
    return Math.floor((size + padding - window) / layer.stride[axis]) + 1;
  });
}

export const isTransposed = (layer: Layer): boolean => layer.operation.startsWith('convTranspose');

/** Every input channel has filters of its own. */
export const isDepthwise = ({ groups, inChannels }: Layer): boolean => groups > 1 && groups === inChannels;

export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** [N, C, ...spatial] of input and output; weights as PyTorch shapes them. */
export function shapes(layer: Layer): { x: number[]; weight: number[]; y: number[] } {
  const { batch, inChannels, outChannels, groups, kernelSize } = layer;
  const weight = isTransposed(layer)
    ? [inChannels, outChannels / groups, ...kernelSize]
    : [outChannels, inChannels / groups, ...kernelSize];
  return {
    x: [batch, inChannels, ...layer.inputSize],
    weight,
    y: [batch, outChannels, ...outputSize(layer)],
  };
}

/** Terms in one output's sum, padding counted as if it were data. */
export const tapsPerOutput = (layer: Layer): number =>
  (layer.inChannels / layer.groups) * product(layer.kernelSize);

/** Two per multiply-add, padding counted as if it were data, bias not counted (as papers count). */
export function flops(layer: Layer): number {
  const positions = isTransposed(layer) ? layer.inputSize : outputSize(layer);
  const perPosition = (layer.inChannels / layer.groups) * product(layer.kernelSize) * layer.outChannels;
  return 2 * layer.batch * product(positions) * perPosition;
}

/** Bytes that must move at least once: input, weights, bias and output, float32. */
export function bytes(layer: Layer): number {
  const { x, weight, y } = shapes(layer);
  return 4 * (product(x) + product(weight) + product(y) + layer.outChannels);
}

/** The layer as its line, without name and class. */
export function describe(layer: Layer): string {
  const word = (letter: string, values: readonly number[], usual: number): string[] =>
    values.every((value) => value === usual) ? [] : [letter + join(values)];
  const padding = layer.padBegin.map((begin, axis) =>
    begin === layer.padEnd[axis] ? `${begin}` : `${begin}:${layer.padEnd[axis]}`,
  );
  const same = padding.every((value) => value === padding[0]);
  return [
    layer.operation,
    [layer.batch, layer.inChannels, ...layer.inputSize].join('x'),
    `${layer.outChannels}`,
    layer.kernelSize.join('x'),
    ...word('s', layer.stride, 1),
    ...(same && padding[0] === '0' ? [] : [`p${same ? padding[0] : padding.join('x')}`]),
    ...word('d', layer.dilation, 1),
    ...word('o', layer.outputPadding, 0),
    ...(layer.groups === 1 ? [] : [`g${layer.groups}`]),
  ].join(' ');
}

const join = (values: readonly number[]): string =>
  values.every((value) => value === values[0]) ? `${values[0]}` : values.join('x');

function parseTarget([, name, number, layout, ...rest]: readonly string[]): [string, Target] {
  const ratio = Number(number);
  if (!(ratio > 0) || (layout !== undefined && layout !== 'nchw') || rest.length > 0)
    throw new Error(`expected "target CLASS RATIO" or "target CLASS RATIO nchw"`);
  return [name, { ratio, layout: layout ?? 'channelsLast' }];
}

function parseLayer(words: readonly string[], set: string): Layer {
  const [operation, input, outChannels, kernel, ...options] = words;
  const kind = /^conv(?:Transpose)?([123])d$/.exec(operation);
  if (kind === null) throw new Error(`unknown operation '${operation}'; conv1d to 3d, convTranspose1d to 3d`);
  if (kernel === undefined) throw new Error('expected OPERATION INPUT CHANNELS KERNEL');
  const dimensions = Number(kind[1]);
  const [batch, inChannels, ...inputSize] = wholes(input, dimensions + 2, 1);
  const kernelSize = wholes(kernel, dimensions, 1);
  const chosen = new Map<string, string>();
  for (const option of options) {
    const [, key, value] =
      /^([spdog])(?=\d)(.+)$/.exec(option) ?? /^(class|name|times|like)=(.+)$/.exec(option) ?? [];
    if (key === undefined) throw new Error(`unknown option '${option}'`);
    if (chosen.has(key)) throw new Error(`'${key}' is given twice`);
    chosen.set(key, value);
  }
  const spatial = (key: string, usual: string, least: number): number[] =>
    spread(wholes(chosen.get(key) ?? usual, undefined, least), dimensions, key);
  const padding = spread((chosen.get('p') ?? '0').split('x'), dimensions, 'p').map((pair) => pair.split(':'));
  const layer: Layer = {
    name: chosen.get('name') ?? words.filter((word) => !word.includes('=')).join('-'),
    class: chosen.get('class') ?? 'other',
    operation: operation as Operation,
    batch,
    inChannels,
    inputSize,
    outChannels: wholes(outChannels, 1, 1)[0],
    kernelSize,
    stride: spatial('s', '1', 1),
    padBegin: padding.map(([begin]) => wholes(begin, 1, 0)[0]),
    padEnd: padding.map(([begin, end = begin]) => wholes(end, 1, 0)[0]),
    dilation: spatial('d', '1', 1),
    outputPadding: spatial('o', '0', 0),
    groups: wholes(chosen.get('g') ?? '1', 1, 1)[0],
    times: wholes(chosen.get('times') ?? '1', 1, 1)[0],
    like: chosen.get('like') ?? null,
    set,
  };
  if (layer.inChannels % layer.groups !== 0 || layer.outChannels % layer.groups !== 0)
    throw new Error(
      `${layer.groups} groups do not divide ${layer.inChannels} and ${layer.outChannels} channels`,
    );
  if (outputSize(layer).some((size) => size < 1)) throw new Error('the output is empty');
  return layer;
}

/** '3x224x224' as numbers; `count` of them where it is given, none below `least`. */
function wholes(text: string, count: number | undefined, least: number): number[] {
  const values = text.split('x').map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  if (!values.every((value) => value >= least) || (count !== undefined && values.length !== count))
    throw new Error(`'${text}' should be ${count ?? 'some'} whole numbers from ${least} joined by x`);
  return values;
}

function spread<T>(values: readonly T[], dimensions: number, key: string): T[] {
  if (values.length === 1) return new Array<T>(dimensions).fill(values[0]);
  if (values.length !== dimensions) throw new Error(`'${key}' takes one value, or ${dimensions}`);
  return [...values];
}
