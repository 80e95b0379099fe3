// The two filters of the scattering transform: Morlet wavelets in several directions, and the Gaussian that goes before
// dropping every second pixel. Made of deterministic float64 arithmetic and rounded once, so every machine has the same bits.

import { cos64, exp64, sin64 } from '../numerics/double.js';

/** Envelope width along the wave, the wave's frequency in radians a pixel, and how much longer than wide the envelope is. */
const sigma = 0.8;
const frequency = (3 * Math.PI) / 4;
const slant = 0.5;
const waveletSize = 7;

/**
 * Morlet wavelets psi_l(p) = e(p) (exp(i frequency p.d_l) - c), with e a Gaussian stretched across d_l, the direction of angle
 * pi l / L, and c such that the taps sum to zero: [2 L, 1, 7, 7], real and imaginary parts in turn, unit energy.
 *
 * On MNIST 9x9 taps and rounder or slower waves did no better: the tails that 7x7 cuts off weigh little.
 */
export function morletBank(orientations: number): Float32Array {
  const taps = waveletSize * waveletSize;
  const bank = new Float32Array(2 * orientations * taps);
  for (let l = 0; l < orientations; l++) {
    const angle = (Math.PI * l) / orientations;
    const wave = morlet(cos64(angle), sin64(angle));
    bank.set(wave.re, 2 * l * taps);
    bank.set(wave.im, (2 * l + 1) * taps);
  }
  return bank;
}

function morlet(dx: number, dy: number): { re: Float64Array; im: Float64Array } {
  const reach = (waveletSize - 1) / 2;
  const envelope = new Float64Array(waveletSize * waveletSize);
  const re = new Float64Array(envelope.length);
  const im = new Float64Array(envelope.length);
  let mass = 0;
  let sumRe = 0;
  let sumIm = 0;
  for (let y = -reach, i = 0; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++, i++) {
      const along = x * dx + y * dy;
      const across = (y * dx - x * dy) * slant;
      envelope[i] = exp64(-(along * along + across * across) / (2 * sigma * sigma));
      re[i] = envelope[i] * cos64(frequency * along);
      im[i] = envelope[i] * sin64(frequency * along);
      mass += envelope[i];
      sumRe += re[i];
      sumIm += im[i];
    }
  }
  let energy = 0;
  for (let i = 0; i < envelope.length; i++) {
    re[i] -= (envelope[i] * sumRe) / mass;
    im[i] -= (envelope[i] * sumIm) / mass;
    energy += re[i] * re[i] + im[i] * im[i];
  }
  const norm = Math.sqrt(energy);
  return { re: re.map((tap) => tap / norm), im: im.map((tap) => tap / norm) };
}

/** A Gaussian of width 1 pixel between the middle pixels, [1, 1, 6, 6], taps summing to one: with stride 2 it keeps images centred. */
export function gaussianBank(): Float32Array {
  const taps = [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map((x) => exp64(-(x * x) / 2));
  const sum = taps.reduce((a, b) => a + b, 0);
  return Float32Array.from(taps.flatMap((a) => taps.map((b) => (a / sum) * (b / sum))));
}
