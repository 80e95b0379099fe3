// A graph network that was never trained already tells two factions apart, because it mixes what is connected. Trained on
// the two leaders alone, it names the side of nearly everyone.
// The club split up: Zachary 1977, An Information Flow Model for Conflict and Fission in Small Groups. The observation is
// Kipf and Welling's (2017, appendix A.1). node examples/karate-club.mjs

import { manualSeed, nn, noGrad, ops, optim, Tensor } from 'convkit';

// Who of the 34 members was friends with whom: for each member those of higher number.
const friends = {
  0: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31],
  1: [2, 3, 7, 13, 17, 19, 21, 30],
  2: [3, 7, 8, 9, 13, 27, 28, 32],
  3: [7, 12, 13],
  4: [6, 10],
  5: [6, 10, 16],
  6: [16],
  8: [30, 32, 33],
  9: [33],
  13: [33],
  14: [32, 33],
  15: [32, 33],
  18: [32, 33],
  19: [33],
  20: [32, 33],
  22: [32, 33],
  23: [25, 27, 29, 32, 33],
  24: [25, 27, 31],
  25: [31],
  26: [29, 33],
  27: [33],
  28: [31, 33],
  29: [32, 33],
  30: [32, 33],
  31: [32, 33],
  32: [33],
};
const members = 34;
/** Those who stayed with the instructor, member 0; the others went with the officer, member 33. */
const withInstructor = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21]);

// Every friendship both ways.
const pairs = Object.entries(friends).flatMap(([a, list]) => list.map((b) => [Number(a), b]));
const edges = [pairs.flat(), pairs.flatMap(([a, b]) => [b, a])];
console.log(`${members} members, ${pairs.length} friendships`);

// Nothing is known of a member but who it is: one feature each.
const identity = Tensor.zeros([members, members]);
for (let i = 0; i < members; i++) identity.data[i * members + i] = 1;

/** Two layers of random weights: where each member lands in 64 dimensions. */
function landing(seed, list) {
  manualSeed(seed);
  const first = new nn.GraphConv(members, 64, { bias: false });
  const second = new nn.GraphConv(64, 64, { bias: false });
  return second.forward(ops.tanh(first.forward(identity, list)), list).data;
}

/** How much nearer each member lands to the instructor than to the officer; negative: nearer to the officer. */
function leanings(data) {
  const distance = (a, b) => {
    let sum = 0;
    for (let k = 0; k < 64; k++) sum += (data[a * 64 + k] - data[b * 64 + k]) ** 2;
    return Math.sqrt(sum);
  };
  return Array.from({ length: members }, (_, i) => distance(i, members - 1) - distance(i, 0));
}
const rightly = (leaning) => leaning.filter((value, i) => value > 0 === withInstructor.has(i)).length;

// One draw of the weights: I for the instructor's people, O for the officer's, from his side to the other.
const leaning = leanings(landing(1, edges));
const order = [...leaning.keys()].sort((a, b) => leaning[b] - leaning[a]);
console.log('from the instructor to the officer, by where an untrained network puts them:');
console.log(`  ${order.map((i) => (withInstructor.has(i) ? 'I' : 'O')).join(' ')}`);

// A hundred draws, with the friendships and without.
const mean = (list) => {
  let sum = 0;
  for (let seed = 1; seed <= 100; seed++) sum += rightly(leanings(landing(seed, list)));
  return sum / 100;
};
console.log(`of ${members}, on the side of the right leader, mean of 100 random networks:`);
console.log(`  with the friendships  ${mean(edges).toFixed(1)}`);
console.log(`  without               ${mean([[], []]).toFixed(1)}`);

// Now trained: the leaders are labelled, 0 and 1, and nobody else is.
const NOBODY = -100;
const target = Array.from({ length: members }, (_, i) => (i === 0 ? 0 : i === members - 1 ? 1 : NOBODY));

/** Trains a network of 16 hidden features by Adam; `watch` sees the loss and who is on the right side, step by step. */
function train(seed, steps, watch) {
  manualSeed(seed);
  const first = new nn.GraphConv(members, 16);
  const second = new nn.GraphConv(16, 2);
  const optimizer = new optim.Adam([...first.parameters(), ...second.parameters()], {
    lr: 0.02,
    weightDecay: 5e-4,
  });
  const scores = () => second.forward(ops.relu(first.forward(identity, edges)), edges);
  const right = () => {
    const { data } = noGrad(scores);
    return rightly(Array.from({ length: members }, (_, i) => data[2 * i] - data[2 * i + 1]));
  };
  for (let step = 1; step <= steps; step++) {
    const loss = ops.crossEntropy(scores(), target, { ignoreIndex: NOBODY });
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    watch?.(step, loss.item(), right);
  }
  return right();
}

console.log('trained on the two leaders alone:');
train(1, 100, (step, loss, right) => {
  if (step === 1 || step % 20 === 0) {
    console.log(
      `  step ${String(step).padStart(3)}  loss ${loss.toFixed(3)}  ${right()} of ${members} on the right side`,
    );
  }
});
let total = 0;
for (let seed = 1; seed <= 20; seed++) total += train(seed, 100);
console.log(`  mean of 20 trained networks ${(total / 20).toFixed(1)}`);
