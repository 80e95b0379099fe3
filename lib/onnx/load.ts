// ONNX files as modules.

import { show, wrongType } from '../errors.js';
import type { Source } from '../io/byte-reader.js';
import { InputFile } from '../io/input-file.js';
import { GraphModule } from './graph-module.js';
import { InputBytes, ReadAhead } from './source.js';

/**
 * Reads a network from an ONNX file, or from its bytes: convolutional networks as PyTorch and others export them, opsets 6 to
 * 25, weights in the file or in files beside it. Floats of any width become float32.
 *
 * What the file declares with a name ('batch') may have any size from call to call. Everything is checked here: an operator
 * that convkit does not have, a value that nothing makes, a circle, numbers that are not there. Shapes that do not fit
 * together are found by the first run.
 *
 * @throws RangeError naming the file, the node, its operator and opset, and what is supported.
 * @example
 * const net = await io.loadOnnx('mobilenet_v2.onnx');
 * net.forward(Tensor.zeros([1, 3, 224, 224])).shape; // [1, 1000]
 */
export async function loadOnnx(model: string | Uint8Array | ArrayBuffer): Promise<GraphModule> {
  const operation = 'loadOnnx';
  if (model instanceof Uint8Array || model instanceof ArrayBuffer) {
    // A copy: the caller's bytes may change while they are read
    const source = new InputBytes(
      Uint8Array.from(model instanceof ArrayBuffer ? new Uint8Array(model) : model),
      operation,
    );
    return moduleOf(source, null, 'the model');
  }
  if (typeof model !== 'string') {
    throw wrongType(operation, `expected the path of a file, or its bytes, not ${show(model)}`);
  }
  return InputFile.using(model, operation, (file) => moduleOf(new ReadAhead(file), model, model));
}

/** The reader and its operators, a tenth of the library, are loaded when the first file is read. */
async function moduleOf(source: Source, path: string | null, label: string): Promise<GraphModule> {
  const [{ readModel }, { buildGraph }] = await Promise.all([import('./model.js'), import('./build.js')]);
  return new GraphModule(await buildGraph(await readModel(source, path), label));
}
