// A filter bank over a sound: a windowed wave for every semitone as one Conv1d, their strength over time as a picture.
// node examples/audio-filter-bank.mjs [picture.svg]

import { writeFileSync } from 'node:fs';
import { nn, ops, Tensor } from 'convkit';

const rate = 8000; // samples a second
const picture = process.argv[2] ?? 'audio-filter-bank.svg';

// The sound: a C major scale, each note an eighth of a second with two overtones, under a whistle that slides down.
const scale = [262, 294, 330, 349, 392, 440, 494, 523];
const sound = new Float32Array(rate);
let whistle = 0;
for (let t = 0; t < rate; t++) {
  const second = t / rate;
  const note = scale[Math.floor(second * 8)];
  const fade = Math.sin(Math.PI * ((second * 8) % 1)) ** 0.5;
  for (const [overtone, loudness] of [
    [1, 1],
    [2, 0.4],
    [3, 0.2],
  ]) {
    sound[t] += fade * loudness * Math.sin(2 * Math.PI * overtone * note * second);
  }
  whistle += (2 * Math.PI * (3600 - 1400 * second)) / rate;
  sound[t] += 0.5 * Math.sin(whistle);
}

// The bank: for each semitone of four octaves a cosine and a sine under a bell some waves long.
const bands = 49;
const taps = 545;
const pitch = (band) => 220 * 2 ** (band / 12);
const bank = new nn.Conv1d(1, 2 * bands, taps, { padding: 'same', bias: false });
bank.weight.data.fill(0);
for (let band = 0; band < bands; band++) {
  const width = (3 * rate) / pitch(band);
  for (let k = 0; k < taps; k++) {
    const t = k - (taps - 1) / 2;
    const bell = Math.exp(-(t * t) / (width * width)) / width;
    bank.weight.data[2 * band * taps + k] = bell * Math.cos((2 * Math.PI * pitch(band) * t) / rate);
    bank.weight.data[(2 * band + 1) * taps + k] = bell * Math.sin((2 * Math.PI * pitch(band) * t) / rate);
  }
}

// How strongly each band sounds: the absolute value of cosine and sine together, averaged over an eightieth of a second.
const waves = bank.forward(new Tensor(sound, [1, 1, rate]));
const strength = ops.modulus(waves.reshape([1, 2 * bands, 1, rate])).reshape([1, bands, rate]);
const frames = 80;
const heard = ops.avgPool1d(strength, { kernelSize: rate / frames });
console.log(`sound [1, 1, ${rate}] -> filter bank [${waves.shape}] -> strength [${heard.shape}]`);

// What the bank hears in the middle of each note, below the whistle.
const at = (band, frame) => heard.data[band * frames + frame];
console.log('note     loudest band');
for (const [i, note] of scale.entries()) {
  const frame = i * 10 + 5;
  let loudest = 0;
  for (let band = 0; pitch(band) < 700; band++) if (at(band, frame) > at(loudest, frame)) loudest = band;
  console.log(`${note} Hz   ${pitch(loudest).toFixed(0)} Hz`);
}

// The picture: time from left to right, pitch upwards, the louder the brighter.
const loudest = heard.data.reduce((a, b) => Math.max(a, b));
const [cellWidth, cellHeight, left, bottom] = [8, 6, 52, 20];
const [width, height] = [left + frames * cellWidth, bands * cellHeight + bottom];
const cells = [];
const words = [];
for (let band = 0; band < bands; band++) {
  for (let frame = 0; frame < frames; frame++) {
    const part = Math.sqrt(at(band, frame) / loudest);
    if (part < 0.05) continue;
    const colour = `hsl(${Math.round(270 - 220 * part)} 85% ${Math.round(12 + 55 * part)}%)`;
    cells.push(`<rect x="${frame}" y="${bands - 1 - band}" width="1" height="1" fill="${colour}"/>`);
  }
  if (band % 12 === 0) {
    const y = (bands - 0.5 - band) * cellHeight + 4;
    words.push(`<text x="${left - 6}" y="${Math.max(10, y)}" text-anchor="end">${pitch(band)} Hz</text>`);
  }
}
for (const second of [0, 0.25, 0.5, 0.75, 1]) {
  const anchor = second === 1 ? 'end' : second === 0 ? 'start' : 'middle';
  words.push(
    `<text x="${left + second * frames * cellWidth}" y="${height - 6}" text-anchor="${anchor}">${second} s</text>`,
  );
}
writeFileSync(
  picture,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="10">
<rect width="100%" height="100%" fill="white"/>
<g transform="translate(${left} 0) scale(${cellWidth} ${cellHeight})" shape-rendering="crispEdges">
<rect width="${frames}" height="${bands}" fill="#0d0816"/>
${cells.join('\n')}
</g>
${words.join('\n')}
</svg>
`,
);
console.log(`${picture}: ${bands} bands, ${frames} moments`);
