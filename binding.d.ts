// The contract between the TypeScript library and whatever computes for it. The native addon and the
// TypeScript reference both implement `Binding`, bit for bit; one conformance suite runs on both.
// It speaks of typed arrays and plain structs only: tensors, gradients and options live above it.
//
// Every array is float32 in channels-last order, [batch, depth, height, width, channels], but where a layout says
// otherwise. One- and two-dimensional work is three-dimensional work with unit extents.

/** Raised whenever a signature or a struct of this file changes; a mismatch at load is a stale build. */
export type Abi = 21;

export type Triple = readonly [depth: number, height: number, width: number];

export type Isa = 'scalar' | 'avx2' | 'avx512' | 'neon';

export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular';

/** How images lie: [batch, depth, height, width, channels], or [batch, channels, depth, height, width]. */
export type Layout = 'channelsLast' | 'channelsFirst';

export type ActivationKind =
  | 'none'
  | 'relu'
  | 'relu6'
  | 'leakyRelu'
  | 'sigmoid'
  | 'tanh'
  | 'silu'
  | 'gelu'
  | 'hardswish'
  | 'elu'
  | 'hardsigmoid'
  | 'softplus';

export interface Activation {
  readonly kind: ActivationKind;
  /** The slope left of zero; read by leakyRelu only. */
  readonly negativeSlope: number;
  /** What elu tends to on the left, without its sign; read by elu only, which needs it. */
  readonly alpha?: number;
  /** softplus is log(1 + e^(beta * x)) / beta, or x where beta * x > threshold; read by softplus only, which needs both. */
  readonly beta?: number;
  readonly threshold?: number;
}

/** A convolution of one image, all sizes final: outputSize follows from the rest and is checked against it. */
export interface ConvGeometry {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  readonly inputSize: Triple;
  readonly kernelSize: Triple;
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly padBegin: Triple;
  readonly padEnd: Triple;
  readonly outputSize: Triple;
  readonly paddingMode: PaddingMode;
  readonly activation: Activation;
  /**
   * 'direct': one chain of taps an output. 'winograd2', 'winograd4': minimal filtering of tiles of 2x2 or 4x4 outputs, other
   * bits; kernel 1x3x3, stride 1, one group. Its steps are those of lib/backend/reference/winograd.ts; a transposed
   * convolution's are those of the plain one that its stride of 1 makes it, every kernel turned over.
   */
  readonly algorithm: 'direct' | 'winograd2' | 'winograd4';
  /**
   * The transpose of a convolution that takes [outputSize, outChannels] to [inputSize, inChannels] with these sizes; its
   * weight is [inChannels, outChannels / groups, ...kernelSize], its padding mode zeros. Each output is a gather: one chain
   * over the taps that reach it, in the order of the kernel, then the input channel of the group.
   */
  readonly transposed: boolean;
  /** How x and y lie: no bit of any result depends on it. */
  readonly inputLayout: Layout;
  readonly outputLayout: Layout;
  /**
   * Elements from one position of x, and of y, to the next where their channels are some of something wider; the channels
   * where left out. Both are for channels-last images, and x's for plain matrix products: kernel 1x1x1, stride 1, no padding,
   * one group, not transposed, y channels-last too.
   */
  readonly inputStride?: number;
  readonly outputStride?: number;
  /** What follows where such a product has a shift; 'none'. */
  readonly inputActivation?: 'none' | 'relu' | 'relu6';
}

/**
 * A pooling of one image. Each axis lists, for every output index, the clipped input window [begin, end)
 * and `span`, the number of positions that the average divides by along that axis (the divisor is the
 * product over axes). Taps step by `dilation`. Ceil mode, padding and adaptive pooling are all resolved above.
 */
