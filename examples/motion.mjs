// Which way something moves, seen by two kernels of a Conv3d: space and time are all one to a convolution.
// node examples/motion.mjs

import { nn, ops, Tensor } from 'convkit';

const [frames, height, width] = [10, 3, 16];

/** A clip [1, 1, frames, height, width] of one bright column whose place is a function of time. */
function clip(place) {
  const video = Tensor.zeros([1, 1, frames, height, width]);
  for (let t = 0; t < frames; t++) {
    for (let y = 0; y < height; y++) video.data[(t * height + y) * width + place(t)] = 1;
  }
  return video;
}
const clips = {
  rightwards: clip((t) => 3 + t),
  leftwards: clip((t) => 12 - t),
  still: clip(() => 7),
};

// Three frames by three columns. Where the bright column steps one pixel a frame, its path is a diagonal of time and place:
// the kernels reward one diagonal each and punish the rest, so that all their taps sum to nothing.
const detectors = new nn.Conv3d(1, 2, [3, 1, 3], { padding: [1, 0, 1], bias: false });
for (let t = 0; t < 3; t++) {
  for (let x = 0; x < 3; x++) {
    detectors.weight.data[t * 3 + x] = x === t ? 2 : -1; // to the right
    detectors.weight.data[9 + t * 3 + x] = x === 2 - t ? 2 : -1; // to the left
  }
}
// What stays where it was goes out under the difference of two frames.
const change = new nn.Conv3d(1, 1, [2, 1, 1], { bias: false });
change.weight.data.set([-1, 1]);

console.log('clip         to the right   to the left   change from frame to frame');
for (const [name, video] of Object.entries(clips)) {
  const seen = ops.relu(detectors.forward(video));
  const [right, left] = [0, 1].map((channel) => {
    const size = frames * height * width;
    return seen.data.subarray(channel * size, (channel + 1) * size).reduce((a, b) => Math.max(a, b));
  });
  const changed = change.forward(video).data.filter((value) => value !== 0).length;
  console.log(
    `${name.padEnd(12)} ${String(right).padStart(12)} ${String(left).padStart(13)} ${String(changed).padStart(28)}`,
  );
}

// Time from top to bottom, place from left to right, in the middle row of the picture.
const seen = ops.relu(detectors.forward(clips.rightwards)).data;
console.log('\nto the right: what moves     what the kernel sees');
for (let t = 0; t < frames; t++) {
  const row = (data) =>
    Array.from({ length: width }, (_, x) => ' .:+*#%@'[Math.round(data[(t * height + 1) * width + x])]).join(
      '',
    );
  const moving = row(clips.rightwards.data.map((value) => 7 * value));
  console.log(`  ${String(t).padStart(2)} |${moving}|  |${row(seen)}|`);
}
