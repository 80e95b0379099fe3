// Sessions under load, and what cannot be compiled.
import { describe, expect, it } from 'vitest';
import { compile, nn, noGrad, ops, SessionError, Tensor } from '../../lib/index.js';
import { bits } from '../support/bits.js';

const net = new nn.Sequential(
  new nn.Conv2d(4, 16, 3, { padding: 1 }),
  new nn.ReLU(),
  new nn.Conv2d(16, 4, 1),
);
const shape = [1, 4, 20, 20];
const image = (seed: number) => Tensor.randn(shape, { seed });

describe('runs', () => {
  it('asked for together come back with their own results', async () => {
    const session = await compile(net, { inputShape: shape });
    const inputs = Array.from({ length: 24 }, (_, i) => image(i));
    const results = inputs.map((x) => session.run(x));
    const between = session.runSync(inputs[3]);
    for (const x of inputs) x.data.fill(0); // taken already
    const wanted = Array.from({ length: 24 }, (_, i) => noGrad(() => net.forward(image(i))));
    expect(bits(between)).toEqual(bits(wanted[3]));
    for (const [i, y] of (await Promise.all(results)).entries())
      expect(bits(y), `run ${i}`).toEqual(bits(wanted[i]));
  });

  it('stop where their signal aborts, waiting or running, and leave the others alone', async () => {
    const session = await compile(net, { inputShape: shape });
    const controller = new AbortController();
    const reason = new Error('enough');
    const first = session.run(image(1));
    const dropped = [session.run(image(2), { signal: controller.signal }), session.run(image(3), controller)];
    const last = session.run(image(4));
    controller.abort(reason);
    const ends = await Promise.allSettled(dropped);
    expect(ends).toEqual([
      { status: 'rejected', reason },
      { status: 'rejected', reason },
    ]);
    await expect(session.run(image(5), controller)).rejects.toBe(reason);
    expect(bits(await first)).toEqual(bits(noGrad(() => net.forward(image(1)))));
    expect(bits(await last)).toEqual(bits(noGrad(() => net.forward(image(4)))));

    const running = new AbortController();
    const large = Tensor.zeros([64, 4, 64, 64]);
    const slow = session.run(large, running);
    setImmediate(() => running.abort(reason));
    await expect(slow).rejects.toBe(reason);
    expect(bits(await session.run(image(4)))).toEqual(bits(await last));
  });

  it('are refused where too many wait', async () => {
    const session = await compile(net, { inputShape: shape, maxQueue: 2 });
    const accepted = [1, 2, 3].map((seed) => session.run(image(seed)));
    await expect(session.run(image(4))).rejects.toMatchObject({
      name: 'SessionError',
      code: 'ERR_QUEUE_FULL',
    });
    await Promise.all(accepted);
    await session.run(image(4));
  });

  it('that were asked for end before close() does; later ones are refused', async () => {
    const session = await compile(net, { inputShape: shape });
    await session.warmUp();
    let done = 0;
    const runs = [1, 2, 3].map((seed) => session.run(image(seed)).then(() => done++));
    await session.close();
    expect(done).toBe(3);
    await Promise.all(runs);
    await expect(session.run(image(1))).rejects.toThrow(SessionError);
    expect(() => session.runSync(image(1))).toThrow('session.runSync: the session is closed');
    await session.close();
  });

  it('leave the event loop free', async () => {
    const session = await compile(net, { inputShape: shape });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await session.run(Tensor.zeros([256, 4, 64, 64]));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

class Reading extends nn.Module {
  constructor(readonly read: (x: Tensor) => unknown) {
    super();
  }
  override forward(x: Tensor): Tensor {
    const y = ops.relu(x);
    this.read(y);
    return y;
  }
}

describe('compile refuses', () => {
  it.each([
    ['data', (x: Tensor) => x.data],
    ['toArray', (x: Tensor) => x.toArray()],
    ['item', (x: Tensor) => ops.flatten(x).item()],
    ['text', (x: Tensor) => String(x)],
  ])('a forward that reads values: %s', async (_, read) => {
    await expect(compile(new Reading(read), { inputShape: [1] })).rejects.toThrow(
      /values cannot be read while compile\(\) traces/,
    );
  });

  it('what is no module, no shape, no option', async () => {
    const compileAny = (...args: unknown[]) => Reflect.apply(compile, null, args) as Promise<unknown>;
    await expect(compileAny({}, { inputShape: shape })).rejects.toThrow(TypeError);
    await expect(compileAny(net)).rejects.toThrow('compile: inputShape is missing');
    await expect(compileAny(net, { inputShape: [1, -1] })).rejects.toThrow(RangeError);
    await expect(compileAny(net, { inputshape: shape })).rejects.toThrow(/did you mean 'inputShape'/);
    await expect(compileAny(net, { inputShape: shape, maxQueue: -1 })).rejects.toThrow(RangeError);
    await expect(compileAny(net, { inputShape: shape, foldBatchNorm: 1 })).rejects.toThrow(TypeError);
    await expect(compileAny(net, { inputShape: shape, outputs: [] })).rejects.toThrow(TypeError);
    await expect(compileAny(net, { inputShape: shape, outputs: 'x' })).rejects.toThrow(TypeError);
  });

  it('outputs that are not there, and says which are', async () => {
    const twice = new nn.ReLU();
    const chain = new nn.Sequential({ a: twice, b: new nn.Sequential(twice) });
    const ask = (outputs: string[]) => compile(chain, { inputShape: [2], outputs });
    await expect(ask(['c'])).rejects.toThrow(
      "outputs: there is no module 'c' in Sequential; its modules are 'a', 'b'",
    );
    await expect(ask(['a'])).rejects.toThrow("outputs: 'a' is called 2 times; name one call: 'a:0' to 'a:1'");
    await expect(ask(['a:2'])).rejects.toThrow(RangeError);
    expect(Object.keys((await ask(['a:1'])).runSync(Tensor.ones([2])))).toEqual(['a:1']);
  });

  it('an image that does not fit, with the layer’s own sentence', async () => {
    const session = await compile(net, { inputShape: shape });
    await expect(session.run(Tensor.zeros([1, 3, 20, 20]))).rejects.toThrow(
      /expected input\[1, 3, 20, 20\] to have 4 channels/,
    );
    await expect(Reflect.apply(session.run, session, [7])).rejects.toThrow(TypeError);
  });
});
