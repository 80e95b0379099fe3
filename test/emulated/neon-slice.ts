// Run by an emulated arm64 Node: `neon-slice.js FIRST COUNT` solves problems of the conformance sweep on the native
// engine with every instruction set it has, and prints the SHA-256 of each answer as JSON.
import { createHash } from 'node:crypto';
import { selfTest } from '../../lib/cli/self-test.js';
import { solve } from '../support/conformance.js';
import { force, requireNative } from '../support/native.js';
import { problemOf } from '../support/problems.js';

const [first, count] = process.argv.slice(2).map(Number);
const native = requireNative();
const answers: Record<string, string[]> = {};
for (const isa of native.cpu().supported) {
  force(native, isa);
  answers[isa] = Array.from({ length: count }, (_, i) => {
    native.setThreads(1 + (i % 3));
    const y = solve(native, problemOf(first + i));
    return createHash('sha256')
      .update(new Uint8Array(y.buffer, y.byteOffset, y.byteLength))
      .digest('hex');
  });
}
console.log(JSON.stringify({ arch: process.arch, answers, selfTest: selfTest() }));
