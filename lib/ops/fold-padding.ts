// The gradient of padding that repeats elements: each element of the image gathers what the places that show it received.

import type { Binding, ConvGeometry, PaddingMode } from '../../binding.js';
import { paddedSize } from './gradient-geometry.js';

/** For every position of an axis the padded positions that show it, in order. */
function shownAt(size: number, begin: number, end: number, mode: PaddingMode): number[][] {
  const places = Array.from({ length: size }, (): number[] => []);
  for (let p = 0; p < begin + size + end; p++) {
    const at = p - begin;
    places[at >= 0 && at < size ? at : source(at, size, mode)].push(p);
  }
  return places;
}

function source(at: number, size: number, mode: PaddingMode): number {
  const before = at < 0;
  if (mode === 'reflect') return before ? -at : 2 * (size - 1) - at;
  if (mode === 'circular') return before ? at + size : at - size;
  return before ? 0 : size - 1;
}

/**
 * padded [batch, ...paddedSize, channels] -> image [batch, ...inputSize, channels]: every element from +0 the sum of those
 * that show it, in the padded image's order, then +0: a sparse matrix of ones.
 */
export function foldPadding(
  binding: Binding,
  g: ConvGeometry,
  padded: Float32Array,
  image: Float32Array,
  batch: number,
): void {
  const [depth, height, width] = ([0, 1, 2] as const).map((axis) =>
    shownAt(g.inputSize[axis], g.padBegin[axis], g.padEnd[axis], g.paddingMode),
  );
  const [planes, rows, columns] = paddedSize(g);
  const entries = new Int32Array(planes * rows * columns);
  const starts = new Int32Array(depth.length * height.length * width.length + 1);
  let entry = 0;
  let element = 0;
  for (const atDepth of depth)
    for (const atHeight of height)
      for (const atWidth of width) {
        for (const d of atDepth)
          for (const h of atHeight) for (const w of atWidth) entries[entry++] = (d * rows + h) * columns + w;
        starts[++element] = entry;
      }
  const ones = new Float32Array(entries.length).fill(1);
  for (let i = 0; i < batch; i++) {
    const [from, to] = [padded, image].map((all) =>
      all.subarray((all.length / batch) * i, (all.length / batch) * (i + 1)),
    );
    binding.sparse(starts, entries, ones, from, to, g.inChannels);
  }
}
