// Operators one by one, in the forms of several opsets: small models that scripts/onnx-vectors.py wrote, beside what ONNX's
// reference evaluator makes of them.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { analysis, compile, io, Tensor } from '../../lib/index.js';
import { backends } from '../support/backends.js';
import { uniform } from '../support/hashed.js';

interface Case {
  readonly name: string;
  readonly model: string;
  readonly inputs: readonly (readonly number[])[];
  readonly outputs: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
}

const path = new URL('../vectors/onnx.json', import.meta.url);
const cases: readonly Case[] = JSON.parse(readFileSync(path, 'utf8'));

function expectClose(actual: Tensor, { shape, data }: Case['outputs'][number]): void {
  expect(actual.shape).toEqual(shape);
  const most = data.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
  actual.data.forEach((value, i) => {
    expect(Math.abs(value - data[i])).toBeLessThanOrEqual(2e-6 * most);
  });
}

describe.each(backends())('$name', ({ use }) => {
  test.each(cases)('$name', async ({ model, inputs, outputs }) => {
    use();
    const net = await io.loadOnnx(Buffer.from(model, 'base64'));
    const [x, ...rest] = inputs.map(
      (shape, i) =>
        new Tensor(
          uniform(
            shape.reduce((a, b) => a * b, 1),
            1000 + i,
          ),
          shape,
        ),
    );
    const named = net.forwardNamed(x, ...rest);
    expect(Object.keys(named)).toEqual(outputs.map((_, i) => `y${i}`));
    for (const [i, expected] of outputs.entries()) expectClose(named[`y${i}`], expected);
    if (outputs.length > 1) {
      if (rest.length > 0) return;
      const session = await compile(net, { inputShape: x.shape, outputs: Object.keys(named) });
      const made = await session.run(x);
      for (const [i, expected] of outputs.entries()) expectClose(made[`y${i}`], expected);
      return;
    }

    const eager = net.forward(x, ...rest);
    expect((await net.forwardAsync(x, ...rest)).data).toEqual(eager.data);
    if (rest.length > 0) return;
    const session = await compile(net, { inputShape: x.shape, foldBatchNorm: false });
    expect(session.runSync(x).data).toEqual(eager.data);
    expect(analysis.summary(net, { inputShape: x.shape }).rows[0].outputShape).toEqual(outputs[0].shape);
  });
});
