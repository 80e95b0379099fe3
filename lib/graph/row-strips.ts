// A 1x1 convolution and the depthwise one that alone reads its result, computed some rows at a time where that result is more
// than a core's own cache holds: the second finds in cache what the first has just written. Rows that two strips read are
// copied, not computed again. Outputs are the same bits: each is the same chain.

import type { ConvGeometry } from '../../binding.js';
import { Block, type Graph, type Repeated, type Step, TracedConv, View } from './graph.js';
import { LINE } from './plan.js';
import { type ConvStep, convOf, convStep, isPlainPointwise, same } from './steps.js';
import { Uses } from './uses.js';

/**
 * Elements between the two from which on it pays. 96 channels of 112x112 in EfficientNet-B0, one thread, AVX-512: the 1x1 456 us
 * to 426, the depthwise 220 to 130. 144 channels of 56x56 gain nothing.
 */
const LARGE = 2 ** 20;
/** Elements of a strip, at most: some 600 KB of a megabyte. */
const STRIP = 5 * 2 ** 15;

/** Two steps and what lies between them, which nobody else sees. */
interface Pair {
  readonly widening: ConvStep;
  readonly depthwise: ConvStep;
  readonly paths: readonly [string, string];
  /** Elements of a row between them. */
  readonly row: number;
}

/** Output rows [begin, end) of the depthwise convolution, and the rows [from, to) that they read. */
interface Strip {
  readonly begin: number;
  readonly end: number;
  readonly from: number;
  readonly to: number;
}

/** Cuts every such pair that computes one image. */
export function rowStrips(graph: Graph): Graph {
  const uses = new Uses(graph);
  const cut = new Map<Block, Block>();
  const steps: Step[] = [];
  for (let at = 0; at < graph.steps.length; at++) {
    const first = graph.steps[at];
    const pair = at + 1 < graph.steps.length ? pairOf(first, graph.steps[at + 1], uses) : null;
    const strips = pair === null ? [] : stripsOf(pair);
    if (pair === null || strips.length < 2 || !strips.every(canBegin)) {
      steps.push(first);
      continue;
    }
    const rows = Math.max(...strips.map(({ from, to }) => to - from));
    const block = new Block(rows * pair.row, 'made');
    cut.set(pair.widening.y.block, block);
    steps.push(...stepsOf(pair, strips, block));
    at++;
  }
  if (cut.size === 0) return graph;
  return { ...graph, steps, ...(graph.repeated && { repeated: withStrips(graph.repeated, cut) }) };
}

function pairOf(first: Step, second: Step, uses: Uses): Pair | null {
  const [widening, depthwise] = [convOf(first), convOf(second)];
  if (widening === null || depthwise === null || !same(depthwise.x, widening.y)) return null;
  if (widening.y.length < LARGE || uses.maker(widening.y) < 0 || uses.readersOf(widening.y).length !== 1)
    return null;
  if (!isWholePlane(widening) || !isPlainPointwise(widening) || !isWholePlane(depthwise)) return null;
  const { groups, inChannels, outChannels, kernelSize, stride, dilation, padBegin, ...rest } =
    depthwise.conv.geometry;
  if (groups === 1 || groups !== inChannels || groups !== outChannels || rest.paddingMode !== 'zeros')
    return null;
  if (dilation[1] !== 1 || stride[1] > kernelSize[1] || padBegin[1] >= kernelSize[1]) return null;
  const row = rest.inputSize[2] * inChannels;
  const narrow = rest.inputSize[2] * widening.conv.geometry.inChannels;
  const aligned = [row, narrow, rest.outputSize[2] * outChannels].every((elements) => elements % LINE === 0);
  return aligned ? { widening, depthwise, paths: [first.path, second.path], row } : null;
}

/** One image of one plane, read and written row by row with nothing between. */
function isWholePlane({ conv: { geometry: g }, batch, residual, scale, shift }: ConvStep): boolean {
  const together = (g.inputStride ?? g.inChannels) === g.inChannels;
  const writtenTogether = (g.outputStride ?? g.outChannels) === g.outChannels;
  const channelsLast = g.inputLayout === 'channelsLast' && g.outputLayout === 'channelsLast';
  const alone = residual === null && scale === null && shift === null;
  const plane = batch === 1 && g.inputSize[0] === 1 && g.outputSize[0] === 1 && g.kernelSize[0] === 1;
  return together && writtenTogether && channelsLast && alone && plane && !g.transposed;
}

