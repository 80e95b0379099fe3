// LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998), which read the digits of cheques: with learned filters everywhere, and means
// for its subsampling layers.

import { Tanh } from '../nn/activations.js';
import { Conv2d } from '../nn/conv.js';
import { Flatten } from '../nn/flatten.js';
import { Linear } from '../nn/linear.js';
import { AvgPool2d } from '../nn/pool.js';
import { Sequential } from '../nn/sequential.js';
import { type ClassifierOptions, numClassesOf } from './options.js';

/** x [N, 1, 28, 28], padded to the 32x32 of the paper, gives logits [N, numClasses], 10 unless asked for: 61,706 parameters. */
export function lenet5(options: ClassifierOptions = {}): Sequential {
  const numClasses = numClassesOf({ numClasses: 10, ...options }, 'lenet5');
  return new Sequential({
    conv1: new Conv2d(1, 6, 5, { padding: 2 }),
    tanh1: new Tanh(),
    pool1: new AvgPool2d(2),
    conv2: new Conv2d(6, 16, 5),
    tanh2: new Tanh(),
    pool2: new AvgPool2d(2),
    flatten: new Flatten(),
    fc1: new Linear(400, 120),
    tanh3: new Tanh(),
    fc2: new Linear(120, 84),
    tanh4: new Tanh(),
    fc3: new Linear(84, numClasses),
  });
}
