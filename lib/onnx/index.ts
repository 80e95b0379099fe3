// What is public of ONNX files.

export { type GraphInput, GraphModule } from './graph-module.js';
export { loadOnnx } from './load.js';
