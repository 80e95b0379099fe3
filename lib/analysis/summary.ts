// A network as a table: what each call of a module takes, gives and costs.

import type { Module } from '../nn/module.js';
import { knownOptions } from '../ops/options.js';
import { inspectCustom } from '../tensor/inspect.js';
import { elementCount } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Call, everythingOf, record, typeOf } from './record.js';
import type { SummaryRow, SummaryTotals } from './rows.js';
import { macsOf, multiplicationsOf } from './step-cost.js';
import { printSummary } from './table.js';
import { type Fields, traceFields } from './trace-fields.js';

export interface SummaryOptions {
  /** The shape of the input, its batch included. */
  inputShape: readonly number[];
}

/** The table as data; String(...) prints it. */
export class Summary {
  readonly rows: readonly SummaryRow[];
  readonly totals: SummaryTotals;
  /** Where receptive fields need a grain of salt. */
  readonly notes: readonly string[];

  /** @internal */
  constructor(rows: readonly SummaryRow[], totals: SummaryTotals, notes: readonly string[]) {
    this.rows = rows;
    this.totals = totals;
    this.notes = notes;
  }

  /** The table, within 120 columns wherever its numbers allow. */
  toString(): string {
    return printSummary(this);
  }

  [inspectCustom](): string {
    return this.toString();
  }
}

const BYTES = 4;

/**
 * A network's layers with torchinfo's columns: shapes, kernels, parameters, multiply-accumulates and floating-point operations
 * (2 * MACs; biases not counted, see {@link macs}), and receptive fields. Nothing is computed and no image's worth of memory is
 * touched: only shapes run through the network, whose tensors all read as zero meanwhile.
 *
 * @throws TypeError | RangeError where an argument is not one.
 * @throws ShapeError where the network does not take this shape; the sentence names the layer.
 * @example
 * const net = new nn.Sequential(new nn.Conv2d(3, 8, 3, { padding: 1 }), new nn.ReLU(), new nn.MaxPool2d(2));
 * const table = analysis.summary(net, { inputShape: [1, 3, 32, 32] });
 * table.totals.params; // 224
 * table.rows.map((row) => row.type); // ['Sequential', 'Conv2d', 'ReLU', 'MaxPool2d']
 * String(table); // prints the table
 */
export function summary(net: Module, options: SummaryOptions): Summary {
  const { inputShape } = knownOptions(options, ['inputShape'], 'summary');
  const recording = record(net, inputShape as readonly number[], 'summary');
  const { calls, made, input } = recording;
  const fields = traceFields(recording);
  const indices: number[] = [];
  const seen = new Set<Module>();
  const rows = calls.map((call) => {
    indices[call.depth] = (indices[call.depth] ?? 0) + 1;
    const recursive = seen.has(call.module);
    seen.add(call.module);
    return rowOf(call, indices[call.depth], recursive, fields);
  });
  const macs = made.reduce((total, each) => total + macsOf(each), 0);
  const params = elements(net.parameters());
  const leaves = calls.filter(({ children }) => children.length === 0);
  const totals: SummaryTotals = {
    params,
    trainableParams: params,
    macs,
    flops: 2 * macs,
    multiplications: made.reduce((total, each) => total + multiplicationsOf(each), 0),
    inputBytes: BYTES * elementCount(input.shape),
    forwardBytes:
      BYTES * leaves.reduce((sum, { output }) => sum + (output ? elementCount(output.shape) : 0), 0),
    paramsBytes: BYTES * params,
  };
  return new Summary(rows, totals, fields.notes);
}

const elements = (tensors: readonly Tensor[]): number =>
  tensors.reduce((total, { shape }) => total + elementCount(shape), 0);

function rowOf(call: Call, index: number, recursive: boolean, fields: Fields): SummaryRow {
  const { module, path, depth, children, input, output } = call;
  const inside = new Set(module.namedChildren().flatMap(([, child]) => child.parameters()));
  const own = module.parameters().filter((tensor) => !inside.has(tensor));
  const everything = everythingOf(call);
  const macs = everything.reduce((total, each) => total + macsOf(each), 0);
  const axes = output === null ? undefined : fields.of(output)?.axes;
  return {
    path,
    type: typeOf(call),
    depth,
    index,
    leaf: children.length === 0,
    recursive,
    inputShape: input?.shape ?? null,
    outputShape: output?.shape ?? null,
    kernelSize: children.length === 0 ? kernelOf(call) : null,
    params: elements(module.parameters()),
    own: { params: elements(own), macs: call.made.reduce((total, each) => total + macsOf(each), 0) },
    macs,
    flops: 2 * macs,
    multiplications: everything.reduce((total, each) => total + multiplicationsOf(each), 0),
    algorithm: children.length === 0 ? algorithmOf(call) : null,
    receptiveField: axes
      ? {
          size: axes.map(({ size }) => size),
          jump: axes.map(({ jump }) => jump),
          start: axes.map(({ start }) => start),
        }
      : null,
  };
}

function kernelOf({ made }: Call): readonly number[] | null {
  const windows = made.flatMap(({ step }) => {
    if (step.kind === 'conv') return [step.geometry.kernelSize.slice(3 - step.rank)];
    if (step.kind === 'pool' && 'kernelSize' in step.settings)
      return [step.settings.kernelSize.slice(3 - step.rank)];
    return [];
  });
  return windows.length === 1 ? windows[0] : null;
}

function algorithmOf({ made }: Call): SummaryRow['algorithm'] {
  const convolutions = made.flatMap(({ step }) => (step.kind === 'conv' ? [step.geometry.algorithm] : []));
  return convolutions.length === 1 ? convolutions[0] : null;
}
