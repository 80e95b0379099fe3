// What one number deep in a network has seen of the image, as formula and as measurement.
// node examples/receptive-fields.mjs

import { analysis, manualSeed, nn, Tensor } from 'convkit';

manualSeed(1);
const conv = (options) => new nn.Conv2d(1, 1, 3, options);
const networks = {
  'one 3x3': new nn.Sequential(conv()),
  'two 3x3': new nn.Sequential(conv(), conv()),
  'three 3x3': new nn.Sequential(conv(), conv(), conv()),
  'dilated by 2': new nn.Sequential(conv({ dilation: 2 })),
  'dilated by 1, 2, 4': new nn.Sequential(conv(), conv({ dilation: 2 }), conv({ dilation: 4 })),
  'stride 2, then 3x3': new nn.Sequential(conv({ stride: 2 }), conv()),
  'pool 2, then 3x3': new nn.Sequential(new nn.MaxPool2d(2), conv()),
};

// By formula, and by trying: change one pixel after another and watch whether the middle output changes.
const size = 21;
const inputShape = [1, 1, size, size];
const image = Tensor.rand(inputShape, { seed: 1 });
console.log('network               weights   sees     jump   measured');
for (const [name, net] of Object.entries(networks)) {
  const field = analysis.receptiveField(net, { inputShape });
  const [rows, columns] = net.forward(image).shape.slice(2);
  const unit = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
  const before = net.forward(image).data[unit];
  const map = Array.from(image.data, (value, i) => {
    image.data[i] = value + 100;
    const changed = net.forward(image).data[unit] !== before;
    image.data[i] = value;
    return changed;
  });
  const changed = [...map.keys()].filter((i) => map[i]);
  const span = (places) => Math.max(...places) - Math.min(...places) + 1;
  const measured = [span(changed.map((i) => Math.floor(i / size))), span(changed.map((i) => i % size))];
  const weights = net.parameters().reduce((sum, { shape }) => sum + (shape.length === 4 ? 9 : 0), 0);
  console.log(
    `${name.padEnd(20)} ${String(weights).padStart(8)}   ${field.size.join(' x ').padEnd(8)} ${String(field.jump[0]).padStart(3)}   ${measured.join(' x ')}`,
  );
}
