// Why is this number what it is? One output element of a convolution, taken apart into its patch, kernel and sum.
// node examples/explain.mjs

import { analysis, nn, Tensor } from 'convkit';

// A photo of 4 x 5 pixels with two channels, and a layer with one filter that looks for an upright edge in the first
// channel and for brightness in the second.
const x = Tensor.from([
  [
    [
      [1, 1, 5, 9, 9],
      [1, 2, 6, 9, 9],
      [1, 1, 5, 9, 8],
      [1, 1, 4, 9, 9],
    ],
    [
      [0, 0, 1, 0, 0],
      [0, 2, 3, 2, 0],
      [0, 0, 1, 0, 0],
      [0, 0, 0, 0, 0],
    ],
  ],
]);
const layer = new nn.Conv2d(2, 1, 3, { padding: 1, activation: 'relu' });
layer.loadStateDict({
  weight: Tensor.from([
    [
      [
        [-1, 0, 1],
        [-2, 0, 2],
        [-1, 0, 1],
      ],
      [
        [0, 0.5, 0],
        [0.5, 1, 0.5],
        [0, 0.5, 0],
      ],
    ],
  ]),
  bias: Tensor.from([-8]),
});

// In the middle of the edge, and at the corner, where half of the kernel lies in the padding.
for (const position of [
  [0, 0, 1, 2],
  [0, 0, 0, 4],
]) {
  const element = analysis.explain(layer, x, position);
  console.log(`${element}\n`);
  const [n, c, i, j] = position;
  const same = element.value === layer.forward(x).toArray()[n][c][i][j];
  console.log(`the layer itself gives ${same ? 'the same' : 'something else'}: ${element.value}\n`);
}
