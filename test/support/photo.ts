// A photo as a network takes it, by the steps that extraction takes one after another.
import { normalise, photoPixels } from '../../lib/extract/photo.js';
import type { Preset } from '../../lib/extract/presets.js';
import type { Pixels } from '../../lib/image/resize.js';

/** Pixels to [3, crop, crop] by a preset whose normalisation has been made. */
export function photoValues(image: Pixels, preset: Preset, tables: readonly Float32Array[]): Float32Array {
  const values = new Float32Array(3 * preset.crop * preset.crop);
  normalise(photoPixels(image, preset), tables, values);
  return values;
}
