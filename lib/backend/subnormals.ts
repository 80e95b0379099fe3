// Whether this thread keeps subnormal numbers. A native library linked with fast-math sets the processor's
// flush-to-zero mode for the thread that loads it, and from then on JavaScript itself computes other numbers.

/** 'flushed' where arithmetic on this thread turns subnormal operands or results into zero. */
export function probeSubnormals(): 'kept' | 'flushed' {
  // Values come from memory, so that no compiler can compute the answers beforehand.
  const bits = new Uint32Array([1, 0x00800000, 0x3f000000]);
  const [smallest, smallestNormal, half] = new Float32Array(bits.buffer);
  const wide = new Float64Array(new Uint32Array([0, 0x00100000]).buffer)[0];
  const results = new Float32Array([smallestNormal * half, smallest]);
  const kept = new Uint32Array(results.buffer);
  const single = kept[0] === 0x00400000 && kept[1] === 1;
  const double = wide * half !== 0;
  return single && double ? 'kept' : 'flushed';
}
