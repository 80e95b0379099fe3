// The networks that are timed whole: torchvision's names, what they are called here, their images, and the ratios to aim at.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { root } from '../library.js';

export interface NetworkSpec {
  /** torchvision's name, and that of its files. */
  readonly name: string;
  /** In `models`. */
  readonly model: string;
  /** Height and width of its images. */
  readonly size: number;
  /** Times the baseline's speed. */
  readonly target: number;
}

const network = (name: string, target: number, model = name, size = 224): NetworkSpec => ({
  name,
  model,
  size,
  target,
});

export const NETWORKS: readonly NetworkSpec[] = [
  network('resnet18', 1.2),
  network('resnet50', 1.25),
  network('resnext50_32x4d', 2.0),
  network('vgg16', 1.8),
  network('mobilenet_v2', 1.2, 'mobilenetV2'),
  network('efficientnet_b0', 1.2, 'efficientnetB0'),
  network('densenet121', 1.2),
  network('googlenet', 1.2),
  network('inception_v3', 1.2, 'inceptionV3', 299),
];

/** What the geometric mean over all networks should reach. */
export const MEAN_TARGET = 1.45;

/** The networks of these names; all for an empty list. @throws RangeError for another name. */
export function networksOf(names: readonly string[]): NetworkSpec[] {
  if (names.length === 0) return [...NETWORKS];
  return names.map((name) => {
    const found = NETWORKS.find((spec) => spec.name === name);
    if (found === undefined)
      throw new RangeError(`--networks takes ${NETWORKS.map((spec) => spec.name).join(', ')}, not '${name}'`);
    return found;
  });
}

const CACHE = fileURLToPath(new URL('bench/networks/cache/', root));

export interface NetworkFiles {
  readonly onnx: string;
  readonly weights: string;
}

export const filesOf = ({ name }: NetworkSpec): NetworkFiles => ({
  onnx: `${CACHE}${name}.onnx`,
  weights: `${CACHE}${name}.safetensors`,
});

/** Exports those whose files are not there yet, by a Python that has torchvision. */
export function exportMissing(specs: readonly NetworkSpec[], python: string): void {
  const missing = specs.filter((spec) => !existsSync(filesOf(spec).onnx)).map(({ name }) => name);
  if (missing.length === 0) return;
  const program = fileURLToPath(new URL('bench/export-models.py', root));
  process.stderr.write(`exporting ${missing.join(', ')} to ${CACHE}\n`);
  execFileSync(python, [program, CACHE, ...missing], { stdio: ['ignore', 'ignore', 'inherit'] });
}
