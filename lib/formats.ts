// What users call as `io.*`: files of numbers, and files of networks.

export * from './io/index.js';
export { type GraphInput, GraphModule, loadOnnx } from './onnx/index.js';
