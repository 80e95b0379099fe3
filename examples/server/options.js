// What the server is told on its command line.

import { parseArgs } from 'node:util';

export const HELP = `node examples/server [options]

Serves a network over HTTP: POST an image to /classify or /features, GET /health.

  --model <name>       an architecture of convkit's, such as resnet50 or mobilenetV2 (default resnet18)
  --weights <file>     its weights: .safetensors or .pth; without them it answers, but knows nothing
  --onnx <file>        a network from an ONNX file instead
  --network <file>     a network of your own instead: a JavaScript module whose default export is an nn.Module
  --features <layer>   the layer whose output /features gives, by its path (default avgpool, where there is one)
  --labels <file>      names of the classes, one a line
  --size <n>           the image's side for the network (default 224), cut out of the middle of a square whose side is
  --resize <n>         so long (default: size * 256 / 224)
  --threads <n>        threads of the engine (default: what the process may use)
  --queue <n>          images that may wait for others; more are refused with 503 (default 32)
  --max-bytes <n>      size of the largest body (default 16777216)
  --max-pixels <n>     pixels of the largest image (default 50000000)
  --host <address>     (default 127.0.0.1)
  --port <n>           0 for any that is free (default 8080)
  --engine <name>      convkit (default), or onnxruntime-node to compare with it: needs --onnx
  --onnxruntime <dir>  where onnxruntime-node is installed, if not beside this script or in bench/
  --help
`;

export class UsageError extends Error {}

const options = {
  model: { type: 'string', default: 'resnet18' },
  weights: { type: 'string' },
  onnx: { type: 'string' },
  network: { type: 'string' },
  features: { type: 'string' },
  labels: { type: 'string' },
  size: { type: 'string', default: '224' },
  resize: { type: 'string' },
  threads: { type: 'string' },
  queue: { type: 'string', default: '32' },
  'max-bytes': { type: 'string', default: '16777216' },
  'max-pixels': { type: 'string', default: '50000000' },
  host: { type: 'string', default: '127.0.0.1' },
  port: { type: 'string', default: '8080' },
  engine: { type: 'string', default: 'convkit' },
  onnxruntime: { type: 'string' },
  help: { type: 'boolean', default: false },
};

export function readOptions(argv) {
  const { values } = parse(argv);
  const number = (name, least, most) => {
    if (values[name] === undefined) return undefined;
    const value = Number(values[name]);
    if (/^\d+$/.test(values[name]) && value >= least && value <= most) return value;
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}, not '${values[name]}'`);
  };
  const { model, weights, onnx, network, features, labels, host, engine, onnxruntime, help } = values;
  if (!['convkit', 'onnxruntime-node'].includes(engine)) {
    throw new UsageError(`--engine must be convkit or onnxruntime-node, not '${engine}'`);
  }
  if (engine === 'onnxruntime-node' && onnx === undefined) {
    throw new UsageError('--engine onnxruntime-node needs --onnx <file>');
  }
  const size = number('size', 1, 4096);
  return {
    ...{ model, weights, onnx, network, features, labels, host, engine, onnxruntime, help },
    size,
    resize: Math.max(size, number('resize', 1, 8192) ?? Math.round((size * 256) / 224)),
    threads: number('threads', 1, 1024),
    queue: number('queue', 0, 1e6),
    maxBytes: number('max-bytes', 1, 2 ** 31),
    maxPixels: number('max-pixels', 1, 1e9),
    port: number('port', 0, 65535),
  };
}

function parse(argv) {
  try {
    return parseArgs({ args: argv, options });
  } catch (error) {
    throw new UsageError(error.message);
  }
}
