import { expect, test } from 'vitest';
import { toGrey } from '../../lib/image/grey.js';

const pixel = (...data: number[]) => ({
  data: Uint8Array.from(data),
  width: 1,
  height: 1,
  channels: data.length,
});

test('grey levels come through RGB unchanged, and primaries weigh as BT.601 says', () => {
  for (let value = 0; value < 256; value++) {
    expect(toGrey(pixel(value, value, value)).data[0]).toBe(value);
    expect(toGrey(pixel(value)).data[0]).toBe(value);
  }
  expect(toGrey(pixel(255, 0, 0)).data[0]).toBe(76);
  expect(toGrey(pixel(0, 255, 0)).data[0]).toBe(150);
  expect(toGrey(pixel(0, 0, 255)).data[0]).toBe(29);
});

test('transparency lies over white, rounded to nearest for every value and alpha', () => {
  for (let value = 0; value < 256; value += 5) {
    for (let alpha = 0; alpha < 256; alpha++) {
      const want = Math.round((value * alpha + 255 * (255 - alpha)) / 255);
      expect(toGrey(pixel(value, alpha)).data[0]).toBe(want);
      expect(toGrey(pixel(value, value, value, alpha)).data[0]).toBe(want);
    }
  }
});

test('another number of channels is refused', () => {
  expect(() => toGrey(pixel(1, 2, 3, 4, 5))).toThrow(RangeError);
});
