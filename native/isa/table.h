// Fills a kernel table from a Simd: the one list of what every instruction set offers. Included by
// native/isa/<isa>.cpp after its Simd; all of it is constant-initialised.
#pragma once

#include "elementwise/kernels.h"
#include "gemm/copies.h"
#include "gemm/lines.h"
#include "gemm/microkernel.h"
#include "gemm/outer.h"
#include "gemm/tails.h"
#include "grouped/columns.h"
#include "grouped/flat.h"
#include "grouped/gradient.h"
#include "grouped/grouped.h"
#include "grouped/run.h"
#include "image/kernels.h"
#include "isa/kernels.h"
#include "norm/kernels.h"
#include "norm/layer_kernels.h"
#include "norm/local_response_kernels.h"
#include "optim/kernels.h"
#include "pooling/gradient.h"
#include "pooling/kernels.h"
#include "reduction/kernels.h"
#include "softmax/kernels.h"
#include "sparse/kernels.h"
#include "winograd/filter.h"
#include "winograd/gradient.h"
#include "winograd/transforms.h"

namespace convkit {
namespace {

struct RunShape {
  int lines, columns;
};

template <class Simd, int kVectors, int kHeight>
constexpr void addGemm(Kernels& table) {
  table.gemm[kVectors][kHeight] = gemmTile<Simd, kHeight, kVectors, false>;
  table.steppedGemm[kVectors][kHeight] = gemmTile<Simd, kHeight, kVectors, true>;
  if constexpr (kHeight > 1) addGemm<Simd, kVectors, kHeight - 1>(table);
}

// Fewer rows than are transposed at once gain nothing.
constexpr int kLeastTailRows = 4;
template <class Simd, int kVectors, int kTails, int kHeight>
constexpr void addTails(Kernels& table) {
  table.tails[kVectors + 1][kTails][kHeight] = tailTile<Simd, kHeight, kVectors, kTails>;
  if constexpr (kHeight > kLeastTailRows) addTails<Simd, kVectors, kTails, kHeight - 1>(table);
  else if constexpr (kTails < kTailChannels) addTails<Simd, kVectors, kTails + 1, kHeight>(table);
}

template <class Simd, int kVectors, int kHeight>
constexpr void addBeyond(Kernels& table) {
  table.beyond[kVectors][kHeight] = gemmTile<Simd, kHeight, kVectors, false, true>;
  if constexpr (kHeight > 1) addBeyond<Simd, kVectors, kHeight - 1>(table);
}

template <class Simd, int kVectors, int kHeight>
constexpr void addApart(Kernels& table) {
  table.apart[kVectors + 1][kHeight] = tailTile<Simd, kHeight, kVectors, 1, true>;
  if constexpr (kHeight > 1) addApart<Simd, kVectors, kHeight - 1>(table);
}

// Panels, and rows, that end in a channel beyond whole vectors; kRows1 to kRows4 as of makeKernels.
template <class Simd, int kRows1, int kRows2, int kRows3, int kRows4>
constexpr void addTailKernels(Kernels& table) {
  table.tailDepth = Simd::kTailDepth;
  if constexpr (Simd::kTailRows[0] > 0) {
    addTails<Simd, 1, 1, Simd::kTailRows[0]>(table);
    addApart<Simd, 1, Simd::kTailRows[0]>(table);
    addBeyond<Simd, 1, kRows1>(table);
    addBeyond<Simd, 2, kRows2>(table);
    if constexpr (kRows3 > 0) addBeyond<Simd, 3, kRows3>(table);
    if constexpr (kRows4 > 0) addBeyond<Simd, 4, kRows4>(table);
  }
  if constexpr (Simd::kTailRows[1] > 0) {
    addTails<Simd, 2, 1, Simd::kTailRows[1]>(table);
    addApart<Simd, 2, Simd::kTailRows[1]>(table);
  }
  if constexpr (Simd::kTailRows[2] > 0) {
    addTails<Simd, 3, 1, Simd::kTailRows[2]>(table);
    addApart<Simd, 3, Simd::kTailRows[2]>(table);
  }
}

template <class Simd, int kVectors, int kHeight>
constexpr void addOuter(Kernels& table) {
  table.outer[kVectors][kHeight] = outerTile<Simd, kHeight, kVectors>;
  if constexpr (kHeight > 1) addOuter<Simd, kVectors, kHeight - 1>(table);
}

// A kernel row's accumulators, and as many pixels, have to fit the registers.
template <class Simd, bool kManyRegisters>
constexpr void addChannelSums(Kernels& table) {
  constexpr int k3 = kManyRegisters ? 4 : 2, k5 = kManyRegisters ? 2 : 1, k7 = kManyRegisters ? 2 : 1;
  table.channelSums[0][0] = channelSums<Simd, 3, 1, k3>;
  table.channelSums[0][1] = channelSums<Simd, 3, 2, k3>;
  table.channelSums[1][0] = channelSums<Simd, 5, 1, k5>;
  table.channelSums[1][1] = channelSums<Simd, 5, 2, k5>;
  table.channelSums[2][0] = channelSums<Simd, 7, 1, k7>;
  table.channelSums[2][1] = channelSums<Simd, 7, 2, k7>;
}

template <class Simd, int kDepth>
constexpr void addGroupedSums(Kernels& table) {
  if constexpr (kDepth <= kMostDepth && kDepth * 2 <= Simd::kLanes) {
    table.groupedSums[kDepth] = groupedSums<Simd, kDepth>;
    addGroupedSums<Simd, kDepth + 1>(table);
  }
}

// As many output channels as leave registers for two vectors of positions.
template <class Simd, int kOutputs>
constexpr void addLines(Kernels& table) {
  constexpr int kMost = lineVectors<Simd>(kOutputs), kFew = kMost < kFewLineVectors ? kMost : kFewLineVectors;
  if constexpr (kMost >= 2) {
    table.lines[0][kOutputs] = {kMost, lineTile<Simd, kOutputs, kMost>};
    table.lines[1][kOutputs] = {kFew, lineTile<Simd, kOutputs, kFew>};
    if constexpr (kOutputs < kLineOutputs) addLines<Simd, kOutputs + 1>(table);
  }
}

template <class Simd, int kRows>
constexpr void addFlat(Kernels& table) {
  table.flat[kRows] = flatRun<Simd, kRows>;
  if constexpr (kRows > 1) addFlat<Simd, kRows - 1>(table);
}

template <class Simd, int kHeight>
constexpr void addGrouped(Kernels& table) {
  table.grouped[kHeight] = groupedTile<Simd, kHeight, false>;
  table.depthwise[kHeight] = groupedTile<Simd, kHeight, true>;
  if constexpr (kHeight > 1) addGrouped<Simd, kHeight - 1>(table);
}

template <class Simd, RunInput kInput, int kKernel, int kLines, int kColumns>
constexpr void addRuns(RunFamily& family) {
  RunKernel(*strides)[kRunColumns + 1] = family.kernels[(kKernel - 3) / 2];
  strides[0][kColumns] = groupedRun<Simd, kInput, kKernel, 1, kLines, kColumns>;
  strides[1][kColumns] = groupedRun<Simd, kInput, kKernel, 2, kLines, kColumns>;
  if constexpr (kColumns > 1) addRuns<Simd, kInput, kKernel, kLines, kColumns - 1>(family);
}

template <class Simd, RunInput kInput, int kLines, int kColumns>
constexpr RunFamily makeRuns() {
  static_assert(kLines <= kRunLines && kColumns <= kRunColumns);
  RunFamily family{kLines, kColumns, {}};
  addRuns<Simd, kInput, 3, kLines, kColumns>(family);
  if constexpr (kInput != RunInput::broadcast) addRuns<Simd, kInput, 5, kLines, kColumns>(family);
  if constexpr (kInput == RunInput::channels) addRuns<Simd, kInput, 7, kLines, kColumns>(family);
  return family;
}

// kRows1..kRows4: the tallest tile of a panel of one to four vectors; 0 where such a panel would not fit the
// registers. kOuterRows1, kOuterRows2: the same of a weight gradient.
template <class Simd, int kRows1, int kRows2, int kRows3, int kRows4, int kGroupedRows, int kOuterRows1,
          int kOuterRows2>
constexpr Kernels makeKernels(const char* name) {
  static_assert(kRows1 <= kMaxRows && kRows2 <= kMaxRows && kRows3 <= kMaxRows && kRows4 <= kMaxRows);
  Kernels table{};
  table.name = name;
  table.lanes = Simd::kLanes;
  table.rows[1] = kRows1;
  table.rows[2] = kRows2;
  table.rows[3] = kRows3;
  table.rows[4] = kRows4;
  table.groupedRows = kGroupedRows;
  addGemm<Simd, 1, kRows1>(table);
  if constexpr (kRows2 > 0) addGemm<Simd, 2, kRows2>(table);
  if constexpr (kRows3 > 0) addGemm<Simd, 3, kRows3>(table);
  if constexpr (kRows4 > 0) addGemm<Simd, 4, kRows4>(table);
  addTailKernels<Simd, kRows1, kRows2, kRows3, kRows4>(table);
  table.outerRows[1] = kOuterRows1;
  table.outerRows[2] = kOuterRows2;
  addOuter<Simd, 1, kOuterRows1>(table);
  addOuter<Simd, 2, kOuterRows2>(table);
  table.diagonal = diagonalTile<Simd>;
  addChannelSums<Simd, (kRows4 > 0)>(table);
  addGroupedSums<Simd, 1>(table);
  table.copyRows = copyRows<Simd>;
  table.splitRows = splitRows<Simd>;
  table.interleave[2] = interleavePlanes<Simd, 2>;
  table.interleave[3] = interleavePlanes<Simd, 3>;
  table.interleave[4] = interleavePlanes<Simd, 4>;
  addLines<Simd, 1>(table);
  table.column[0][0] = columnTile<Simd, 3, 1>;
  table.column[0][1] = columnTile<Simd, 3, 2>;
  table.column[1][0] = columnTile<Simd, 5, 1>;
  table.column[1][1] = columnTile<Simd, 5, 2>;
  addGrouped<Simd, kGroupedRows>(table);
  // Three accumulators at a time, nine weights, an input, and what outputs are clamped by
  constexpr int kRows = Simd::kRegisters < 32 ? 6 : kFlatRows;
  table.flatRows = kRows;
  addFlat<Simd, kRows>(table);
  constexpr RunShape depthwise = Simd::kDepthwiseRun, grouped = Simd::kGroupedRun;
  table.runs[0] = makeRuns<Simd, RunInput::channels, depthwise.lines, depthwise.columns>();
  table.runs[1] = makeRuns<Simd, RunInput::permuted, grouped.lines, grouped.columns>();
  table.runs[2] = makeRuns<Simd, RunInput::broadcast, grouped.lines, grouped.columns>();
  table.winogradInput[0] = winogradInput<Simd, 2>;
  table.winogradInput[1] = winogradInput<Simd, 4>;
  table.winogradOutput[0] = winogradOutput<Simd, 2>;
  table.winogradOutput[1] = winogradOutput<Simd, 4>;
  table.winogradFilter[0] = winogradFilter<Simd, 2>;
  table.winogradFilter[1] = winogradFilter<Simd, 4>;
  table.winogradUpstream = winogradUpstream<Simd>;
  table.winogradGradient = winogradGradient<Simd>;
  table.maxPool = poolTile<Simd, true>;
  table.averagePool = poolTile<Simd, false>;
  table.maxPoolGradient = poolGradientTile<Simd, true>;
  table.averagePoolGradient = poolGradientTile<Simd, false>;
  table.sparseRow = sparseRow<Simd>;
  table.sumRows = sumRows<Simd>;
  table.momentRows = momentRows<Simd>;
  table.affineRows = affineRows<Simd>;
  table.laneSums = laneSums<Simd>;
  table.layerRow = layerRow<Simd>;
  table.normSumRows = normSumRows<Simd>;
  table.normGradientRows = normGradientRows<Simd>;
  table.responseSums = responseSums<Simd>;
  table.responseDivide = responseDivide<Simd>;
  table.responseShares = responseShares<Simd>;
  table.responseGradient = responseGradient<Simd>;
  table.rowMaximum = rowMaximum<Simd>;
  table.rowExponentials = rowExponentials<Simd>;
  table.rowSum = rowSum<Simd>;
  table.rowDivide = rowDivide<Simd>;
  table.rowScale = rowScale<Simd>;
  table.rowSubtract = rowSubtract<Simd>;
  table.rowSoftmaxGradient = rowSoftmaxGradient<Simd>;
  table.rowCrossEntropyGradient = rowCrossEntropyGradient<Simd>;
  table.activate = activateKernel<Simd>;
  table.activateGradient = activateGradientKernel<Simd>;
  table.combine = combineKernel<Simd>;
  table.modulus = modulusKernel<Simd>;
  table.scale = scaleKernel<Simd>;
  table.clamp = clampKernel<Simd>;
  table.sumSquares = sumSquaresKernel<Simd>;
  table.sgd = sgdKernel<Simd>;
  table.adam = adamKernel<Simd>;
  table.modulusGradient = modulusGradientKernel<Simd>;
  table.resizeBytesAlong = resizeBytesAlong<Simd>;
  table.resizeBytesAcross = resizeBytesAcross<Simd>;
  table.transpose = transposeKernel<Simd>;
  table.peak = peakKernel<Simd>;
  table.sum = sumKernel<Simd>;
  return table;
}

}  // namespace
}  // namespace convkit