export interface PoolGeometry {
  readonly kind: 'max' | 'average';
  readonly channels: number;
  readonly inputSize: Triple;
  readonly outputSize: Triple;
  readonly dilation: Triple;
  readonly begin: readonly [Int32Array, Int32Array, Int32Array];
  readonly end: readonly [Int32Array, Int32Array, Int32Array];
  readonly span: readonly [Int32Array, Int32Array, Int32Array];
  /** Elements from one position of y to the next; channels where left out, as gradients need it. */
  readonly outputStride?: number;
}

/** The windows of a convolution over one image, without its filters: what unfold reads and fold writes. */
export interface WindowGeometry {
  readonly channels: number;
  readonly inputSize: Triple;
  readonly kernelSize: Triple;
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly padBegin: Triple;
  readonly padEnd: Triple;
  /** As of a convolution: one column a position. */
  readonly outputSize: Triple;
}

/** Where each output position of an axis comes from; -1: from nowhere, it holds `value`. */
export interface RemapGeometry {
  readonly channels: number;
  readonly inputSize: Triple;
  readonly source: readonly [Int32Array, Int32Array, Int32Array];
  readonly value: number;
}

/** A step of stochastic gradient descent. Each number is rounded to float32. */
export interface SgdStep {
  /** The learning rate. */
  readonly rate: number;
  /** What part of the parameter is added to its gradient: weight decay. */
  readonly decay: number;
  readonly momentum: number;
  /** What part of the gradient enters the momentum: 1 - dampening. */
  readonly keep: number;
  readonly nesterov: boolean;
  /** Climbs: the gradient is taken negative. */
  readonly maximize: boolean;
  /** The momentum begins, as the gradient: its array is not read. */
  readonly first: boolean;
}

/** A step of Adam (Kingma and Ba 2015), with the corrections of its moments resolved. Each number is rounded to float32. */
export interface AdamStep {
  /** The learning rate / (1 - beta1^t). */
  readonly rate: number;
  /** sqrt(1 - beta2^t). */
  readonly root: number;
  readonly eps: number;
  /** 1 - beta1 and 1 - beta2: what part of the moments is new. */
  readonly fresh1: number;
  readonly fresh2: number;
  /** What part of the parameter is added to its gradient. */
  readonly decay: number;
  /** What part of the parameter is taken away apart from the gradient (AdamW): the learning rate * its weight decay. */
  readonly shrink: number;
  /** Climbs: the gradient is taken negative. */
  readonly maximize: boolean;
}

/**
 * What is normalised together in x [batch, positions, channels]: of each image the channels of a group (channels / groups
 * neighbours), over all positions. Batch normalisation is one image of all positions with a group for each channel.
 */
export interface NormGeometry {
  readonly batch: number;
  readonly positions: number;
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** What follows in the same pass. */
  readonly activation: 'none' | 'relu' | 'relu6';
  /** Whether mean and variance are functions of x, through which gradients flow, or given constants. */
  readonly statistics: 'own' | 'given';
}

export type Arithmetic = 'add' | 'sub' | 'mul' | 'div';

/**
 * How two operands meet: the sizes of the result, eight at most, and the elements from one to the next along each axis in
 * a and in b, 0 where the operand repeats. Along the last axis they are 0 or 1.
 */
export interface BroadcastGeometry {
  readonly sizes: readonly number[];
  readonly aSteps: readonly number[];
  readonly bSteps: readonly number[];
}

/** Local response normalisation over `size` neighbouring channels. */
export interface LocalResponse {
  readonly channels: number;
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}

/**
 * One side of an image of bytes that is resized: output i is the sum of the `count[i]` neighbours from `start[i]` on, neighbour
 * k times weight[i * taps + k], in units of 2^-22. start and count [outputs], weight [outputs * taps].
 */
export interface ResizeAxis {
  readonly taps: number;
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weight: Int32Array;
}

/** A resizing of an image of bytes [height, width, channels]. */
export interface ResizeGeometry {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly rows: ResizeAxis;
  readonly columns: ResizeAxis;
}

