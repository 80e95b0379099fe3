// Writes an ONNX model of one convolution by hand: the few protobuf messages of onnx.proto3 that it takes
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3), so that the benchmark needs no ONNX library.

import type { LayerData } from './data.js';
import { isTransposed, type Layer, shapes } from './layer.js';

const IR_VERSION = 8;
const OPSET = 13;
const FLOAT = 1; // TensorProto.DataType
const ATTRIBUTE_INT = 2; // AttributeProto.AttributeType
const ATTRIBUTE_INTS = 7;

/** A model file with the input `x`, the output `y`, and weight and bias as initialisers. */
export function convolutionModel(layer: Layer, data: LayerData): Uint8Array {
  const { x, weight, y } = shapes(layer);
  const attributes = [
    ints('kernel_shape', layer.kernelSize),
    ints('strides', layer.stride),
    ints('dilations', layer.dilation),
    ints('pads', [...layer.padBegin, ...layer.padEnd]),
    int('group', layer.groups),
    ...(isTransposed(layer) ? [ints('output_padding', layer.outputPadding)] : []),
  ];
  const node = message(
    ...['x', 'weight', 'bias'].map((name) => text(1, name)),
    text(2, 'y'),
    text(4, isTransposed(layer) ? 'ConvTranspose' : 'Conv'),
    ...attributes.map((attribute) => bytes(5, attribute)),
  );
  const graph = message(
    bytes(1, node),
    text(2, 'layer'),
    bytes(5, tensor('weight', weight, data.weight)),
    bytes(5, tensor('bias', [layer.outChannels], data.bias)),
    bytes(11, value('x', x)),
    bytes(12, value('y', y)),
  );
  return message(
    varint(1, IR_VERSION),
    text(2, 'convkit-bench'),
    bytes(7, graph),
    bytes(8, message(text(1, ''), varint(2, OPSET))),
  );
}

// The messages

const ints = (name: string, values: readonly number[]): Uint8Array =>
  message(text(1, name), ...values.map((v) => varint(8, v)), varint(20, ATTRIBUTE_INTS));

const int = (name: string, v: number): Uint8Array =>
  message(text(1, name), varint(3, v), varint(20, ATTRIBUTE_INT));

const tensor = (name: string, shape: readonly number[], values: Float32Array): Uint8Array =>
  message(
    ...shape.map((size) => varint(1, size)),
    varint(2, FLOAT),
    text(8, name),
    bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  );

const value = (name: string, shape: readonly number[]): Uint8Array => {
  const dimensions = shape.map((size) => bytes(1, message(varint(1, size))));
  const tensorType = message(varint(1, FLOAT), bytes(2, message(...dimensions)));
  return message(text(1, name), bytes(2, message(bytes(1, tensorType))));
};

// The wire: a field is its number and wire type, then a varint (type 0) or a length and that many bytes (type 2)

const message = (...fields: Uint8Array[]): Uint8Array => Buffer.concat(fields);

const varint = (field: number, v: number): Uint8Array => Uint8Array.of(...digits(field * 8), ...digits(v));

const bytes = (field: number, content: Uint8Array): Uint8Array =>
  Buffer.concat([Uint8Array.of(...digits(field * 8 + 2), ...digits(content.length)), content]);

const text = (field: number, content: string): Uint8Array => bytes(field, Buffer.from(content, 'utf8'));

/** A whole number from 0 as groups of seven bits, lowest first. */
function digits(v: number): number[] {
  const groups: number[] = [];
  for (; v >= 128; v = Math.floor(v / 128)) groups.push((v % 128) + 128);
  return [...groups, v];
}
