// Winograd's minimal filtering F(m x m, 3x3) of one tile, vectorised over channels (Lavin and Gray 2016): the
// input and output transforms, one fixed sequence of operations each. F(2x2) interpolates at 0, 1, -1 and
// infinity; F(4x4) at 0, ±5/8, ±3/2 and infinity, which more than halves the error of the usual 0, ±1, ±2 (of
// ±3/4, ±3/2 it has 0.93). Included once per instruction set.
#pragma once

#include "isa/kernels.h"

namespace convkit {
namespace {

template <class Simd, int kTile>
struct WinogradTransform;

template <class Simd>
struct WinogradTransform<Simd, 2> {
  using V = typename Simd::V;
  static void input(const V* d, int step, V* out, int outStep) {
    const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step];
    out[0] = Simd::sub(d0, d2);
    out[outStep] = Simd::add(d1, d2);
    out[2 * outStep] = Simd::sub(d2, d1);
    out[3 * outStep] = Simd::sub(d1, d3);
  }
  static void output(const V* m, int step, V* out, int outStep) {
    const V sum = Simd::add(m[step], m[2 * step]), difference = Simd::sub(m[step], m[2 * step]);
    out[0] = Simd::add(m[0], sum);
    out[outStep] = Simd::sub(difference, m[3 * step]);
  }
};

template <class Simd>
struct WinogradTransform<Simd, 4> {
  using V = typename Simd::V;
  // a = 5/8, b = 3/2: all of these are exact
  static constexpr float kA = 0.625f, kB = 1.5f, kA2 = 0.390625f, kB2 = 2.25f, kA3 = 0.244140625f,
                         kB3 = 3.375f;
  static constexpr float kA2B2 = 0.87890625f, kA2PlusB2 = 2.640625f;

  static void input(const V* d, int step, V* out, int outStep) {
    const V d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const V a = Simd::set(kA), b = Simd::set(kB), a2 = Simd::set(kA2), b2 = Simd::set(kB2);
    const V product = Simd::set(kA2B2), sum = Simd::set(kA2PlusB2);
    out[0] = Simd::fma(product, d0, Simd::fnma(sum, d2, d4));
    const V evenA = Simd::fnma(b2, d2, d4), oddA = Simd::fnma(b2, d1, d3);
    out[outStep] = Simd::fma(a, oddA, evenA);
    out[2 * outStep] = Simd::fnma(a, oddA, evenA);
    const V evenB = Simd::fnma(a2, d2, d4), oddB = Simd::fnma(a2, d1, d3);
    out[3 * outStep] = Simd::fma(b, oddB, evenB);
    out[4 * outStep] = Simd::fnma(b, oddB, evenB);
    out[5 * outStep] = Simd::fma(product, d1, Simd::fnma(sum, d3, d5));
  }
  static void output(const V* m, int step, V* out, int outStep) {
    const V sumA = Simd::add(m[step], m[2 * step]), differenceA = Simd::sub(m[step], m[2 * step]);
    const V sumB = Simd::add(m[3 * step], m[4 * step]), differenceB = Simd::sub(m[3 * step], m[4 * step]);
    out[0] = Simd::add(Simd::add(m[0], sumA), sumB);
    out[outStep] = Simd::fma(Simd::set(kB), differenceB, Simd::mul(Simd::set(kA), differenceA));
    out[2 * outStep] = Simd::fma(Simd::set(kB2), sumB, Simd::mul(Simd::set(kA2), sumA));
    out[3 * outStep] =
        Simd::fma(Simd::set(kB3), differenceB, Simd::fma(Simd::set(kA3), differenceA, m[5 * step]));
  }
};

// v[e] for the side * side elements e of a tile, `step` floats apart: first along each row, then along each
// column.
template <class Simd, int kTile>
void winogradInput(const WinogradInput& tile) {
  using V = typename Simd::V;
  using Transform = WinogradTransform<Simd, kTile>;
  constexpr int kSide = kTile + 2, kLanes = Simd::kLanes;
  for (int64_t c = 0; c < tile.channels; c += kLanes) {
    const int n = tile.channels - c < kLanes ? static_cast<int>(tile.channels - c) : kLanes;
    V rows[kSide * kSide];
#pragma GCC unroll 6
    for (int i = 0; i < kSide; i++) {
      V d[kSide];
#pragma GCC unroll 6
      for (int j = 0; j < kSide; j++) {
        const float* pixel = tile.pixels[i * kSide + j] + c;
        d[j] = n == kLanes ? Simd::load(pixel) : Simd::loadPartial(pixel, n);
      }
      Transform::input(d, 1, rows + i * kSide, 1);
    }
#pragma GCC unroll 6
    for (int j = 0; j < kSide; j++) {
      V v[kSide];
      Transform::input(rows + j, kSide, v, 1);
#pragma GCC unroll 6
      for (int i = 0; i < kSide; i++) Simd::store(tile.v + (i * kSide + j) * tile.step + c, v[i]);
    }
  }
}

// The outputs of a tile: first along each row, then along each column, then bias and clamp. A null output
// lies beyond the image.
template <class Simd, int kTile>
void winogradOutput(const WinogradOutput& tile) {
  using V = typename Simd::V;
  using Transform = WinogradTransform<Simd, kTile>;
  constexpr int kSide = kTile + 2, kLanes = Simd::kLanes;
  const V low = Simd::set(tile.low), high = Simd::set(tile.high);
  for (int64_t c = 0; c < tile.channels; c += kLanes) {
    const int n = tile.channels - c < kLanes ? static_cast<int>(tile.channels - c) : kLanes;
    const V bias = Simd::load(tile.bias + c);
    V rows[kSide * kTile];
#pragma GCC unroll 6
    for (int i = 0; i < kSide; i++) {
      V m[kSide];
#pragma GCC unroll 6
      for (int j = 0; j < kSide; j++) m[j] = Simd::load(tile.m + (i * kSide + j) * tile.step + c);
      Transform::output(m, 1, rows + i * kTile, 1);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kTile; j++) {
      V y[kTile];
      Transform::output(rows + j, kTile, y, 1);
#pragma GCC unroll 4
      for (int i = 0; i < kTile; i++) {
        float* to = tile.outputs[i * kTile + j];
        if (to == nullptr) continue;
        V sum = Simd::add(y[i], bias);
        if (const float* r = tile.residuals[i * kTile + j])
          sum = Simd::add(sum, n == kLanes ? Simd::load(r + c) : Simd::loadPartial(r + c, n));
        const V done = Simd::lesser(high, Simd::greater(low, sum));
        if (n == kLanes) Simd::store(to + c, done);
        else Simd::storePartial(to + c, done, n);
      }
    }
  }
}

}  // namespace
}  // namespace convkit
