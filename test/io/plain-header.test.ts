// The short way to read a header takes nothing that the strict reader would refuse, and finds what it finds.
import { describe, expect, it } from 'vitest';
import { plainHeader } from '../../lib/io/plain-header.js';
import { parseHeader } from '../../lib/io/safetensors-header.js';

const plain = (text: string) => plainHeader(text, '__metadata__');
const entry = (begin: number, end: number, shape = [(end - begin) / 4]) =>
  `{"dtype":"F32","shape":${JSON.stringify(shape)},"data_offsets":[${begin},${end}]}`;

describe('plainHeader', () => {
  it('gives names, dtypes, shapes and places in their order, spaces or not', () => {
    const text = `{"__metadata__":{"format":"pt"},"b.weight":${entry(0, 24, [2, 3])},"a":${entry(24, 28)}}`;
    const wanted = {
      metadata: [['format', 'pt']],
      entries: [
        { name: 'b.weight', dtype: 'F32', shape: [2, 3], place: [0, 24] },
        { name: 'a', dtype: 'F32', shape: [1], place: [24, 28] },
      ],
    };
    expect(plain(text)).toEqual(wanted);
    expect(plain(`${text.replaceAll(':', ': ').replaceAll(',', ', ')}    `)).toEqual(wanted);
  });

  it('leaves to the strict reader what a parser would pass over or read in its own way', () => {
    const ones = [
      `{"a":${entry(0, 4)},"a":${entry(4, 8)}}`,
      `{"a b":${entry(0, 4)},"a b":${entry(0, 4)}}`,
      `{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`,
      `{"__metadata__":{"x":"1","x":"1"},"a":${entry(0, 4)}}`,
      `{"\\u0061":${entry(0, 4)}}`,
      `{"2":${entry(0, 4)},"1":${entry(4, 8)}}`,
      `{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}`,
      `{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`,
      `{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}`,
      `{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}`,
      `{"a":{"dtype":32,"shape":[1],"data_offsets":[0,4]}}`,
      `{"__metadata__":{"x":1}}`,
      `{"__metadata__":[]}`,
      `{"a":null}`,
      `[${entry(0, 4)}]`,
      `{"a":${entry(0, 4)},}`,
      `{"a":${entry(0, 4)}`,
      '['.repeat(200_000),
      `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      '',
    ];
    for (const text of ones) expect(plain(text), text.slice(0, 60)).toBeNull();
  });

  it('is what the strict reader finds', () => {
    const fail = (law: string): never => expect.fail(law);
    const text = `{"__metadata__":{"k":"v"},"b":${entry(8, 16)},"a":${entry(0, 8, [2, 1])},"":${entry(16, 16, [0])}}`;
    expect(plain(text)).not.toBeNull();
    const strict = text.replaceAll(',', ',\n'); // which the short way does not take
    expect(plain(strict)).toBeNull();
    const parsed = [text, strict].map((each) => parseHeader(new TextEncoder().encode(each), 16, fail));
    expect(parsed[0]).toEqual(parsed[1]);
    expect(parsed[0].tensors.map(({ name }) => name)).toEqual(['a', 'b', '']);
  });
});
