// Draws the images of examples/images/: six textures, each with a near-duplicate (moved, turned, blurred, noisy,
// darker, other format), and two that resemble nothing else. Everything follows from the formulas below.
//   node scripts/make-example-images.mjs

import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const folder = fileURLToPath(new URL('../examples/images/', import.meta.url));
const size = 200;

// Randomness is a hash of whole coordinates, so a texture can be looked at anywhere.
function hash(x, y, seed) {
  let h = Math.imul(x, 0x27d4eb2d) ^ Math.imul(y, 0x165667b1) ^ Math.imul(seed, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
}
const mix = (a, b, t) => a + (b - a) * t;
const smooth = (t) => t * t * (3 - 2 * t);
const clamp = (t) => Math.min(1, Math.max(0, t));
const blend = (a, b, t) => a.map((value, i) => mix(value, b[i], clamp(t)));
const shade = (colour, light) => colour.map((value) => value * light);

/** Noise between 0 and 1 that varies over about one unit. */
function noise(x, y, seed) {
  const [i, j] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [smooth(x - i), smooth(y - j)];
  const top = mix(hash(i, j, seed), hash(i + 1, j, seed), u);
  return mix(top, mix(hash(i, j + 1, seed), hash(i + 1, j + 1, seed), u), v);
}
const layers = (x, y, seed) =>
  [1, 2, 4, 8].reduce((sum, f) => sum + noise(x * f, y * f, seed + f) / f, 0) / 1.875;

function bricks(x, y) {
  const row = Math.floor(y / 20);
  const along = x + (row % 2) * 20;
  const column = Math.floor(along / 40);
  const [u, v] = [along - column * 40, y - row * 20];
  const edge = Math.min(u, 40 - u, v, 20 - v) + 1.2 * (noise(x / 3, y / 3, 5) - 0.5);
  const tone = 0.75 + 0.35 * hash(column, row, 1) + 0.18 * (layers(x / 9, y / 9, 2) - 0.5);
  const light = v < 4 ? 1.1 : 1;
  return blend([205, 196, 182], shade([178, 84, 58], tone * light), (edge - 1.2) / 1.2);
}

function stripes(x, y) {
  const wave = 0.5 + 0.5 * Math.sin((2 * Math.PI * (0.82 * x + 0.57 * y)) / 16);
  return blend([24, 60, 92], [238, 201, 110], smooth(wave));
}

function squares(x, y) {
  const dark = (Math.floor(x / 25) + Math.floor(y / 25)) % 2 === 0;
  const grain = 0.94 + 0.12 * layers(x / 40, y / 5, dark ? 11 : 12);
  return shade(dark ? [62, 48, 42] : [232, 214, 178], grain);
}

function pebbles(x, y) {
  const cell = 26;
  const near = [];
  for (let j = -1; j <= 1; j++) {
    for (let i = -1; i <= 1; i++) {
      const [a, b] = [Math.floor(x / cell) + i, Math.floor(y / cell) + j];
      const [dx, dy] = [
        (a + 0.2 + 0.6 * hash(a, b, 21)) * cell - x,
        (b + 0.2 + 0.6 * hash(a, b, 22)) * cell - y,
      ];
      near.push({ distance: Math.hypot(dx, dy), dx, dy, tone: hash(a, b, 23) });
    }
  }
  near.sort((p, q) => p.distance - q.distance);
  const gap = near[1].distance - near[0].distance;
  const light = 0.8 + 0.018 * (near[0].dx + near[0].dy) + 0.15 * (layers(x / 6, y / 6, 24) - 0.5);
  const stone = blend([108, 112, 120], [196, 186, 170], near[0].tone);
  return blend([38, 36, 38], shade(stone, light), (gap - 1) / 5);
}

function grass(x, y) {
  const bend = 10 * layers(x / 60, y / 90, 31);
  const blades = layers((x + bend) / 3.2, y / 26, 32);
  const depth = layers(x / 24, y / 30, 33);
  return shade(blend([28, 66, 24], [164, 196, 74], (blades - 0.25) * 1.9), 0.65 + 0.6 * depth);
}

function clouds(x, y) {
  const cover = layers(x / 70, y / 45, 41);
  const sky = blend([58, 118, 190], [150, 196, 232], y / size);
  return blend(sky, [250, 250, 248], (cover - 0.42) * 3.2);
}

function rings(x, y) {
  const r = Math.hypot(x - 100, y - 100);
  const wave = 0.5 + 0.5 * Math.sin(r / 3.2 + 1.5 * layers(x / 50, y / 50, 51));
  return blend([120, 78, 44], [216, 170, 112], smooth(wave));
}

function dusk(x, y) {
  const sky = y < 110 ? blend([34, 34, 84], [236, 120, 74], y / 110) : [30, 26, 52];
  const sun = Math.hypot(x - 132, y - 96);
  const lit = blend(sky, [255, 214, 130], y < 110 ? (26 - sun) / 2 : 0);
  const ridge = 118 - 34 * layers(x / 55, 0.5, 61);
  return y > ridge ? blend([40, 30, 60], [18, 16, 34], (y - ridge) / 80) : lit;
}

/** Renders with 3 x 3 samples a pixel. */
function render(texture, { at = (x, y) => [x, y], width = size, height = size, light = 1, grain = 0 } = {}) {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sum = [0, 0, 0];
      for (let s = 0; s < 9; s++) {
        const colour = texture(...at(x + ((s % 3) + 0.5) / 3, y + (Math.floor(s / 3) + 0.5) / 3));
        for (let c = 0; c < 3; c++) sum[c] += colour[c] / 9;
      }
      const speck = grain * (hash(x, y, 71) + hash(x, y, 72) - 1);
      for (const value of sum) data[i++] = Math.round(Math.min(255, Math.max(0, value * light + speck)));
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

const moved = (dx, dy) => (x, y) => [x + dx, y + dy];
function turned(degrees) {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return (x, y) => [100 + c * (x - 100) - s * (y - 100), 100 + s * (x - 100) + c * (y - 100)];
}

const images = {
  'bricks.png': render(bricks).png({ palette: true, colours: 64, dither: 0 }),
  'bricks-moved.jpg': render(bricks, { at: moved(7, 3), width: 240 }).jpeg({ quality: 82 }),
  'stripes.png': render(stripes).png({ palette: true, colours: 48, dither: 0 }),
  'stripes-noisy.jpg': render(stripes, { grain: 60 }).jpeg({ quality: 70 }),
  'squares.webp': render(squares).webp({ quality: 85 }),
  'squares-turned.png': render(squares, { at: turned(4) }).png({ palette: true, colours: 64, dither: 0 }),
  'pebbles.jpg': render(pebbles, { width: 220 }).jpeg({ quality: 84 }),
  'pebbles-blurred.webp': render(pebbles, { width: 220 }).blur(1.2).webp({ quality: 85 }),
  'grass.jpg': render(grass).jpeg({ quality: 80 }),
  'grass-turned.webp': render(grass, { at: turned(-5) }).webp({ quality: 80 }),
  'clouds.webp': render(clouds, { width: 240 }).webp({ quality: 85 }),
  'clouds-darker.tif': render(clouds, { light: 0.75, width: 240 }).tiff({ compression: 'jpeg', quality: 85 }),
  'rings.tif': render(rings).tiff({ compression: 'jpeg', quality: 82 }),
  'dusk.jpg': render(dusk, { width: 240 }).jpeg({ quality: 85 }),
};

await mkdir(folder, { recursive: true });
for (const [name, image] of Object.entries(images)) {
  const { size: bytes } = await image.toFile(folder + name);
  console.log(`${name.padEnd(24)}${String(bytes).padStart(7)} bytes`);
}
