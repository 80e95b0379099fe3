// Reference remapping: every output position copies the input position that its axes name, or holds a value.
import type { RemapGeometry } from '../../../binding.js';
import { show, wrongType, wrongValue } from '../../errors.js';
import { checkApart, checkCount, checkFloats, checkTriple, countElements } from './checks.js';
import type { Work } from './jobs.js';

const AXES = ['depth', 'height', 'width'] as const;

function checkMap(map: RemapGeometry, operation: string): { inputLength: number; outputLength: number } {
  if (typeof map !== 'object' || map === null)
    throw wrongType(operation, `map must be an object, got ${show(map)}`);
  checkCount(operation, 'channels', map.channels, 1);
  checkTriple(operation, 'inputSize', map.inputSize, 0);
  if (typeof map.value !== 'number')
    throw wrongType(operation, `value must be a number, got ${show(map.value)}`);
  if (!Array.isArray(map.source) || map.source.length !== 3)
    throw wrongType(operation, `source must be three Int32Arrays, got ${show(map.source)}`);
  const lengths = AXES.map((name, axis) => {
    const source: unknown = map.source[axis];
    if (!(source instanceof Int32Array))
      throw wrongType(operation, `source along ${name} must be an Int32Array, got ${show(source)}`);
    const size = map.inputSize[axis];
    const stray = source.find((from) => from < -1 || from >= size);
    if (stray !== undefined)
      throw wrongValue(operation, `source along ${name} must lie in [-1, ${size}), got ${stray}`);
    return source.length;
  });
  return {
    inputLength: countElements(operation, 'one input image', [map.channels, ...map.inputSize]),
    outputLength: countElements(operation, 'one output image', [map.channels, ...lengths]),
  };
}

/** One unit is one line of the output: a depth and a height. */
export function remapWork(map: RemapGeometry, x: Float32Array, y: Float32Array, batch: number): Work {
  const { inputLength, outputLength } = checkMap(map, 'remap');
  checkCount('remap', 'batch', batch, 0);
  checkFloats('remap', 'x', x, batch * inputLength);
  checkFloats('remap', 'y', y, batch * outputLength);
  checkApart('remap', y, [x], 'none');
  const { channels, inputSize, value } = map;
  const [depths, heights, widths] = map.source;
  const lines = depths.length * heights.length;
  const lineLength = widths.length * channels;
  const runLine = (unit: number) => {
    const image = Math.floor(unit / lines);
    const d = depths[Math.floor((unit - image * lines) / heights.length)];
    const h = heights[unit % heights.length];
    let at = unit * lineLength;
    if (d < 0 || h < 0) {
      y.fill(value, at, at + lineLength);
      return;
    }
    const row = image * inputLength + (d * inputSize[1] + h) * inputSize[2] * channels;
    for (let w = 0; w < widths.length; w++) {
      const from = row + widths[w] * channels;
      for (let c = 0; c < channels; c++) y[at++] = widths[w] < 0 ? value : x[from + c];
    }
  };
  return {
    units: batch * lines,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) runLine(unit);
    },
  };
}

/** The output positions along an axis that come from each input position, in order. */
function destinations(source: Int32Array, inputs: number): number[][] {
  const found: number[][] = Array.from({ length: inputs }, () => []);
  source.forEach((from, at) => {
    if (from >= 0) found[from].push(at);
  });
  return found;
}

/** One unit is one line of the gradient: a depth and a height. */
export function remapGradientWork(
  map: RemapGeometry,
  upstream: Float32Array,
  gradient: Float32Array,
  batch: number,
): Work {
  const operation = 'remapGradient';
  const { inputLength, outputLength } = checkMap(map, operation);
  checkCount(operation, 'batch', batch, 0);
  checkFloats(operation, 'upstream', upstream, batch * outputLength);
  checkFloats(operation, 'gradient', gradient, batch * inputLength);
  checkApart(operation, gradient, [upstream], 'none');
  const { channels, inputSize, source } = map;
  const [depths, heights] = [0, 1].map((axis) => destinations(source[axis], inputSize[axis]));
  const columns = source[2];
  const lines = inputSize[0] * inputSize[1];
  const lineLength = inputSize[2] * channels;
  const runLine = (unit: number) => {
    const image = Math.floor(unit / lines);
    const to = unit * lineLength;
    gradient.fill(0, to, to + lineLength);
    for (const d of depths[Math.floor((unit - image * lines) / inputSize[1])]) {
      for (const h of heights[unit % inputSize[1]]) {
        const row = image * outputLength + (d * source[1].length + h) * columns.length * channels;
        for (let w = 0; w < columns.length; w++) {
          if (columns[w] < 0) continue;
          for (let c = 0; c < channels; c++)
            gradient[to + columns[w] * channels + c] += upstream[row + w * channels + c];
        }
      }
    }
  };
  return {
    units: batch * lines,
    run(begin, end) {
      for (let unit = begin; unit < end; unit++) runLine(unit);
    },
  };
}
