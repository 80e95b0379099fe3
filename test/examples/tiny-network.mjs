// A network small enough to serve in tests: three classes of any image.

import { manualSeed, nn } from 'convkit';

manualSeed(1);
export default new nn.Sequential({
  conv: new nn.Conv2d(3, 4, 3, { stride: 2, activation: 'relu' }),
  avgpool: new nn.AdaptiveAvgPool2d(1),
  flatten: new nn.Flatten(),
  fc: new nn.Linear(4, 3),
});
