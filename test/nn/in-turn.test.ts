// What the library's own layers hand on from one to the next: whose memory it is, before and after backward.

import { beforeEach, describe, expect, it } from 'vitest';
import { dropRecycled, recycledBytes } from '../../lib/backend/recycled.js';
import { models, nn, ops, optim, Tensor } from '../../lib/index.js';
import { watchCalls } from '../../lib/nn/watch-calls.js';

const image = () => Tensor.randn([2, 3, 16, 16], { seed: 1 });

const network = () =>
  new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { padding: 1 }),
    new nn.BatchNorm2d(8, { activation: 'relu' }),
    new nn.Sequential(new nn.Conv2d(8, 16, 3, { padding: 1 }), new nn.ReLU(), new nn.MaxPool2d(2)),
    new nn.Conv2d(16, 8, 1),
  );

/** Keeps what passes, as a user's module may. */
class Probe extends nn.Module {
  seen: Tensor | null = null;
  readonly #keep: boolean;

  constructor(keep = true) {
    super();
    this.#keep = keep;
  }

  forward(x: Tensor): Tensor {
    if (this.#keep) Object.defineProperty(this, 'seen', { value: x, configurable: true, enumerable: false });
    return x;
  }
}

/** As its type was declared, whatever was assigned to it before. */
const gradientOf = (tensor: Tensor): Tensor | null => tensor.grad;

beforeEach(dropRecycled);

describe('results that only layers of the library see', () => {
  it('are memory again once their gradients have passed', () => {
    const net = network();
    net.forward(image()).backward(Tensor.ones([2, 8, 8, 8]));
    const first = 2 * 8 * 256 * 4;
    const second = 2 * 16 * 256 * 4;
    // conv and normalisation, conv and ReLU, pooling; and gradients, which begin in the same memory
    expect(recycledBytes()).toBeGreaterThanOrEqual(2 * first + 2 * second + second / 4);
    const after = recycledBytes();
    net.forward(image()).backward(Tensor.ones([2, 8, 8, 8]));
    expect(recycledBytes()).toBeLessThanOrEqual(after * 1.5);
  });

  it('give the gradients that layers called one by one give, to the bit', () => {
    const [net, alone] = [network(), network()];
    alone.loadStateDict(net.stateDict());
    for (let step = 0; step < 2; step++) {
      ops.mean(net.forward(image())).backward();
      const [conv, norm, inner, last] = alone.namedChildren().map(([, layer]) => layer);
      let y = norm.forward(conv.forward(image()));
      for (const [, layer] of inner.namedChildren()) y = layer.forward(y);
      ops.mean(last.forward(y)).backward();
      const theirs = alone.parameters();
      net.parameters().forEach((parameter, i) => {
        expect(parameter.grad?.data).toEqual(theirs[i].grad?.data);
        parameter.grad = null;
        theirs[i].grad = null;
      });
    }
  });

  it("are the user's where a module of theirs has seen them, or one whose forward they replaced", () => {
    const probe = new Probe();
    const conv = new nn.Conv2d(3, 8, 3, { padding: 1 });
    const net = new nn.Sequential(conv, new nn.Sequential(probe), new nn.ReLU(), new nn.Conv2d(8, 1, 1));
    ops.sum(net.forward(image())).backward();
    expect(probe.seen?.toArray()).toEqual(conv.forward(image()).toArray());

    const seen: Tensor[] = [];
    const watched = network();
    const loss = watchCalls(
      watched.namedModules(),
      (_path, _module, _args, proceed) => {
        const y = proceed() as Tensor;
        seen.push(y);
        return y;
      },
      () => ops.sum(watched.forward(image())),
    );
    const before = seen.map((y) => y.toArray());
    loss.backward();
    expect(seen.map((y) => y.toArray())).toEqual(before);
  });

  it('are not those that a sequence begins or ends with, under whatever name', () => {
    const conv = new nn.Conv2d(3, 4, 3);
    const h = conv.forward(image());
    const through = new nn.Sequential(new nn.Dropout(0.5).eval(), new nn.Flatten(), new nn.Linear(784, 2));
    ops.sum(through.forward(h)).backward();
    expect(h.toArray()).toEqual(conv.forward(image()).toArray());

    const flat = new nn.Sequential(new nn.ReLU(), new nn.AvgPool2d(2), new nn.Flatten(), new Probe(false));
    const x = image();
    x.requiresGrad = true;
    const y = flat.forward(x);
    const before = y.toArray();
    ops.sum(y).backward();
    for (let i = 0; i < 3; i++) ops.relu(Tensor.full([2, 3, 8, 8], 7)); // would take the memory
    expect(y.toArray()).toEqual(before);
    const bare = new nn.Sequential(new nn.ReLU(), new nn.AvgPool2d(2), new nn.Flatten());
    const z = bare.forward(x);
    ops.sum(z).backward();
    for (let i = 0; i < 3; i++) ops.relu(Tensor.full([2, 3, 8, 8], 7));
    expect(z.toArray()).toEqual(before);
  });

  it('stay while the graph is retained', () => {
    const net = network();
    const loss = ops.mean(net.forward(image()));
    loss.backward(null, { retainGraph: true });
    const once = net.parameters().map(({ grad }) => grad?.data.slice());
    net.parameters().forEach((parameter) => {
      parameter.grad = null;
    });
    loss.backward();
    expect(net.parameters().map(({ grad }) => grad?.data.slice())).toEqual(once);
    expect(() => loss.backward()).toThrow(/second time/);
  });

  it.each([
    ['resnet18', () => models.resnet18({ numClasses: 3 })],
    ['mobilenetV2', () => models.mobilenetV2({ numClasses: 3 })],
    ['mobilenetV1', () => models.mobilenetV1({ numClasses: 3 })],
  ])('train %s to the same weights as without reuse', (_name, make) => {
    const net = make();
    if ('classifier' in net && net.classifier instanceof nn.Sequential) net.classifier.eval(); // no dropout
    const trained = [false, true].map((watched) => {
      net.loadStateDict(someWeights(net));
      const optimizer = new optim.SGD(net.parameters(), { lr: 0.01, momentum: 0.9 });
      for (let step = 0; step < 2; step++) {
        optimizer.zeroGrad();
        const x = Tensor.randn([2, 3, 32, 32], { seed: step });
        const run = () => ops.crossEntropy(net.forward(x), [0, 2]);
        // Watched modules hand nothing on
        const loss = watched
          ? watchCalls(net.namedModules(), (_path, _module, _args, proceed) => proceed(), run)
          : run();
        loss.backward();
        optimizer.step();
      }
      return net.parameters().map(({ data }) => data.slice());
    });
    trained[0].forEach((data, i) => {
      expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(trained[1][i].buffer))).toBe(0);
    });
  });
});

