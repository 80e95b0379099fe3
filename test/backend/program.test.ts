// Programs: calls checked once, made again and again.
import { describe, expect, it } from 'vitest';
import type { Binding, Call } from '../../binding.js';
import { reference } from '../../lib/backend/reference/index.js';
import { implementations } from '../support/bindings.js';
import { callOf, difference, solve } from '../support/conformance.js';
import { problemOf } from '../support/problems.js';

// An optimiser's step changes what it reads: made twice, it goes on.
const problems = Array.from({ length: 66 }, (_, i) => problemOf(700_000 + i)).filter(
  ({ family }) => family !== 'sgdStep' && family !== 'adamStep',
);
const answers = problems.map((problem) => solve(reference, problem));

/** The calls that solve the problems, unmade, and where their answers will be. */
function listed(binding: Binding): { calls: Call[]; outputs: Float32Array[] } {
  const calls: Call[] = [];
  const listing: Binding = {
    ...binding,
    submit: (operation, ...args) => {
      // @ts-expect-error: the compiler does not see that a name and its own arguments make a call
      calls.push([operation, ...args]);
      return { finished: Promise.resolve('done'), cancel() {} };
    },
  };
  const outputs = problems.map((problem) => {
    const { output, submit } = callOf(listing, problem);
    submit();
    return output;
  });
  return { calls, outputs };
}

describe.each(implementations)('on $name', ({ get }) => {
  it('makes its calls in order, as often as asked, in the foreground and in the background', async () => {
    const binding = get();
    const { calls, outputs } = listed(binding);
    const program = binding.createProgram(calls);
    const runs = [
      () => binding.program(program, 0, calls.length),
      () => binding.submit('program', program, 0, calls.length).finished,
    ];
    for (const run of [...runs, ...runs]) {
      for (const output of outputs) output.fill(Number.NaN);
      await run();
      for (const [i, output] of outputs.entries()) {
        expect(difference(output, answers[i]), `seed ${problems[i].seed}`).toBeNull();
      }
    }
  });

  it('makes the calls of a range, and none where it is empty', () => {
    const binding = get();
    const x = new Float32Array([1, 2, 3]);
    const add = ['binary', 'add', x, new Float32Array(3).fill(1), x] as const;
    const program = binding.createProgram([add, add, add]);
    binding.program(program, 1, 1);
    expect([...x]).toEqual([1, 2, 3]);
    binding.program(program, 1, 3);
    expect([...x]).toEqual([3, 4, 5]);
    binding.program(binding.createProgram([]), 0, 0);
  });

  it('stops between calls where it is cancelled', async () => {
    const binding = get();
    const x = new Float32Array(1 << 16);
    const add = ['binary', 'add', x, new Float32Array(x.length).fill(1), x] as const;
    const program = binding.createProgram(Array.from({ length: 2000 }, () => add));
    const job = binding.submit('program', program, 0, 2000);
    await new Promise((resolve) => setImmediate(resolve));
    job.cancel();
    expect(await job.finished).toBe('cancelled');
    expect(x[0]).toBeLessThan(2000);
  });

  it('refuses what is no call, and what its operation refuses', () => {
    const binding = get();
    const short = new Float32Array(2);
    const long = new Float32Array(3);
    const wrong = (calls: unknown) => () => Reflect.apply(binding.createProgram, binding, [calls]);
    expect(wrong(7)).toThrow(TypeError);
    expect(wrong([7])).toThrow(TypeError);
    expect(wrong([[]])).toThrow();
    expect(wrong([['explode', short]])).toThrow(/operation/);
    expect(wrong([['program', 1, 0, 0]])).toThrow("'program' is no operation of a program");
    expect(wrong([['binary', 'add', short, long, long]])).toThrow(/must have 2 elements, got 3/);
    const program = binding.createProgram([['binary', 'add', short, short, short]]);
    expect(() => binding.program(program, 0, 2)).toThrow(RangeError);
    expect(() => binding.program(program, 1, 0)).toThrow(RangeError);
    expect(() => Reflect.apply(binding.program, binding, [{}, 0, 0])).toThrow(TypeError);
  });
});

it('keeps its arrays for itself alone', async () => {
  const { get } = implementations[1];
  const binding = get();
  const make = () => {
    const x = new Float32Array(1 << 20).fill(2);
    return { program: binding.createProgram([['binary', 'mul', x, x, x]]), x: new WeakRef(x) };
  };
  const { program, x } = make();
  for (let i = 0; i < 50; i++) new Float32Array(1 << 20);
  await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc?.();
  binding.program(program, 0, 1);
  expect(x.deref()?.[(1 << 20) - 1]).toBe(4);
});
