// The filter's side of Winograd's algorithm, in double: it runs once a filter, and its rounding would be paid
// everywhere.
#include "conv/plan.h"

namespace convkit {
namespace {

constexpr int64_t kMostSide = 6;

constexpr double kFilter2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};

// Row i evaluates the filter at point p_i over the product of p_i's distances to the other points: 0, ±3/4,
// ±3/2.
constexpr double kA = 0.75, kB = 1.5, kA2 = kA * kA, kB2 = kB * kB;
constexpr double kAtZero = kA2 * kB2, kAtA = 2 * kA2 * (kA2 - kB2), kAtB = 2 * kB2 * (kB2 - kA2);
constexpr double kFilter4[6][3] = {{1 / kAtZero, 0, 0},
                                   {1 / kAtA, kA / kAtA, kA2 / kAtA},
                                   {1 / kAtA, -kA / kAtA, kA2 / kAtA},
                                   {1 / kAtB, kB / kAtB, kB2 / kAtB},
                                   {1 / kAtB, -kB / kAtB, kB2 / kAtB},
                                   {0, 0, 1}};

}  // namespace

void transformFilter(Algorithm algorithm, const float* g, float* to, int64_t step) {
  const int64_t side = winogradTile(algorithm) + 2;
  const double(*points)[3] = algorithm == Algorithm::winograd4 ? kFilter4 : kFilter2;
  const auto dot = [](const double* point, double g0, double g1, double g2) {
    return point[0] * g0 + point[1] * g1 + point[2] * g2;
  };
  for (int64_t i = 0; i < side; i++) {
    double row[3];
    for (int k = 0; k < 3; k++) row[k] = dot(points[i], double{g[k]}, double{g[3 + k]}, double{g[6 + k]});
    for (int64_t j = 0; j < side; j++)
      to[(i * side + j) * step] = static_cast<float>(dot(points[j], row[0], row[1], row[2]));
  }
}

}  // namespace convkit
