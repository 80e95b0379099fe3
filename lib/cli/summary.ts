// `convkit summary`: a model, a network in a file or a list of layers to the table of its shapes and costs; a file of weights
// to the list of its tensors.

import { summary } from '../analysis/index.js';
import { wrongType, wrongValue } from '../errors.js';
import { SHOW_MODELS } from '../show/models.js';
import { parsedArguments } from './arguments.js';
import { isModelName, MODEL_NAMES } from './named-models.js';
import { inputSizes, networkNamed } from './network.js';
import { withSentence } from './sentence.js';
import { weightsKind } from './weights-file.js';
import { weightsSummary, weightsTable } from './weights-table.js';

export const help = `convkit summary [<model> | file] [--input 1x3x224x224] [--json]

Prints what each layer of a network takes, gives and costs: shapes, parameters, multiply-accumulates (MACs), floating-point
operations (2 x MACs; biases not counted) and receptive fields. Nothing is computed: only shapes run through the network.
Of a file of weights, prints its tensors and their totals.

  <model>                scattering (the default, the feature extractor of convkit extract), edges, or a published
                         architecture by torchvision's name, as resnet50 (--models lists them)
  network.onnx           a network in an ONNX file
  weights.safetensors    weights in a .safetensors file (or the index of its shards), .pth or .pt
  layers.json            a list of layers, see below; - reads it from standard input

  -i, --input <sizes>    the shape of the input, its batch included, as 1x3x224x224; needed with layers.json, and with ONNX
                         files that do not say their sizes
  --json                 rows and totals as one JSON object
  --models               the names of the models
  --help

Examples:
  convkit summary resnet50
  convkit summary mobilenet_v2 --input 1x3x96x96 --json
  convkit summary checkpoint.pth

A list of layers has each as a class of convkit's nn with its arguments, options last:

  [
    { "type": "Conv2d", "args": [3, 64, 3], "options": { "padding": 1 }, "name": "stem" },
    { "type": "Sequential", "name": "body", "layers": ["ReLU", { "type": "AdaptiveAvgPool2d", "args": [1] }] },
    "Flatten"
  ]

Where only the type is wanted a string does. A null for inChannels or inFeatures is found from the input. Where some layers
have names, the others are called layer0, layer1 and so on by their place.

Exit codes: 0 done; 1 nothing printed (wrong arguments, a file that cannot be read, layers that do not fit together).
`;

const options = {
  input: { type: 'string', short: 'i' },
  json: { type: 'boolean', default: false },
  models: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the command. Gives the exit code; everything foreseeable is reported on stderr, nothing is thrown. */
export function run(argv: readonly string[]): Promise<number> {
  return withSentence('summary', async () => {
    process.stdout.write(await printed(argv));
    return 0;
  });
}

async function printed(argv: readonly string[]): Promise<string> {
  const { values, positionals } = parsed(argv);
  if (values.help) return help;
  if (values.models) return `${[...Object.keys(SHOW_MODELS), ...MODEL_NAMES].join('\n')}\n`;
  if (positionals.length > 1) {
    throw wrongValue('summary', `one network at a time, received ${positionals.length}`);
  }
  const [name = 'scattering'] = positionals;
  const given = values.input === undefined ? undefined : inputSizes(values.input, 'summary');
  const weights = isModelName(name) ? null : weightsKind(name);
  if (weights !== null) {
    if (given !== undefined)
      throw wrongValue('summary', `--input is for networks, and ${name} holds weights`);
    const table = await weightsSummary(name, weights);
    return `${values.json ? JSON.stringify(table, null, 2) : weightsTable(table)}\n`;
  }
  const subject = await networkNamed(name, 'summary');
  const inputShape = given ?? subject.inputShape;
  if (inputShape === undefined) {
    throw wrongType('summary', 'no input shape', 'give one such as --input 1x3x224x224');
  }
  const table = summary(subject.net, { inputShape });
  return values.json ? `${JSON.stringify(table, null, 2)}\n` : `${table}\n`;
}

const parsed = (argv: readonly string[]) => parsedArguments('summary', argv, options);
