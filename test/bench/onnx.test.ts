import { describe, expect, it } from 'vitest';
import { makeData } from '../../bench/data.js';
import { parseLayers } from '../../bench/layer.js';
import { convolutionModel } from '../../bench/onnx.js';

/** A reader of protobuf messages without a schema: field number -> values, in order. */
function read(message: Uint8Array): Map<number, (number | Uint8Array)[]> {
  const fields = new Map<number, (number | Uint8Array)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const values = fields.get(key >> 3) ?? [];
    fields.set(key >> 3, values);
    if ((key & 7) === 0) values.push(varint());
    else {
      expect(key & 7).toBe(2);
      const length = varint();
      values.push(message.subarray(at, at + length));
      at += length;
    }
  }
  expect(at).toBe(message.length);
  return fields;
}

const within = (fields: ReturnType<typeof read>, field: number, index = 0) =>
  read(fields.get(field)?.[index] as Uint8Array);
const textOf = (value: number | Uint8Array | undefined) => Buffer.from(value as Uint8Array).toString('utf8');

describe('the ONNX writer', () => {
  const layer = parseLayers('conv2d 1x6x300x8 12 3x5 s2x1 p1x0:2 d1x2 g3', 'test').layers[0];
  const data = makeData(layer);
  const model = read(convolutionModel(layer, data));
  const graph = within(model, 7);
  const node = within(graph, 1);

  it('names the operation, its operands and the operator set', () => {
    expect(model.get(1)).toEqual([8]);
    expect(within(model, 8).get(2)).toEqual([13]);
    expect(textOf(node.get(4)?.[0])).toBe('Conv');
    expect(node.get(1)?.map(textOf)).toEqual(['x', 'weight', 'bias']);
    expect(node.get(2)?.map(textOf)).toEqual(['y']);
  });

  it('writes the attributes, pads all beginnings first', () => {
    const attributes = (node.get(5) ?? []).map((field) => read(field as Uint8Array));
    const found = Object.fromEntries(
      attributes.map((fields) => [textOf(fields.get(1)?.[0]), fields.get(8) ?? fields.get(3)]),
    );
    expect(found).toEqual({
      kernel_shape: [3, 5],
      strides: [2, 1],
      dilations: [1, 2],
      pads: [1, 0, 1, 2],
      group: [3],
    });
  });

  it('carries the weights bit for bit', () => {
    const weight = within(graph, 5);
    expect(weight.get(1)).toEqual([12, 2, 3, 5]);
    expect(Buffer.compare(weight.get(9)?.[0] as Uint8Array, new Uint8Array(data.weight.buffer))).toBe(0);
  });

  it('declares input and output shapes', () => {
    const sizes = (field: number) =>
      (within(within(within(within(graph, field), 2), 1), 2).get(1) ?? []).map(
        (dimension) => read(dimension as Uint8Array).get(1)?.[0],
      );
    expect(sizes(11)).toEqual([1, 6, 300, 8]);
    expect(sizes(12)).toEqual([1, 12, 150, 2]);
  });
});
