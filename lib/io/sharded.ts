// Index files of weights cut into several files: { "weight_map": { tensor name: file name } }, as the transformers
// library writes them. Which tensors are in which file, and nothing of what is in them.

import { dirname, join } from 'node:path';
import { InputFile } from './input-file.js';
import { JsonReader, quoted } from './json-reader.js';
import { LONGEST_HEADER } from './safetensors-header.js';

export interface Shard {
  /** The path of the file, beside the index. */
  readonly shard: string;
  readonly names: ReadonlySet<string>;
}

/** The files an index lists, in the order of their names. A file name is no path: an index reaches nothing outside its folder. */
export function readIndex(path: string, operation: string): Promise<Shard[]> {
  return InputFile.using(path, operation, async (file) => {
    if (file.size > LONGEST_HEADER) file.fail(`has ${file.size} bytes, the limit is ${LONGEST_HEADER}`);
    let text = '';
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(await file.read(0, file.size));
    } catch (error) {
      if (error instanceof RangeError) throw error;
      file.fail('is no index file: it is not UTF-8');
    }
    const reader = new JsonReader(text, (law) => file.fail(`is no index file: ${law}`));
    const shards = new Map<string, Set<string>>();
    let mapped = false;
    reader.object('the index', (member) => {
      if (member !== 'weight_map') return reader.skip(quoted(member));
      mapped = true;
      reader.object('weight_map', (name) => {
        const shard = reader.string(`the file of ${quoted(name)}`);
        if (
          !/^[^/\\:\0]+$/.test(shard) ||
          shard === '.' ||
          shard === '..' ||
          !shard.endsWith('.safetensors')
        ) {
          reader.wrong(
            `the file of ${quoted(name)} must be a .safetensors file in the same folder, not ${quoted(shard)}`,
          );
        }
        const names = shards.get(shard) ?? new Set<string>();
        shards.set(shard, names.add(name));
      });
    });
    reader.end();
    if (!mapped) file.fail('is no index file: it has no weight_map');
    const folder = dirname(path);
    return [...shards]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([shard, names]) => ({ shard: join(folder, shard), names }));
  });
}