/** Weights that cost nothing to draw. */
function someWeights(net: nn.Module): Record<string, Tensor> {
  const entries = Object.entries(net.stateDict()).map(([name, { shape }]): [string, Tensor] => {
    const size = shape.reduce((a, b) => a * b, 1);
    const bound = shape.length > 1 ? Math.sqrt(6 / (size / shape[0])) : 0.1;
    const centre = shape.length > 1 || name.endsWith('bias') ? 0 : 1;
    const data = Float32Array.from(
      { length: size },
      (_, i) => centre + bound * ((Math.imul(i + 1, 0x9e3779b1) >>> 8) / 2 ** 23 - 1),
    );
    return [name, new Tensor(data, shape)];
  });
  return Object.fromEntries(entries);
}

describe('gradients that nobody has read', () => {
  it('are memory again once they are cleared, others stay', () => {
    const weight = new Tensor(new Float32Array(2048).fill(2), [2048], { requiresGrad: true });
    const run = () => ops.sum(ops.mul(weight, weight)).backward();
    run();
    const bytes = recycledBytes();
    weight.grad = null;
    expect(recycledBytes()).toBe(bytes + 8192);
    run();
    const grad = gradientOf(weight);
    weight.grad = null;
    run();
    run();
    expect(grad?.data).toEqual(new Float32Array(2048).fill(4));
    expect(gradientOf(weight)?.data).toEqual(new Float32Array(2048).fill(8));
    const own = Tensor.ones([2048]);
    weight.grad = own;
    weight.grad = null;
    expect(own.data).toEqual(new Float32Array(2048).fill(1));
  });
});