declare const brand: unique symbol;
/** Opaque: a validated convolution, bound to the instruction set that was active when it was made. */
export interface Conv {
  readonly [brand]: 'conv';
}
/** Opaque: weights and bias in the layout the kernels read. It serves every Conv that differs from its own in image size and layouts only. */
export interface PackedFilter {
  readonly [brand]: 'filter';
}
/** Opaque: memory that filters share. */
export interface FilterRoom {
  readonly [brand]: 'room';
}
/** Opaque: a validated pooling. */
export interface Pool {
  readonly [brand]: 'pool';
}

/** Opaque: calls that were checked once. It keeps their arrays, which must be unreachable for users as long as it lives. */
export interface Program {
  readonly [brand]: 'program';
}

/** An operation's name and its arguments, to be called later. */
export type Call = {
  [K in keyof Operations]: readonly [operation: K, ...args: Parameters<Operations[K]>];
}[keyof Operations];

/** The operations that can run in the foreground, or in the background through `submit`. */
export interface Operations {
  /**
   * x [batch, ...inputSize, inChannels] -> y [batch, ...outputSize, outChannels], channels where its layouts put them. A
   * residual lies as y does and shares no memory with it: it is added after the bias and before the activation. With strides,
   * arrays end with their last position's channels.
   *
   * A plain matrix product (see inputStride) may be given a scale: what it multiplies is x * scale, scale [batch, inChannels], or
   * with a shift inputActivation(fma(x, scale, shift) + 0), both [inChannels].
   */
  conv(
    conv: Conv,
    filter: PackedFilter,
    x: Float32Array,
    y: Float32Array,
    batch: number,
    residual?: Float32Array | null,
    scale?: Float32Array | null,
    shift?: Float32Array | null,
  ): void;
  /**
   * The gradient of a convolution's weight: x [batch, ...inputSize, inChannels] and upstream, the gradient of its result
   * before the activation, [batch, ...outputSize, outChannels] -> gradient [outChannels, inChannels / groups, ...kernelSize]:
   * gradient[n][c][tap] = sum over the output positions of the batch, in their order, of what the tap reads of channel c times
   * upstream's channel n; nothing where it reads zero padding. Chunks of 256 positions, each one chain of FMAs from +0, and
   * their sums added in order to +0. biasGradient [outChannels], where it is not null: sumPositions of upstream.
   *
   * By 'winograd4' it is F(3x3, 4x4) instead, other bits: its steps are those of lib/backend/reference/winograd-gradient.ts.
   *
   * `conv` is direct or 'winograd4', channels-last and not transposed. A transposed convolution's weight gradient is that of
   * the convolution it transposes, x and upstream in each other's place; its input gradient is that convolution, and the other
   * way round.
   */
  convWeightGradient(
    conv: Conv,
    x: Float32Array,
    upstream: Float32Array,
    gradient: Float32Array,
    biasGradient: Float32Array | null,
    batch: number,
  ): void;
  /** x [batch, ...inputSize, channels] -> y [batch, ...outputSize, channels]. */
  pool(pool: Pool, x: Float32Array, y: Float32Array, batch: number): void;
  /**
   * The gradient of `pool`: upstream [batch, ...outputSize, channels] -> gradient [batch, ...inputSize, channels]. Each element
   * starts from +0 and, window by window in the order of the outputs, adds of a mean upstream / divisor, and of a maximum
   * upstream where it is the one that was taken. x as `pool` had it; null for means, which do not read it.
   */
  poolGradient(
    pool: Pool,
    x: Float32Array | null,
    upstream: Float32Array,
    gradient: Float32Array,
    batch: number,
  ): void;
  /** y[i] = activation(x[i]). y may be x. */
  activate(activation: Activation, x: Float32Array, y: Float32Array): void;
  /**
   * gradient[i] = upstream[i] times the activation's derivative. `values` are its results for relu, relu6, sigmoid and tanh,
   * its arguments for the others (leakyRelu with a slope from 0 up takes either). gradient may be values or upstream.
   */
  activateGradient(
    activation: Activation,
    values: Float32Array,
    upstream: Float32Array,
    gradient: Float32Array,
  ): void;
  /** y[i] = a[i] + b[i], a[i] - b[i], a[i] * b[i] or a[i] / b[i]; lengths equal. y may be a or b. */
  binary(kind: Arithmetic, a: Float32Array, b: Float32Array, y: Float32Array): void;
  /** The same where one operand repeats along some axes: y [...sizes]. */
  broadcast(
    kind: Arithmetic,
    geometry: BroadcastGeometry,
    a: Float32Array,
    b: Float32Array,
    y: Float32Array,
  ): void;
  /**
   * y[o][i] = (sum over r of x[o][r][i]) / divisor, x [outer, count, inner] -> y [outer, inner]: chunks of 256, each one chain
   * of additions from +0, their sums added in order to +0, then one division.
   */
  sum(x: Float32Array, y: Float32Array, outer: number, count: number, inner: number, divisor: number): void;
  /** y[i] = sqrt(x[2i]^2 + x[2i+1]^2), as sqrt(fma(im, im, re * re)): the modulus of interleaved complex numbers. */
  modulus(x: Float32Array, y: Float32Array): void;
  /** gradient[2i] = upstream[i] * (x[2i] / y[i]) with y as by modulus, and so 2i + 1; 0 where y[i] is 0. */
  modulusGradient(x: Float32Array, upstream: Float32Array, gradient: Float32Array): void;
  /** Each input is [rows, widths[k]]; y is [rows, sum of widths], side by side in order. */
  concat(inputs: readonly Float32Array[], widths: readonly number[], y: Float32Array, rows: number): void;
  /** x [batch, ...inputSize, channels] -> y [batch, channels * taps, positions], zeros where a tap reads padding (im2col). */
  unfold(window: WindowGeometry, x: Float32Array, y: Float32Array, batch: number): void;
  /**
   * x [batch, channels * taps, positions] -> y [batch, ...inputSize, channels] (col2im): each element starts from +0 and adds
   * the column entries that unfold would have read from it, in kernel order, then +0.
   */
  fold(window: WindowGeometry, x: Float32Array, y: Float32Array, batch: number): void;
  /** y[b, d, h, w, c] = x[b, source[0][d], source[1][h], source[2][w], c]: padding of every mode, cropping, repetition. */
  remap(map: RemapGeometry, x: Float32Array, y: Float32Array, batch: number): void;
  /**
   * The gradient of remap: each element of gradient starts from +0 and adds the elements of upstream that are copies of it,
   * in the order of the output.
   */
  remapGradient(map: RemapGeometry, upstream: Float32Array, gradient: Float32Array, batch: number): void;
  /**
   * A sparse matrix times rows: y[r] = sum of values[e] * x[columns[e]] over e in [starts[r], starts[r + 1]), one chain of
   * FMAs from +0 in that order, then +0. x [any number, width], y [starts.length - 1, width].
   */
  sparse(
    starts: Int32Array,
    columns: Int32Array,
    values: Float32Array,
    x: Float32Array,
    y: Float32Array,
    width: number,
  ): void;
  /**
   * x [positions, channels] -> y [channels], a sum over positions: chunks of 256, each one chain of additions from +0, and
   * their sums added in order to +0.
   */
  sumPositions(x: Float32Array, y: Float32Array, positions: number): void;
  /**
   * y[0] = the sum of x[i]^2: chunks of 4096; in a chunk, element i goes into partial i mod 16 by FMAs from +0, then partial
   * k takes partial k + 8, then k + 4, k + 2 and k + 1; the sums of chunks are added in order to +0.
   */
  sumSquares(x: Float32Array, y: Float32Array): void;
  /** y[i] = x[i] * factor, which is rounded to float32. y may be x. */
  scale(factor: number, x: Float32Array, y: Float32Array): void;
  /** y[i] = t > high ? high : t with t = low > x[i] ? low : x[i]; a NaN stays one. y may be x. */
  clamp(low: number, high: number, x: Float32Array, y: Float32Array): void;
  /**
   * Moves each element p of the parameter against its gradient: g = fma(decay, p, gradient), negative gradient to maximize;
   * momentum m = fma(momentum, m, keep * g), at first g; d = m, fma(momentum, m, g) with nesterov, or g where `momentum` is
   * null; p = fma(-rate, d, p). No array shares memory with another.
   */
  sgdStep(
    step: SgdStep,
    parameter: Float32Array,
    gradient: Float32Array,
    momentum: Float32Array | null,
  ): void;
  /**
   * g = fma(decay, p, gradient), negative gradient to maximize; q = fma(-shrink, p, p); mean m = fma(fresh1, g - m, m);
   * variance v = fma(fresh2, fma(g, g, -v), v); s = v, or with `largest` (amsgrad) the larger of that and v, which it
   * becomes; p = fma(-rate, m / (sqrt(s) / root + eps), q). No array shares memory with another.
   */
  adamStep(
    step: AdamStep,
    parameter: Float32Array,
    gradient: Float32Array,
    mean: Float32Array,
    variance: Float32Array,
    largest: Float32Array | null,
  ): void;
  /**
   * y = activation(fma(x, scale[c], shift[c]) + residual), channel by channel of x [positions, channels]; no residual counts
   * as +0. y may be x or residual.
   */
  affine(
    activation: Activation,
    x: Float32Array,
    scale: Float32Array,
    shift: Float32Array,
    residual: Float32Array | null,
    y: Float32Array,
  ): void;
  /**
   * Normalises by x's own statistics: y as of affine with scale = weight / sqrt(variance + epsilon) and shift = bias - mean *
   * scale, both computed in float64 (1 / sqrt first) and rounded, the shift with the rounded scale, so that the shift takes
   * back what the scale's rounding did. weight, bias [channels], or null: ones, zeros.
   *
   * mean and variance [batch, groups] (null where nobody asks), the variance without Bessel's correction, are taken in
   * chunks of 256 positions. Of a chunk's n positions a channel has the float32 mean m (a chain of additions, divided by n),
   * the chain e of the distances x - m, and the FMA chain q of their squares. Then in float64, chunk after chunk and in each
   * the group's channels in order: mean = sum of (n * m + e) / count; with a = e * (1 / n), variance = sum of (q - e * a +
   * n * (m + a - mean)^2) / count, at least 0. Two readings of x do, the second from a cache, and what m lost in rounding
   * costs the variance nothing.
   */
  normalize(
    norm: NormGeometry,
    x: Float32Array,
    weight: Float32Array | null,
    bias: Float32Array | null,
    residual: Float32Array | null,
    y: Float32Array,
    mean: Float32Array | null,
    variance: Float32Array | null,
  ): void;
  /**
   * The gradients of that, or of affine with given statistics; null for those that nobody needs. u is upstream, or 0 where the
   * activation's clamp holds: by `output`, or where it is null by computing it anew from x (there was no residual).
   *
   * Sums over positions are chunks of 256, each a chain from +0, added in order in float64: s of u, p of u * (x - mean) (FMAs).
   * With r = 1 / sqrt(variance + epsilon): gradWeight = sum over images of p * r, gradBias = of s; gradX = fma(u, scale,
   * fma(x - mean, slope, offset)) + 0 with scale as above, slope = -r^3 * P / count, offset = -r * S / count, where S and P are
   * the sums of weight * s and weight * p over a group's channels; with given statistics fma(u, scale, 0) + 0. gradResidual = u.
   * gradX may be upstream.
   */
  normalizeGradient(
    norm: NormGeometry,
    x: Float32Array,
    weight: Float32Array | null,
    bias: Float32Array | null,
    mean: Float32Array,
    variance: Float32Array,
    output: Float32Array | null,
    upstream: Float32Array,
    gradX: Float32Array | null,
    gradWeight: Float32Array | null,
    gradBias: Float32Array | null,
    gradResidual: Float32Array | null,
  ): void;
  /**
   * y [rows, length]: e^(x - most) / sum of each row of x, or (x - most) - log(sum), the logarithm taken in float64 and rounded
   * once. Sums along a row have 16 partials, element i in partial i mod 16; then partial k takes k + 8, k + 4, k + 2, k + 1.
   */
  softmax(kind: 'softmax' | 'logSoftmax', x: Float32Array, y: Float32Array, length: number): void;
  /** gradient = y * (upstream - sum of upstream * y), or upstream - e^y * (sum of upstream); it may be upstream. */
  softmaxGradient(
    kind: 'softmax' | 'logSoftmax',
    y: Float32Array,
    upstream: Float32Array,
    gradient: Float32Array,
    length: number,
  ): void;
  /**
   * losses [rows] of logProbabilities [rows, length] and targets [rows], -1 where a row does not count: with keep = 1 -
   * smoothing and share = smoothing / length, keep * -(w[target] * x[target]) - share * (sum of w * x) + 0, where w is weight
   * [length] or ones; the sum is one along the row.
   */
  crossEntropy(
    logProbabilities: Float32Array,
    targets: Int32Array,
    weight: Float32Array | null,
    smoothing: number,
    losses: Float32Array,
  ): void;
  /**
   * gradient = upstream[row] * (fma(e^x, keep * w[target] + share * (sum of w), -(share * w)) - keep * w[target] at the
   * target): that of softmax's argument, not of its logarithm's.
   */
  crossEntropyGradient(
    logProbabilities: Float32Array,
    targets: Int32Array,
    weight: Float32Array | null,
    smoothing: number,
    upstream: Float32Array,
    gradient: Float32Array,
  ): void;
  /**
   * mask[i] = 0 where u < probability, else 1 / (1 - probability): u is the upper 24 bits of word i mod 4 of block i / 4 of
   * Philox 4x32-10 under these halves of its key and its counter.
   */
  dropoutMask(
    seedLow: number,
    seedHigh: number,
    streamLow: number,
    streamHigh: number,
    probability: number,
    mask: Float32Array,
  ): void;
  /**
   * y = x / power, x [positions, channels]: d = fma(s, alpha / size, k) with s the FMA chain of the squares of the channels from
   * c - floor(size / 2) on, `size` of them, zeros beyond the ends. Where beta is a multiple of 0.25 up to 2, power is the
   * product, one factor after the other, of 4 * beta times sqrt(sqrt(d)); otherwise e^(beta * log d) in float64, rounded.
   */
  localResponse(response: LocalResponse, x: Float32Array, y: Float32Array): void;
  /**
   * fnma(2 * alpha * beta / size * x, t, upstream / power) + 0, where t is the chain of additions of (upstream * x) / (power * d)
   * over the outputs whose window x lies in.
   */
  localResponseGradient(
    response: LocalResponse,
    x: Float32Array,
    upstream: Float32Array,
    gradient: Float32Array,
  ): void;
  /** Makes the calls of a program from `begin` up to, not including, `end`, each after the one before. */
  program(program: Program, begin: number, end: number): void;
  /** [batch, channels, positions] -> [batch, positions, channels]. */
  toChannelsLast(x: Float32Array, y: Float32Array, batch: number, channels: number, positions: number): void;
  /** [batch, positions, channels] -> [batch, channels, positions]. */
  toChannelsFirst(x: Float32Array, y: Float32Array, batch: number, channels: number, positions: number): void;
}

