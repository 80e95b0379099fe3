// ONNX's backend test cases, converted from PyTorch's own tests, through io.loadOnnx: eagerly, in the background and compiled.
// The files are not the project's: they are read from beside it, or from CONVKIT_ONNX_TESTS.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { analysis, compile, io, type Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { readOnnxTensor } from '../support/onnx.js';

const folder =
  process.env.CONVKIT_ONNX_TESTS ?? fileURLToPath(new URL('../../../shared/onnx-tests', import.meta.url));
const cases = existsSync(folder) ? readdirSync(folder) : [];

/** Within float32's rounding of sums of a few hundred products, relative to the largest. */
function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const most = expected.data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  const apart = actual.data.reduce((a, b, i) => Math.max(a, Math.abs(b - expected.data[i])), 0);
  expect(apart).toBeLessThanOrEqual(2e-6 * most);
}

describe.skipIf(cases.length === 0)(
  cases.length > 0
    ? 'ONNX backend cases through loadOnnx'
    : `ONNX backend cases through loadOnnx: skipped, they are missing at ${folder}; name their folder in CONVKIT_ONNX_TESTS`,
  () => {
    test('are all there', () => {
      expect(cases.length).toBe(73);
    });

    describe.each(contenders())('$name', ({ use }) => {
      test.each(cases)('%s', async (name) => {
        use();
        const net = await io.loadOnnx(join(folder, name, 'model.onnx'));
        const data = join(folder, name, 'test_data_set_0');
        const inputs = readdirSync(data).filter((file) => file.startsWith('input'));
        const [x, ...rest] = inputs.sort().map((file) => readOnnxTensor(join(data, file)));
        const expected = readOnnxTensor(join(data, 'output_0.pb'));
        const eager = net.forward(x, ...rest);
        expectClose(eager, expected);
        expect((await net.forwardAsync(x, ...rest)).data).toEqual(eager.data);
        if (rest.length > 0) return;
        const session = await compile(net, { inputShape: x.shape, foldBatchNorm: false });
        expect(session.runSync(x).data).toEqual(eager.data);
        expect(analysis.summary(net, { inputShape: x.shape }).rows[0].outputShape).toEqual(expected.shape);
      });
    });
  },
);
