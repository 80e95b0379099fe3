// One digest pins each architecture: what a compiled network gives for one small image of hashed numbers, on every backend and
// instruction set, with any number of threads, in any batch.

import { createHash } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { backend, compile, models, Tensor } from '../../lib/index.js';
import { contenders } from '../support/backends.js';
import { bits } from '../support/bits.js';
import { fill, uniform } from '../support/hashed.js';

interface Pin {
  x: number[];
  sha256: string;
  /** Too much work for every instruction set: the reference and the widest. */
  heavy?: true;
}

const pins: Record<string, Pin> = {
  lenet5: { x: [1, 28, 28], sha256: 'dc153c7d66bab6d65d445ff634295d7d8afc78c328937724bf08d5e2dfc391cc' },
  alexnet: {
    x: [3, 63, 63],
    sha256: 'dc4822fce2b662a0c81ac42cd736f3f5cc95b6ce563e2d8090c8f1639b5900b3',
    heavy: true,
  },
  alexnet_original: {
    x: [3, 63, 63],
    sha256: '75159471837fb2d397933c511b943f7d22461437e40d2b706d761a28ad3fb664',
    heavy: true,
  },
  vgg11_bn: {
    x: [3, 32, 32],
    sha256: '8ea945e0a8f4903fef8f7374a234266cd6c539fd9d4bde59eb714e9b515b2087',
    heavy: true,
  },
  resnet18: { x: [3, 64, 64], sha256: 'dddca9b6ffab298db2143c3273d4df9f51f5bae304bbc736d4b3be639abe5624' },
  resnet50: {
    x: [3, 64, 64],
    sha256: '7320279c7ec1a456709a677512264415f58a5e56165e31e3eb8d5c3c35c88f72',
    heavy: true,
  },
  resnext50_32x4d: {
    x: [3, 64, 64],
    sha256: 'bfd62f45b49c15cace0e3e036788f0df3d8840f765be7b71e6802f57a7ed26a6',
    heavy: true,
  },
  googlenet: { x: [3, 64, 64], sha256: '5b353417a777cb57ca023c211f505ba517f94a4855a42c450f20e26b0b093089' },
  inception_v3: {
    x: [3, 75, 75],
    sha256: 'fc36dfeb41ddba7e9f3cc787089f2be52099c94b73bb2f451ba5d8e401022458',
    heavy: true,
  },
  densenet121: {
    x: [3, 64, 64],
    sha256: 'b86d464fef0165b1b0469816cd544e4131f05b5cfd1bcf91788826242078b36e',
    heavy: true,
  },
  mobilenetv1_100: {
    x: [3, 64, 64],
    sha256: '8be4d72c23e70b917a6a5ed67d8c5ba7dd96802f8a9baab33af9c841a55c40b0',
  },
  mobilenet_v2: {
    x: [3, 64, 64],
    sha256: 'e4e60aa042f2383bc978eb354ef95e97c335f8cf5f95cb64a56f5c0d8bc4f7be',
  },
  mobilenet_v3_small: {
    x: [3, 64, 64],
    sha256: 'bfbc33a47fe546a71f0c785427bc0bfb0bc67bbd99154fc572cd8ca25476ce01',
  },
  efficientnet_b0: {
    x: [3, 64, 64],
    sha256: '5ae33d1e9c36c03a2cb08e6e2ad49ddeb768050eaf4a354f2fdaf549dc72ab41',
  },
  squeezenet1_1: {
    x: [3, 64, 64],
    sha256: '286cb73e9fec1e78bc7751c711aa3cfe2e7260eefa9a8725cf95b3ad4bfdd41f',
  },
  shufflenet_v2_x1_0: {
    x: [3, 64, 64],
    sha256: '1bdf4d11584952a72ef366d7f1e87a081c1a006a888f9eb98e133b7ee26c8647',
  },
  deeplabv3_resnet50: {
    x: [3, 24, 24],
    sha256: '8e65f975b481ff502e2907dcdbcb294013fc27a5164d2e9a690fafccdb548697',
    heavy: true,
  },
  r3d_18: {
    x: [3, 4, 16, 16],
    sha256: '012ad051986656fc4b99e1f81e17087532f25118babf4d8d5200d49bc7ea15b7',
    heavy: true,
  },
  wavenet: { x: [256, 64], sha256: '3a3023b3ca5a1638752b57bf28f1ae3d443580e87205cceb3b5f9c56108009e1' },
};

const sha256 = (tensor: Tensor): string => {
  const { buffer, byteOffset, byteLength } = bits(tensor);
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
};

const everyone = contenders();
afterAll(() => backend.setThreads(2));

test.each(Object.entries(pins))(
  '%s gives its pinned bits',
  { timeout: 180_000 },
  async (name, { x, ...pin }) => {
    const net = models.byName(name, name === 'wavenet' ? {} : { numClasses: 10 });
    fill(net);
    const elements = x.reduce((product, size) => product * size, 1);
    const images = uniform(2 * elements, 1234567);
    const both = new Tensor(images, [2, ...x]);
    const [first, second] = [0, 1].map(
      (i) => new Tensor(images.slice(i * elements, (i + 1) * elements), [1, ...x]),
    );

    const found: Record<string, string> = {};
    for (const [place, { name: who, use }] of everyone.entries()) {
      if (pin.heavy && place > 0 && place < everyone.length - 1) continue;
      use();
      const session = await compile(net, { inputShape: [1, ...x] });
      if (place === 0) {
        const begin = performance.now();
        found[who] = sha256(session.runSync(first));
        if (process.env.PIN_TIMES) console.log(name, Math.round(performance.now() - begin), found[who]);
      } else {
        for (const threads of [1, 2]) {
          backend.setThreads(threads);
          found[`${who}, ${threads} threads`] = sha256(session.runSync(first));
        }
        const apart = [first, second].flatMap((image) => [...bits(session.runSync(image))]);
        expect([...bits(session.runSync(both))], `${who}, a batch`).toEqual(apart);
      }
      await session.close();
    }
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((who) => [who, pin.sha256])));
  },
);
