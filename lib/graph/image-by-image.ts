// A batch whose early steps run image by image: one image's activations stay in cache from step to step, where a whole
// batch's would go to memory and back. Late steps, whose weights are more than an image's activations, take the batch at
// once and read them once. Outputs are the same bits either way, images being computed apart.

import {
  Block,
  type Graph,
  inputsOf,
  outputOf,
  type Step,
  TracedConv,
  TracedFilter,
  TracedPool,
  View,
} from './graph.js';
import { convOf, product } from './steps.js';

/** What a core's own cache holds, in elements: smaller activations of a whole batch stay there anyway. */
const CACHED = 2 ** 18;

/** Operations that compute each image by itself, and which argument counts the images. */
const APART: Readonly<Record<string, number | null>> = {
  conv: 4,
  pool: 3,
  activate: null,
  binary: null,
  affine: null,
  toChannelsLast: 2,
  toChannelsFirst: 2,
};

/**
 * `graph`, of `images` images, with the steps before some place repeated for each of them; null where that does not pay, or where
 * `single`, the graph of one image, does not do the same.
 */
export function imageByImage(graph: Graph, single: Graph, images: number): Graph | null {
  const blocks = matchedBlocks(graph, single, images);
  if (blocks === null) return null;
  const cut = bestCut(graph, single, images);
  if (cut < 2) return null;

  const late = new Set(graph.outputs.map(({ view }) => view.block));
  for (const step of graph.steps.slice(cut)) for (const block of blocksOf(step)) late.add(block);
  const lasting = new Set(graph.inputs.map(({ block }) => block));
  for (const step of graph.steps.slice(0, cut))
    for (const block of blocksOf(step)) if (late.has(block)) lasting.add(block);

  const steps: Step[] = [];
  const firsts = new Map<Block, Block>();
  const twins = new Map<Block, Block>();
  for (let image = 0; image < images; image++) {
    const own = image === 0 ? firsts : new Map<Block, Block>();
    const placed = ({ block, offset, length }: View): View => {
      const batched = blocks.get(block);
      if (batched === undefined) return new View(block, offset, length); // a constant
      if (lasting.has(batched)) return new View(batched, image * block.length + offset, length);
      const mine = own.get(block) ?? new Block(block.length, block.kind);
      own.set(block, mine);
      return new View(mine, offset, length);
    };
    single.steps.slice(0, cut).forEach(({ operation, args, path }, at) => {
      // Handles of the batch's graph, numbers of the single image's
      const { args: batched } = graph.steps[at];
      const ofImage = args.map((arg, place) => {
        if (arg instanceof View) return placed(arg);
        return typeof arg === 'number' ? arg : batched[place];
      });
      steps.push({ operation, path, args: ofImage });
    });
    if (image > 0) for (const [block, mine] of own) twins.set(mine, firsts.get(block) ?? mine);
  }
  return { ...graph, steps: [...steps, ...graph.steps.slice(cut)], repeated: { twins, lasting } };
}

const blocksOf = (step: Step): Block[] => [outputOf(step), ...inputsOf(step)].map(({ block }) => block);

/** Of each block of `single` that is no constant, the one of `graph`; null where the graphs differ in more than the batch. */
function matchedBlocks(graph: Graph, single: Graph, images: number): Map<Block, Block> | null {
  if (graph.steps.length !== single.steps.length || graph.outputs.length !== single.outputs.length)
    return null;
  const blocks = new Map<Block, Block>();
  const agree = (many: View, one: View): boolean => {
    if (many.offset !== one.offset) return false;
    const [a, b] = [many.block, one.block];
    if (a.kind === 'constant' || b.kind === 'constant')
      return a.kind === b.kind && many.length === one.length && sameArray(a, b);
    if (a.initial !== null || b.initial !== null || a.length !== images * b.length) return false;
    const before = blocks.get(b);
    blocks.set(b, a);
    return before === undefined || before === a;
  };
  const same = (many: unknown, one: unknown): boolean => {
    if (many instanceof View && one instanceof View) return agree(many, one);
    if (many instanceof TracedFilter && one instanceof TracedFilter)
      return many.weight === one.weight && many.bias === one.bias && sameGeometry(many.conv, one.conv);
    if (many instanceof TracedConv && one instanceof TracedConv) return sameGeometry(many, one);
    if (many instanceof TracedPool && one instanceof TracedPool) return sameGeometry(many, one);
    return JSON.stringify(many) === JSON.stringify(one);
  };
  const alike = graph.steps.every(({ operation, args }, at) => {
    const one = single.steps[at];
    const counting = APART[operation];
    if (operation !== one.operation || args.length !== one.args.length || counting === undefined)
      return false;
    return args.every((arg, place) =>
      place === counting ? arg === images * Number(one.args[place]) : same(arg, one.args[place]),
    );
  });
  const views = [...graph.inputs, ...graph.outputs.map(({ view }) => view)];
  const ones = [...single.inputs, ...single.outputs.map(({ view }) => view)];
  return alike && views.every((view, i) => agree(view, ones[i])) ? blocks : null;
}

function sameArray({ initial: a }: Block, { initial: b }: Block): boolean {
  return (
    a !== null && b !== null && (a === b || (a.length === b.length && a.every((value, i) => value === b[i])))
  );
}

const sameGeometry = (a: { geometry: unknown }, b: { geometry: unknown }): boolean =>
  JSON.stringify(a.geometry) === JSON.stringify(b.geometry);

/**
 * How many steps to repeat. Repeated, a step reads its weights anew for each image; at once, it takes all images' activations
 * through memory. The place where the steps before it spare the most.
 */
function bestCut(graph: Graph, single: Graph, images: number): number {
  let [spared, most, cut] = [0, 0, 0];
  single.steps.forEach((step, at) => {
    const views = [outputOf(step), ...inputsOf(step)].filter(({ block }) => block.kind !== 'constant');
    const activations = images * views.reduce((sum, { length }) => sum + length, 0);
    spared += (activations > CACHED ? activations : 0) - (images - 1) * weightsOf(graph.steps[at]);
    if (spared > most) [most, cut] = [spared, at + 1];
  });
  return cut;
}

/** Elements of a step's packed weights. */
function weightsOf(step: Step): number {
  const conv = convOf(step);
  if (conv === null) return 0;
  const { algorithm, inChannels, outChannels, groups, kernelSize } = conv.conv.geometry;
  const taps = algorithm === 'winograd4' ? 36 : algorithm === 'winograd2' ? 16 : product(kernelSize);
  return (inChannels / groups) * outChannels * taps;
}
