// Packed filters and convolution handles, kept from call to call. They hang on the weight tensor, so they go when it
// goes; each weight keeps a few, and each of those serves the last few image sizes.

import type { Binding, Conv, ConvGeometry, Layout, PackedFilter, Triple } from '../../binding.js';
import type { SmallOutputs } from '../backend/memory.js';
import { Demand } from '../tensor/storage.js';
import { storageOf, type Tensor } from '../tensor/tensor.js';
import { type ConvSettings, sameSettings } from './conv-options.js';
import { type Mode, rowMajor } from './inputs.js';

/** A layer's own settings and those of its gradients, some more where padding follows from the image; image sizes vary in detection and extraction. */
const SETTINGS_KEPT = 8;
const SIZES_KEPT = 8;

/** A convolution at one image size. */
export interface SizedConv {
  readonly depth: number;
  readonly height: number;
  readonly width: number;
  /** The output size that a transposed convolution was asked for; null where it follows. */
  readonly requested: Triple | null;
  readonly inputLayout: Layout;
  readonly outputLayout: Layout;
  readonly conv: Conv;
  /** All about it: what its gradients are made from. */
  readonly geometry: ConvGeometry;
  readonly algorithm: ConvGeometry['algorithm'];
  readonly outputSize: Triple;
}

/** What a call worked out from the shape and layout of its images, for the next call with such images. */
export interface FittedConv {
  /** Whose call it was. */
  readonly filter: Filter;
  /** That of x. */
  readonly shape: readonly number[];
  readonly channelAxis: number;
  readonly batch: number;
  readonly sized: SizedConv;
  /** Frozen: the outputs share it. */
  readonly outputShape: readonly number[];
  readonly outputLength: number;
  /** Memory for the outputs of further calls, where they are small. */
  readonly small: SmallOutputs | null;
}

interface Packed {
  readonly filter: PackedFilter;
  readonly weightVersion: number;
  readonly biasVersion: number;
  /** Whether background work may still have to be given it. */
  awaited: boolean;
}

/** One weight and bias under one set of settings. */
export class Filter {
  /** In which order results for images in row-major order were wanted. */
  readonly demand = new Demand();
  /** The last call's. */
  fitted: FittedConv | null = null;
  /** The binding's, at hand: to find it among so many members takes 15 ns. */
  readonly compute: Binding['conv'];
  readonly #sizes: SizedConv[] = [];
  #next = 0;
  /** By algorithm, which may differ from one image size to another. */
  readonly #packed = new Map<ConvGeometry['algorithm'], Packed>();

  constructor(
    readonly binding: Binding,
    readonly selection: number,
    readonly settings: ConvSettings,
    readonly bias: Tensor | null,
  ) {
    this.compute = binding.conv;
  }

  /** Channels-last images are answered in kind; for others the last answer's use decides. */
  outputLayout(inputLayout: Layout): Layout {
    return inputLayout === 'channelsFirst' && this.demand.rowMajor ? 'channelsFirst' : 'channelsLast';
  }

  /** The convolution of images of one size in one layout, made by `geometry` where it is new. */
  sized(
    depth: number,
    height: number,
    width: number,
    requested: Triple | null,
    inputLayout: Layout,
    geometry: () => ConvGeometry,
  ): SizedConv {
    const outputLayout = this.outputLayout(inputLayout);
    for (const kept of this.#sizes) {
      if (
        kept.width === width &&
        kept.height === height &&
        kept.depth === depth &&
        kept.inputLayout === inputLayout &&
        kept.outputLayout === outputLayout &&
        sameRequest(kept.requested, requested)
      ) {
        return kept;
      }
    }
    const made = { ...geometry(), inputLayout, outputLayout };
    const conv = this.binding.createConv(made);
    const { algorithm, outputSize } = made;
    const layouts = { inputLayout, outputLayout };
    const sized = {
      depth,
      height,
      width,
      requested,
      ...layouts,
      conv,
      geometry: made,
      algorithm,
      outputSize,
    };
    this.#sizes[this.#next] = sized;
    this.#next = (this.#next + 1) % SIZES_KEPT;
    return sized;
  }

  /**
   * The weights as the kernels read them, packed anew where they may have changed. What they were is freed at once: training
   * packs every weight at every step, and the garbage collector frees none before the event loop turns.
   */
  packed({ conv, algorithm }: SizedConv, weight: Tensor, mode: Mode, operation: string): PackedFilter {
    const weightVersion = storageOf(weight).version;
    const biasVersion = this.bias === null ? 0 : storageOf(this.bias).version;
    const kept = this.#packed.get(algorithm);
    if (kept?.weightVersion === weightVersion && kept.biasVersion === biasVersion) {
      if (mode === 'background') kept.awaited = true;
      return kept.filter;
    }
    if (kept?.awaited === false) {
      this.#packed.delete(algorithm);
      this.binding.releaseFilter(kept.filter);
    }
    const unread = this.selection < 0 ? storageOf(weight).unread : null; // a description needs no elements
    const filter = this.binding.packFilter(
      conv,
      unread?.name ?? rowMajor(weight, 'now', operation),
      this.bias === null ? null : rowMajor(this.bias, 'now', operation),
    );
    this.#packed.set(algorithm, { filter, weightVersion, biasVersion, awaited: mode === 'background' });
    return filter;
  }

  /** Frees what is packed, but for what background work may still read. */
  forget(): void {
    for (const [algorithm, { filter, awaited }] of this.#packed) {
      if (awaited) continue;
      this.#packed.delete(algorithm);
      this.binding.releaseFilter(filter);
    }
  }
}

const sameRequest = (a: Triple | null, b: Triple | null): boolean =>
  a === b || (a !== null && b !== null && a.every((size, axis) => size === b[axis]));

const filters = new WeakMap<Tensor, Filter[]>();

/** The filter of a weight, bias and settings on the backend at hand; another backend's are forgotten. */
export function filterOf(
  binding: Binding,
  selection: number,
  settings: ConvSettings,
  weight: Tensor,
  bias: Tensor | null,
): Filter {
  if (selection < 0) return new Filter(binding, selection, settings, bias);
  const present = keptFilter(selection, settings, weight, bias);
  if (present !== null) return present;
  const others = filters.get(weight)?.filter((filter) => filter.selection === selection) ?? [];
  const filter = new Filter(binding, selection, settings, bias);
  filters.set(weight, [filter, ...others].slice(0, SETTINGS_KEPT));
  return filter;
}

/** The same where an earlier call made it; null where none did. */
export function keptFilter(
  selection: number,
  settings: ConvSettings,
  weight: Tensor,
  bias: Tensor | null,
): Filter | null {
  const kept = filters.get(weight);
  if (kept === undefined) return null;
  for (let i = 0; i < kept.length; i++) {
    const filter = kept[i];
    if (filter.bias === bias && filter.selection === selection && sameSettings(filter.settings, settings)) {
      return filter;
    }
  }
  return null;
}

/**
 * Frees what is packed of a weight: once its gradient is there it is about to change, and all layers' packed filters together
 * would be more than all that training has to keep.
 */
export function forgetPacked(weight: Tensor): void {
  for (const filter of filters.get(weight) ?? []) filter.forget();
}
