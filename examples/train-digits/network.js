// A convolutional network in LeNet's manner (LeCun et al. 1998): convolutions and pooling in turn until a digit has become
// one column of features, then one layer that scores it; with batch normalisation and dropout, which are younger.

import { createHash } from 'node:crypto';
import { nn } from 'convkit';

/** [N, 1, 28, 28] to scores [N, 10]. */
export function makeNetwork() {
  return new nn.Sequential({
    conv1: new nn.Conv2d(1, 16, 5, { padding: 2, bias: false }),
    norm1: new nn.BatchNorm2d(16),
    relu1: new nn.ReLU(),
    pool1: new nn.MaxPool2d(2),
    conv2: new nn.Conv2d(16, 32, 5, { bias: false }),
    norm2: new nn.BatchNorm2d(32),
    relu2: new nn.ReLU(),
    pool2: new nn.MaxPool2d(2),
    conv3: new nn.Conv2d(32, 64, 3, { bias: false }),
    norm3: new nn.BatchNorm2d(64),
    relu3: new nn.ReLU(),
    flatten: new nn.Flatten(),
    dropout: new nn.Dropout(0.2),
    linear: new nn.Linear(576, 10),
  });
}

/** The SHA-256 of all weights and statistics, in the order of their names. */
export function fingerprint(network) {
  const hash = createHash('sha256');
  const state = network.stateDict();
  for (const name of Object.keys(state).sort()) {
    const numbers = new DataView(new ArrayBuffer(4 * state[name].data.length));
    state[name].data.forEach((value, i) => {
      numbers.setFloat32(4 * i, value, true);
    });
    hash.update(name).update(numbers);
  }
  return hash.digest('hex');
}
