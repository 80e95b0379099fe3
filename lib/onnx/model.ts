// A model file: the opset it is written for, its nodes, its constants, and what goes in and out. Read in one pass; large
// tensors stay in the file until their numbers are wanted.

import { existsSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { show } from '../errors.js';
import { Part, type Source } from '../io/byte-reader.js';
import { InputFile } from '../io/input-file.js';
import type { Host } from './host.js';
import { type NodeProto, parseNode, parseValueInfo, type ValueInfo } from './proto.js';
import { fieldsIn } from './source.js';
import { readHeader, readNumbers, readRaw, type TensorHeader } from './tensor-proto.js';
import { DAMAGED, type Fail, type Field, fieldsOf, numberIn, textIn } from './wire.js';

export interface Model {
  readonly opset: number;
  /** What wrote the file: 'pytorch 2.13.0'. */
  readonly producer: string;
  readonly nodes: readonly NodeProto[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, Host>;
}

/** More than any network has; every one costs memory. */
const MOST_NODES = 1 << 17;
const MOST_MESSAGE = 1 << 28;

/** Reads a model; `path` is where its external data are looked for, null where there is none. */
export async function readModel(source: Source, path: string | null): Promise<Model> {
  const fail: Fail = (law, cure) => source.fail(law, cure);
  let graph: Field | null = null;
  let opset: number | null = null;
  const producer = ['', ''];
  const small = async (field: Field): Promise<Uint8Array> => {
    if (field.wire !== 2) fail(`holds field ${field.number} as wire type ${field.wire}`, DAMAGED);
    if (field.end - field.begin > MOST_MESSAGE) fail(`holds a message of ${field.end - field.begin} bytes`);
    return source.read(field.begin, field.end - field.begin);
  };
  for await (const field of fieldsIn(source, 0, source.size)) {
    if (field.number === 2 || field.number === 3) {
      producer[field.number - 2] = show(new TextDecoder().decode((await small(field)).subarray(0, 80))).slice(
        1,
        -1,
      );
    } else if (field.number === 7) {
      if (graph !== null || field.wire !== 2) fail('holds more than one graph', DAMAGED);
      graph = field;
    } else if (field.number === 8) {
      const { domain, version } = parseOpset(await small(field), fail);
      if (domain === '' || domain === 'ai.onnx') opset = version;
    }
  }
  if (graph === null) return fail('holds no graph', 'it is no ONNX file');
  if (opset === null) return fail('does not say which opset its operators are of', DAMAGED);
  const content = await readGraph(source, graph, small, fail);
  return {
    ...content,
    opset,
    producer: producer.join(' ').trim(),
    initializers: await readAll(content.headers, path, fail),
  };
}

function parseOpset(bytes: Uint8Array, fail: Fail): { domain: string; version: number } {
  let [domain, version] = ['', 0];
  for (const field of fieldsOf(bytes, fail)) {
    if (field.number === 1) domain = textIn(bytes, field, fail);
    if (field.number === 2) version = numberIn(field, fail);
  }
  return { domain, version };
}

/** GraphProto: node 1, initializer 5, input 11, output 12, sparse_initializer 15. */
async function readGraph(
  source: Source,
  graph: Field,
  small: (field: Field) => Promise<Uint8Array>,
  fail: Fail,
) {
  const nodes: NodeProto[] = [];
  const headers: TensorHeader[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  for await (const field of fieldsIn(source, graph.begin, graph.end)) {
    if (nodes.length + headers.length + inputs.length + outputs.length > MOST_NODES) {
      fail(`holds more than ${MOST_NODES} nodes and tensors`);
    }
    if (field.number === 1) nodes.push(parseNode(await small(field), fail));
    else if (field.number === 5) {
      if (field.wire !== 2) fail('holds an initializer that is no message', DAMAGED);
      headers.push(await readHeader(source, field.begin, field.end));
    } else if (field.number === 11) inputs.push(parseValueInfo(await small(field), fail));
    else if (field.number === 12) outputs.push(parseValueInfo(await small(field), fail));
    else if (field.number === 15) fail('holds sparse initializers', 'convkit reads dense ones');
  }
  return { nodes, headers, inputs, outputs };
}

/** The numbers of all initializers, those in files beside the model's too. */
async function readAll(
  headers: readonly TensorHeader[],
  path: string | null,
  fail: Fail,
): Promise<Map<string, Host>> {
  const initializers = new Map<string, Host>();
  const outside = new Map<string, TensorHeader[]>();
  for (const header of headers) {
    if (initializers.has(header.name)) fail(`holds two initializers named ${show(header.name)}`);
    if (header.external === null) {
      initializers.set(header.name, await readNumbers(header));
      continue;
    }
    const { location } = header.external;
    const within = outside.get(location) ?? [];
    within.push(header);
    outside.set(location, within);
  }
  for (const [location, within] of outside) {
    const file = besides(path, location, within[0].name, fail);
    if (!existsSync(file))
      fail(
        `holds tensor ${show(within[0].name)} in ${show(file)}, which is missing`,
        'put it beside the model',
      );
    await InputFile.using(file, 'loadOnnx', async (data) => {
      for (const header of within) {
        if (initializers.has(header.name)) fail(`holds two initializers named ${show(header.name)}`);
        initializers.set(header.name, await readExternal(header, data));
      }
    });
  }
  return initializers;
}

/** A file in the model's folder or below it. */
function besides(path: string | null, location: string, name: string, fail: Fail): string {
  const stored = `holds tensor ${show(name)} in another file, ${show(location)}`;
  if (path === null) return fail(stored, 'give the path of the model, not its bytes');
  const folder = dirname(resolve(path));
  const file = resolve(folder, location);
  const from = relative(folder, file);
  if (
    location.includes('\0') ||
    isAbsolute(location) ||
    from === '' ||
    from.split(/[\\/]/)[0] === '..' ||
    isAbsolute(from)
  ) {
    return fail(`${stored}, which is not in the model's folder`, 'put it beside the model');
  }
  return file;
}

async function readExternal(header: TensorHeader, file: InputFile): Promise<Host> {
  const { offset, length } = header.external!;
  const rest = file.size - offset;
  const bytes = length ?? rest;
  if (!(offset <= file.size && bytes <= rest)) {
    file.fail(
      `has ${file.size} bytes, but tensor ${show(header.name)} is said to be ${bytes} bytes from ${offset} on`,
    );
  }
  return readRaw(header, new Part(file, offset, offset + bytes));
}

/** A tensor among a node's attributes. */
export async function readAttributeTensor(bytes: Source): Promise<Host> {
  const header = await readHeader(bytes, 0, bytes.size);
  if (header.external !== null)
    bytes.fail('holds a constant in another file', 'export it with its constants inside');
  return readNumbers(header);
}
