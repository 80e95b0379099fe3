// Runs a problem on any implementation of the contract, and compares the bits of two answers.
import type { Binding, Job } from '../../binding.js';
import { lossCall } from './losses.js';
import { normCall, runNorm, submitNorm } from './norms.js';
import type { Problem } from './problems.js';
import { columnLength, imageLength } from './rearranging.js';
import { stepCall } from './steps.js';

/** One call of the contract, ready to run, and the output it will write. */
export interface Call {
  readonly output: Float32Array;
  run(): void;
  submit(): Job;
}

/** NaN in advance: an element that nobody writes shows. */
const unwritten = (length: number) => new Float32Array(length).fill(Number.NaN);

/** Prepares `problem` on `binding`. */
export function callOf(binding: Binding, problem: Problem): Call {
  switch (problem.family) {
    case 'conv': {
      const { geometry, batch, x, weight, bias, residual } = problem;
      const conv = binding.createConv(geometry);
      const room = problem.seed % 2 === 0 ? binding.createFilterRoom([conv]) : null;
      const filter = binding.packFilter(conv, weight, bias, room);
      const [depth, height, width] = geometry.outputSize;
      const y = unwritten(batch * depth * height * width * geometry.outChannels);
      return {
        output: y,
        run: () => binding.conv(conv, filter, x, y, batch, residual),
        submit: () => binding.submit('conv', conv, filter, x, y, batch, residual),
      };
    }
    case 'weightGradient': {
      const { geometry, images, x, upstream, withBias } = problem;
      const conv = binding.createConv(geometry);
      const { inChannels, outChannels, groups, kernelSize } = geometry;
      const weights = (outChannels * inChannels * kernelSize[0] * kernelSize[1] * kernelSize[2]) / groups;
      const y = unwritten(weights + (withBias ? outChannels : 0));
      const gradients = [y.subarray(0, weights), withBias ? y.subarray(weights) : null] as const;
      return {
        output: y,
        run: () => binding.convWeightGradient(conv, x, upstream, ...gradients, images),
        submit: () => binding.submit('convWeightGradient', conv, x, upstream, ...gradients, images),
      };
    }
    case 'pool': {
      const { geometry, batch, x } = problem;
      const pool = binding.createPool(geometry);
      const [depth, height, width] = geometry.outputSize;
      const y = unwritten(batch * depth * height * width * geometry.channels);
      return {
        output: y,
        run: () => binding.pool(pool, x, y, batch),
        submit: () => binding.submit('pool', pool, x, y, batch),
      };
    }
    case 'poolGradient': {
      const { geometry, batch, x, upstream } = problem;
      const pool = binding.createPool(geometry);
      const y = unwritten(x.length);
      const values = geometry.kind === 'max' ? x : null;
      return {
        output: y,
        run: () => binding.poolGradient(pool, values, upstream, y, batch),
        submit: () => binding.submit('poolGradient', pool, values, upstream, y, batch),
      };
    }
    case 'activate': {
      const { activation, x } = problem;
      const y = unwritten(x.length);
      return {
        output: y,
        run: () => binding.activate(activation, x, y),
        submit: () => binding.submit('activate', activation, x, y),
      };
    }
    case 'activateGradient': {
      const { activation, values, upstream } = problem;
      const gradient = unwritten(values.length);
      return {
        output: gradient,
        run: () => binding.activateGradient(activation, values, upstream, gradient),
        submit: () => binding.submit('activateGradient', activation, values, upstream, gradient),
      };
    }
    case 'binary': {
      const { kind, a, b } = problem;
      const y = unwritten(a.length);
      return {
        output: y,
        run: () => binding.binary(kind, a, b, y),
        submit: () => binding.submit('binary', kind, a, b, y),
      };
    }
    case 'broadcast': {
      const { kind, broadcast, a, b } = problem;
      const y = unwritten(broadcast.sizes.reduce((product, size) => product * size, 1));
      return {
        output: y,
        run: () => binding.broadcast(kind, broadcast, a, b, y),
        submit: () => binding.submit('broadcast', kind, broadcast, a, b, y),
      };
    }
    case 'sum': {
      const { x, outer, count, inner, divisor } = problem;
      const y = unwritten(outer * inner);
      return {
        output: y,
        run: () => binding.sum(x, y, outer, count, inner, divisor),
        submit: () => binding.submit('sum', x, y, outer, count, inner, divisor),
      };
    }
    case 'modulusGradient': {
      const { x, upstream } = problem;
      const gradient = unwritten(x.length);
      return {
        output: gradient,
        run: () => binding.modulusGradient(x, upstream, gradient),
        submit: () => binding.submit('modulusGradient', x, upstream, gradient),
      };
    }
    case 'modulus': {
      const { x } = problem;
      const y = unwritten(x.length / 2);
      return { output: y, run: () => binding.modulus(x, y), submit: () => binding.submit('modulus', x, y) };
    }
    case 'concat': {
      const { inputs, widths, rows } = problem;
      const y = unwritten(rows * widths.reduce((sum, width) => sum + width, 0));
      return {
        output: y,
        run: () => binding.concat(inputs, widths, y, rows),
        submit: () => binding.submit('concat', inputs, widths, y, rows),
      };
    }
    case 'unfold':
    case 'fold': {
      const { family, window, batch, x } = problem;
      const y = unwritten(batch * (family === 'unfold' ? columnLength(window) : imageLength(window)));
      return {
        output: y,
        run: () => binding[family](window, x, y, batch),
        submit: () => binding.submit(family, window, x, y, batch),
      };
    }
    case 'remapGradient': {
      const { map, batch, x } = problem;
      const [depth, height, width] = map.inputSize;
      const gradient = unwritten(batch * map.channels * depth * height * width);
      return {
        output: gradient,
        run: () => binding.remapGradient(map, x, gradient, batch),
        submit: () => binding.submit('remapGradient', map, x, gradient, batch),
      };
    }
    case 'remap': {
      const { map, batch, x } = problem;
      const [depth, height, width] = map.source;
      const y = unwritten(batch * map.channels * depth.length * height.length * width.length);
      return {
        output: y,
        run: () => binding.remap(map, x, y, batch),
        submit: () => binding.submit('remap', map, x, y, batch),
      };
    }
    case 'sparse': {
      const { starts, columns, values, x, width } = problem;
      const y = unwritten((starts.length - 1) * width);
      return {
        output: y,
        run: () => binding.sparse(starts, columns, values, x, y, width),
        submit: () => binding.submit('sparse', starts, columns, values, x, y, width),
      };
    }
    case 'localResponse':
    case 'affine':
    case 'normalize':
    case 'normalizeGradient': {
      const { output, call } = normCall(problem, unwritten);
      return { output, run: () => runNorm(binding, call), submit: () => submitNorm(binding, call) };
    }
    case 'sumPositions': {
      const { x, positions } = problem;
      const y = unwritten(problem.channels);
      return {
        output: y,
        run: () => binding.sumPositions(x, y, positions),
        submit: () => binding.submit('sumPositions', x, y, positions),
      };
    }
    case 'sgdStep':
    case 'adamStep':
    case 'sumSquares':
    case 'scale':
    case 'clamp':
      return stepCall(binding, problem);
    case 'softmax':
    case 'softmaxGradient':
    case 'crossEntropy':
    case 'crossEntropyGradient':
    case 'dropoutMask':
      return lossCall(binding, problem);
    case 'toChannelsLast':
    case 'toChannelsFirst': {
      const { family, x, batch, channels, positions } = problem;
      const y = unwritten(x.length);
      return {
        output: y,
        run: () => binding[family](x, y, batch, channels, positions),
        submit: () => binding.submit(family, x, y, batch, channels, positions),
      };
    }
  }
}