/** A background run of one operation. Its arrays must be unreachable for users until it has finished. */
export interface Job {
  /** 'done', or 'cancelled' where `cancel` came in time: then the output holds nothing of meaning. */
  readonly finished: Promise<'done' | 'cancelled'>;
  /** A method: on its own it finds no job. */
  cancel(): void;
}

export interface CpuReport {
  /** Features the processor has and the operating system saves, by their Linux names, e.g. ['avx2', 'fma', 'avx512f']. */
  readonly features: readonly string[];
  /** Instruction sets compiled in and usable here, slowest first; 'scalar' is always there. */
  readonly supported: readonly Isa[];
  /** The processor's own name, or '' where it gives none. */
  readonly brand: string;
}

export interface Binding extends Operations {
  readonly abi: number;

  /** @throws TypeError | RangeError where the struct is not what TypeScript promised. */
  createConv(geometry: ConvGeometry): Conv;
  createPool(geometry: PoolGeometry): Pool;
  /**
   * One piece of memory for the filters of these convolutions, one each, that are still to be packed: a network's are then met
   * by the system as tens of large pages instead of thousands of small ones. It is freed with the last of them.
   */
  createFilterRoom(convs: readonly Conv[]): FilterRoom;
  /**
   * weight [outChannels, inChannels / groups, ...kernelSize]; bias [outChannels] or null. Both are copied, the weight into the
   * room, where one is given and has as much left.
   */
  packFilter(
    conv: Conv,
    weight: Float32Array,
    bias: Float32Array | null,
    room?: FilterRoom | null,
  ): PackedFilter;
  /**
   * Frees a filter at once, where the garbage collector might wait; calls refuse the handle from then on. Jobs under way and
   * programs keep what they have of it. Of a filter freed before, nothing. One in a room stays there with the others.
   */
  releaseFilter(filter: PackedFilter): void;

