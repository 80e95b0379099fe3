// An addon linked with fast-math sets flush-to-zero for the whole thread, and with it for every thread started later.
// The native engine must not care, and what it cannot help must be told.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Binding } from '../../binding.js';
import { info, use } from '../../lib/backend/index.js';
import { reference } from '../../lib/backend/reference/index.js';
import { probeSubnormals } from '../../lib/backend/subnormals.js';
import { buildAddon, fastMathObject } from '../support/addon.js';
import { callOf, difference, solve } from '../support/conformance.js';
import { force, requireNative } from '../support/native.js';
import { type Problem, problemOf } from '../support/problems.js';

const object = fastMathObject();
const folder = mkdtempSync(join(tmpdir(), 'convkit-fast-math-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Where the compiler has no crtfastmath.o, fast-math libraries built with it set nothing
describe.skipIf(object === null)('with a fast-math library loaded', () => {
  let native: Binding;
  const problems: Problem[] = [];
  for (let seed = 500_000; problems.length < 150; seed++) {
    const problem = problemOf(seed);
    if (problem.flavour.startsWith('tiny')) problems.push(problem);
  }
  let answers: Float32Array[];

  beforeAll(() => {
    native = requireNative();
    native.setThreads(2);
    answers = problems.map((problem) => solve(reference, problem));
    expect(probeSubnormals()).toBe('kept');
    const addon = join(folder, 'fast-math.node');
    buildAddon(addon, 0, [object ?? '']);
    createRequire(import.meta.url)(addon);
  });

  it('says that subnormals are flushed, and warns once when the reference has to compute', () => {
    expect(info().subnormals).toBe('flushed');
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    use('reference');
    use('native');
    use('reference');
    const codes = warn.mock.calls.map(([, options]) => (typeof options === 'object' ? options.code : ''));
    expect(codes).toEqual(['CONVKIT_SUBNORMALS']);
    warn.mockRestore();
  });

  it('changes what JavaScript computes, so the danger is real', () => {
    const changed = problems.filter(
      (problem, i) => difference(solve(reference, problem), answers[i]) !== null,
    );
    expect(changed.length).toBeGreaterThan(10);
  });

  it('changes no bit of the native engine, on threads old and new', () => {
    for (const isa of native.cpu().supported)
      for (const threads of [2, 4, 1]) {
        force(native, isa);
        native.setThreads(threads);
        for (const [i, problem] of problems.entries())
          expect(difference(solve(native, problem), answers[i]), `seed ${problem.seed}, ${isa}`).toBeNull();
      }
    expect(probeSubnormals()).toBe('flushed');
  });

  it('changes no bit of background jobs', async () => {
    for (const [i, problem] of problems.entries()) {
      const call = callOf(native, problem);
      expect(await call.submit().finished).toBe('done');
      expect(difference(call.output, answers[i]), `seed ${problem.seed}`).toBeNull();
    }
  });
});
