// Layer normalisation: images of one position and one group. The general way takes statistics a position at a
// time, and sums a row of them in one chain; this one goes through as many rows as a vector has lanes, with
// the same bits.
#include "norm/parts.h"
#include "threads/scratch.h"

namespace convkit {

void normalizeRows(const NormGeometry& g, const Kernels& kernels, const NormInput& input,
                   const float* residual, float* y, NormStatistics statistics, const CancelFlag* cancelled) {
  const int64_t lanes = kernels.lanes, channels = g.channels;
  const int64_t together = lanes * std::max<int64_t>(1, kNormFloats / (lanes * channels));
  parallelFor(pieces(g.batch, together), cancelled, [&](int64_t chunk, Scratch& scratch) {
    float* const gathered = scratch.floats(0, static_cast<std::size_t>(lanes * channels));
    const int64_t end = std::min(g.batch, (chunk + 1) * together);
    for (int64_t first = chunk * together; first < end; first += lanes) {
      const int64_t rows = std::min(lanes, end - first);
      const float* const x = input.x + first * channels;
      // Lanes without a row hold zeros
      if (rows < lanes) std::fill_n(gathered, lanes * channels, 0.0f);
      kernels.transpose(x, channels, gathered, lanes, rows, channels);
      double mean[kMaxLanes], squares[kMaxLanes];
      kernels.laneSums({gathered, channels, nullptr, mean});
      for (int64_t r = 0; r < lanes; r++) mean[r] /= static_cast<double>(channels);
      kernels.laneSums({gathered, channels, mean, squares});
      for (int64_t r = 0; r < rows; r++) {
        const double spread = squares[r] / static_cast<double>(channels);
        const auto middle = static_cast<float>(mean[r]), variance = static_cast<float>(spread);
        if (statistics.mean != nullptr) statistics.mean[first + r] = middle;
        if (statistics.variance != nullptr) statistics.variance[first + r] = variance;
        const int64_t at = r * channels, own = first * channels + at;
        kernels.layerRow({x + at, input.weight, input.bias, residual == nullptr ? nullptr : residual + own,
                          channels, inverseDeviation(g, variance), static_cast<double>(middle), g.low, g.high,
                          y + own});
      }
    }
  });
}

}  // namespace convkit