  /**
   * x [height, width, channels] -> y [outputs of rows, outputs of columns, channels]: along each row first, then across rows.
   * A sum starts from 2^21 in int32, wrapping around; shifted right by 22 and held to 0..255 it is the byte that the next
   * pass reads.
   */
  resizeBytes(geometry: ResizeGeometry, x: Uint8Array, y: Uint8Array): void;

  /**
   * x seen as [scale.length, ...] -> y: each row times its scale, a product in float64 that is rounded once. y may be x. What a
   * filter's weights are where a normalisation is folded into them.
   */
  scaleRows(x: Float32Array, scale: Float64Array, y: Float32Array): void;

  /** Checks calls, of any operation but `program`, that `program` then makes on these very arrays. */
  createProgram(calls: readonly Call[]): Program;

  submit<K extends keyof Operations>(operation: K, ...args: Parameters<Operations[K]>): Job;
  /** Says that a job will be submitted within microseconds: whatever runs it wakes up meanwhile. Nothing is wrong if none comes. */
  expectJob(): void;

  /** The instruction set of this isolate's next createConv and elementwise calls; null for the reference. */
  isa(): Isa | null;
  useIsa(isa: Isa): void;
  cpu(): CpuReport;
  /** Process-wide, the caller included. */
  threads(): number;
  setThreads(count: number): void;
  /** How many elements of an array lie before the first that begins a line of the cache, of 64 bytes: 0..15. */
  beforeLine(array: Float32Array): number;
  /** Says that all of an array is about to be written: fresh memory of it may then be met as large pages. */
  largePages(array: Float32Array): void;
  /** Frees pooled scratch memory that no running call uses. */
  releaseScratch(): void;

  /** Runs independent FMA chains on the active instruction set on one thread for about `seconds`; gives FLOP/s. */
  measurePeak(seconds: number): number;
  /** Sums `bytes` of memory over and over on one thread for about `seconds`; gives read bytes/s. */
  measureBandwidth(bytes: number, seconds: number): number;
  /** Does nothing: what a call costs. */
  nothing(): void;
}
