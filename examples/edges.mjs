// Where an image changes: a horizontal edge under the textbook's kernel, and what flipping the kernel does.
// node examples/edges.mjs

import { analysis, ops, Tensor } from 'convkit';

const image = Tensor.from([
  [1, 1, 1, 1, 1],
  [1, 1, 1, 1, 1],
  [0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0],
  [0, 0, 0, 0, 0],
]);
const kernel = Tensor.from([
  [1, 1, 1],
  [0, 0, 0],
  [-1, -1, -1],
]);
const shown = (tensor) =>
  tensor
    .toArray()
    .map((row) => `  ${row.map((value) => String(value).padStart(2)).join(' ')}`)
    .join('\n');

console.log(`a step, 5 x 5\n${shown(image)}`);
console.log(`a kernel that compares the row above with the row below\n${shown(kernel)}`);

// A convolution layer correlates: it lays the kernel over the image as it is.
const edges = ops.conv2d(image.reshape([1, 5, 5]), kernel.reshape([1, 1, 3, 3])).reshape([3, 3]);
console.log(`what the layer sees: the edge, brighter above\n${shown(edges)}`);
const multiplyAdds = analysis.macs({ inChannels: 1, outChannels: 1, kernelSize: 3, outputSize: [3, 3] });
console.log(`3 x 3 places of 3 x 3 taps: ${multiplyAdds} multiply-adds`);

// Mathematics turns the kernel over first. This one changes its sign by that, so the same edge becomes a dark one.
const convolved = ops.convolve2d(image, kernel, { mode: 'valid' });
console.log(`true convolution, which flips the kernel\n${shown(convolved)}`);

// A difference along the diagonal of 1 to 9 is the same everywhere.
const ramp = Tensor.from([
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
]);
const diagonal = Tensor.from([
  [1, 0],
  [0, -1],
]);
console.log(`1 to 9 under [[1, 0], [0, -1]]\n${shown(ops.correlate2d(ramp, diagonal, { mode: 'valid' }))}`);
