import { expect, it } from 'vitest';
import { models, nn, ops, Tensor } from '../../lib/index.js';
import { watch } from '../../lib/show/capture.js';
import { featureMaps, kernels } from '../../lib/show/planes.js';

it('keeps the output of one layer, bit for bit, and leaves the model as it was', () => {
  const net = new nn.Sequential({ conv: new nn.Conv2d(1, 3, 3), relu: new nn.ReLU() });
  const x = Tensor.randn([1, 1, 6, 6], { seed: 1 });
  const { layers, output } = watch(net, x, { path: 'conv', call: 1 });
  expect(output?.toArray()).toEqual(
    ops.conv2d(x, net.stateDict()['conv.weight'], net.stateDict()['conv.bias']).toArray(),
  );
  expect(layers).toEqual([
    { path: 'conv', kind: 'Conv2d', shapes: [[1, 3, 4, 4]] },
    { path: 'relu', kind: 'ReLU', shapes: [[1, 3, 4, 4]] },
  ]);
  expect(net.namedModules().filter(([, module]) => Object.hasOwn(module, 'forward'))).toEqual([]);
});

it('leaves the model as it was where it throws', () => {
  const net = new nn.Sequential({ conv: new nn.Conv2d(1, 3, 3) });
  expect(() => watch(net, Tensor.zeros([1, 2, 6, 6]))).toThrow('to have 1 channels');
  expect(net.namedModules().filter(([, module]) => Object.hasOwn(module, 'forward'))).toEqual([]);
});

it('counts the calls of a layer, and keeps the one that is asked for', () => {
  const net = new models.Scattering({ inputSize: 32, scales: 3, grid: 2, secondGrid: 1 });
  const x = Tensor.rand([1, 1, 32, 32], { seed: 2 });
  const { layers, output } = watch(net, x, { path: 'modulus', call: 2 });
  expect(layers.find(({ path }) => path === 'modulus')?.shapes).toHaveLength(3 + 3);
  expect(output?.shape).toEqual([8, 8, 16, 16]);
});

it('makes one picture of each map, and one of each kernel: in colour where it sees three channels', () => {
  const maps = featureMaps(Tensor.from([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]), 'layer', 9); // biome-ignore format: a picture
  expect(maps.tiles.map(({ picture }) => 'values' in picture && [...picture.values])).toEqual([
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  const conv = new nn.Conv2d(3, 4, 5);
  expect(kernels(conv, 'conv', 9, true)).toMatchObject({ count: 12, tiles: { length: 9 } });
  const [first] = kernels(conv, 'conv', 9, false).tiles;
  expect(first.picture).toMatchObject({ width: 5, height: 5, channels: 3 });
  expect(() => kernels(new nn.ReLU(), 'relu', 9, false)).toThrow(
    "layer 'relu' is ReLU, which has no 2-D kernels",
  );
  expect(() => featureMaps(Tensor.zeros([1, 8]), 'fc', 9)).toThrow(
    "layer 'fc' gives [1, 8], which are no maps",
  );
});