/** The answer of `binding`, in the foreground. */
export function solve(binding: Binding, problem: Problem): Float32Array {
  const call = callOf(binding, problem);
  call.run();
  return call.output;
}

/** The same problem cut between its images, in order; null where it has no batch to cut. */
export function splitBatch(problem: Problem): readonly Problem[] | null {
  if (!('batch' in problem) || problem.batch < 2) return null;
  const { batch, x } = problem;
  const cut = Math.ceil(batch / 2);
  const parts = (data: Float32Array) => {
    const image = data.length / batch;
    return [data.subarray(0, cut * image), data.subarray(cut * image)];
  };
  const [first, second] = parts(x);
  if (problem.family === 'poolGradient') {
    const [before, after] = parts(problem.upstream);
    return [
      { ...problem, batch: cut, x: first, upstream: before },
      { ...problem, batch: batch - cut, x: second, upstream: after },
    ];
  }
  if (problem.family === 'conv' && problem.residual !== null) {
    const [before, after] = parts(problem.residual);
    return [
      { ...problem, batch: cut, x: first, residual: before },
      { ...problem, batch: batch - cut, x: second, residual: after },
    ];
  }
  return [
    { ...problem, batch: cut, x: first },
    { ...problem, batch: batch - cut, x: second },
  ];
}

/** Where two answers first differ, in words; null where all bits agree. Every NaN is like every other. */
export function difference(got: Float32Array, wanted: Float32Array): string | null {
  if (got.length !== wanted.length) return `${got.length} elements instead of ${wanted.length}`;
  const gotBits = new Uint32Array(got.buffer, got.byteOffset, got.length);
  const wantedBits = new Uint32Array(wanted.buffer, wanted.byteOffset, wanted.length);
  for (let i = 0; i < got.length; i++) {
    if (gotBits[i] === wantedBits[i] || (Number.isNaN(got[i]) && Number.isNaN(wanted[i]))) continue;
    const hex = (bits: number) => `0x${bits.toString(16).padStart(8, '0')}`;
    return `element ${i} of ${got.length} is ${got[i]} (${hex(gotBits[i])}), not ${wanted[i]} (${hex(wantedBits[i])})`;
  }
  return null;
}

/** A problem without its data, for a failure's message. */
export function describeProblem(problem: Problem): string {
  return JSON.stringify(problem, (_, value) =>
    value instanceof Float32Array
      ? `${value.length} floats`
      : value instanceof Int32Array
        ? [...value]
        : value,
  );
}
