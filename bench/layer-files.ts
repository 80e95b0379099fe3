// Where layer files are, and what is in them.

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type LayerFile, parseLayers, type Target } from './layer.js';
import { root } from './library.js';

export type { Target };

/** The networks, each in a file of layers of its name. */
export const MODELS: readonly string[] = [
  'resnet50',
  'vgg16',
  'resnext50',
  'mobilenetv2',
  'efficientnet',
  'densenet121',
  'inceptionv3',
  'deeplabv3',
  'wavenet',
];

/** 'resnet50' is bench/layers/resnet50.txt, 'models' all nine networks; anything else a path. */
export function layerFiles(names: readonly string[]): string[] {
  return names
    .flatMap((name) => (name === 'models' ? MODELS : [name]))
    .map((name) => {
      const own = `bench/layers/${name}.txt`;
      return existsSync(fileURLToPath(new URL(own, root))) ? own : name;
    });
}

/** A file of layers, of the repository or by its path. */
export function readLayers(file: string): LayerFile {
  const path = resolve(file.startsWith('bench/') ? fileURLToPath(new URL(file, root)) : file);
  return parseLayers(readFileSync(path, 'utf8'), file);
}

/** What classes should reach, by the files of layers. */
export function readTargets(files: readonly string[]): Map<string, Target> {
  return new Map(files.flatMap((file) => [...readLayers(file).targets]));
}