function stripsOf({ depthwise, row }: Pair): Strip[] {
  const { inputSize, outputSize, kernelSize, stride, padBegin } = depthwise.conv.geometry;
  const [height, outputs, kernel, step] = [inputSize[1], outputSize[1], kernelSize[1], stride[1]];
  const each = Math.max(1, Math.floor((STRIP / row - (kernel - step)) / step));
  const count = Math.ceil(outputs / each);
  return Array.from({ length: count }, (_, i) => {
    const begin = Math.floor((outputs * i) / count);
    const end = Math.floor((outputs * (i + 1)) / count);
    const first = begin * step - padBegin[1];
    const last = (end - 1) * step - padBegin[1] + kernel;
    return { begin, end, from: Math.max(0, first), to: Math.min(height, last) };
  });
}

/** Whether what a strip has in common with the one before can be copied to the front: it must not lie there already. */
function canBegin({ from }: Strip, at: number, strips: readonly Strip[]): boolean {
  const before = strips[at - 1];
  return before === undefined || before.to - from <= from - before.from;
}

/** For each strip: what it has in common with the one before goes to the front, the new rows follow, and are filtered. */
function stepsOf({ widening, depthwise, paths, row }: Pair, strips: readonly Strip[], block: Block): Step[] {
  const [narrow, deep] = [widening.conv.geometry, depthwise.conv.geometry];
  const [height, width] = [deep.inputSize[1], deep.inputSize[2]];
  const convFor = sharedConvs();
  return strips.flatMap(({ begin, end, from, to }, i) => {
    const steps: Step[] = [];
    const before = strips[i - 1];
    const kept = before === undefined ? 0 : before.to - from;
    if (kept > 0) {
      const last = new View(block, (from - before.from) * row, kept * row);
      const args = [[last], [kept * row], new View(block, 0, kept * row), 1];
      steps.push({ operation: 'concat', args, path: paths[1] });
    }

    const size = [1, to - from - kept, width] as const;
    if (size[1] > 0) {
      const conv = convFor({ ...narrow, inputSize: size, outputSize: size });
      const x = rowsOf(widening.x, height, from + kept, to);
      const y = new View(block, kept * row, size[1] * row);
      steps.push(convStep({ ...widening, conv, x, y }, paths[0]));
    }

    const above = Math.max(0, deep.padBegin[1] - begin * deep.stride[1]);
    const below = (end - begin - 1) * deep.stride[1] + deep.kernelSize[1] - (to - from) - above;
    const conv = convFor({
      ...deep,
      inputSize: [1, to - from, width],
      outputSize: [1, end - begin, deep.outputSize[2]],
      padBegin: [0, above, deep.padBegin[2]],
      padEnd: [0, below, deep.padEnd[2]],
    });
    const x = new View(block, 0, (to - from) * row);
    const y = rowsOf(depthwise.y, deep.outputSize[1], begin, end);
    return [...steps, convStep({ ...depthwise, conv, x, y }, paths[1])];
  });
}

/** Rows [begin, end) of `all` that a view holds. */
function rowsOf({ block, offset, length }: View, all: number, begin: number, end: number): View {
  const each = length / all;
  return new View(block, offset + each * begin, each * (end - begin));
}

/** Makes one convolution of all that are the same, as most strips are. */
function sharedConvs(): (geometry: ConvGeometry) => TracedConv {
  const made = new Map<string, TracedConv>();
  return (geometry) => {
    const key = JSON.stringify(geometry);
    const conv = made.get(key) ?? new TracedConv(geometry);
    made.set(key, conv);
    return conv;
  };
}

/** The strips of later images lie where the first one's do. */
function withStrips({ twins, lasting }: Repeated, cut: ReadonlyMap<Block, Block>): Repeated {
  const all = new Map(twins);
  for (const [twin, first] of twins) {
    const [own, firsts] = [cut.get(twin), cut.get(first)];
    if (own !== undefined && firsts !== undefined) all.set(own, firsts);
  }
  return { twins: all, lasting };
}
