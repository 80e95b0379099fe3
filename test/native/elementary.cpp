// Runs the elementary functions of one instruction set, named by the file ISA_FILE that is compiled in:
//   apply FUNCTION                     floats on standard input -> results on standard output
//   measure FUNCTION FIRST LAST STEP   prints the largest error in ulp against float64 over the floats whose
//   bits
//                                      are FIRST, FIRST + STEP, ... up to LAST, and where it is
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include ISA_FILE

namespace {

using convkit::Simd;
using F = convkit::Elementary<Simd>;
using D = convkit::Derivatives<Simd>;
using V = Simd::V;

struct Function {
  const char* name;
  V (*vector)(V);
  double (*truth)(double);
  double least = 0;  // errors of smaller results are counted in units of this size: there is a root nearby
};

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

const Function kFunctions[] = {
    {"exp", F::exp, [](double x) { return std::exp(x); }},
    {"tanh", F::tanh, [](double x) { return std::tanh(x); }},
    {"sigmoid", F::sigmoid, logistic},
    {"silu", F::silu, [](double x) { return x == -INFINITY ? 0 : x * logistic(x); }},
    {"gelu", F::gelu, [](double x) { return x == -INFINITY ? 0 : 0.5 * x * std::erfc(-x * M_SQRT1_2); }},
    {"hardswish", F::hardswish, [](double x) { return x <= -3  ? 0
                                                      : x >= 3 ? x
                                                               : x * (x + 3) / 6; }},
    {"relu", F::relu, [](double x) { return 0 > x ? 0 : x; }},
    {"relu6", F::relu6, [](double x) { return 0 > x   ? 0
                                              : x > 6 ? 6
                                                      : x; }},
    {"elu", [](V x) { return F::elu(x, Simd::set(1.0f)); },
     [](double x) { return x > 0 ? x : std::expm1(x); }},
    {"hardsigmoid", F::hardsigmoid, [](double x) { return x <= -3  ? 0
                                                          : x >= 3 ? 1
                                                                   : (x + 3) / 6; }},
    {"softplus", [](V x) { return F::softplus(x, Simd::set(1.0f), Simd::set(20.0f)); },
     [](double x) { return x > 20 ? x : std::log1p(std::exp(x)); }},
    {"siluGradient", [](V x) { return D::silu(x, Simd::set(1.0f)); },
     [](double x) {
       if (std::isinf(x)) return x > 0 ? 1.0 : 0.0;
       return logistic(x) * (1 + x * logistic(-x));
     },
     0.0625},
    {"geluGradient", [](V x) { return D::gelu(x, Simd::set(1.0f)); },
     [](double x) {
       if (std::isinf(x)) return x > 0 ? 1.0 : 0.0;
       return 0.5 * std::erfc(-x * M_SQRT1_2) + x * std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
     },
     0.0625},
    {"hardswishGradient", [](V x) { return D::hardswish(x, Simd::set(1.0f)); },
     [](double x) { return x <= -3 ? 0
                           : x < 3 ? x / 3 + 0.5
                                   : 1; }, 0.0625},
    {"eluGradient", [](V x) { return D::elu(x, Simd::set(1.0f), Simd::set(1.0f)); },
     [](double x) { return x > 0 ? 1 : std::exp(x); }},
    {"hardsigmoidGradient", [](V x) { return D::hardsigmoid(x, Simd::set(1.0f)); },
     [](double x) { return x > -3 && x < 3 ? 1.0 / 6 : 0; }},
    {"softplusGradient",
     [](V x) { return D::softplus(x, Simd::set(1.0f), Simd::set(1.0f), Simd::set(20.0f)); },
     [](double x) { return x > 20 ? 1 : logistic(x); }},
    {"tanhGradient", [](V y) { return D::tanh(y, Simd::set(1.0f)); }, [](double y) { return 1 - y * y; }},
    {"sigmoidGradient", [](V y) { return D::sigmoid(y, Simd::set(1.0f)); },
     [](double y) { return y * (1 - y); }},
    {"leakyRelu", [](V x) { return F::leakyRelu(x, Simd::set(0.01f)); },
     [](double x) { return x > 0 ? x : static_cast<double>(0.01f) * x; }},
};

void apply(const Function& f, const float* x, float* y, int64_t n) {
  for (int64_t i = 0; i < n; i += Simd::kLanes) {
    const int count = static_cast<int>(std::min<int64_t>(n - i, Simd::kLanes));
    Simd::storePartial(y + i, f.vector(Simd::loadPartial(x + i, count)), count);
  }
}

double ulps(float y, double truth, double least) {
  if (std::isnan(truth)) return std::isnan(y) ? 0 : INFINITY;
  const float rounded = static_cast<float>(truth);
  if (std::isinf(rounded) || std::isinf(y)) return y == rounded ? 0 : INFINITY;
  const int exponent =
      std::max({-126, truth == 0 ? -126 : std::ilogb(truth), least == 0 ? -126 : std::ilogb(least)});
  return std::fabs(y - truth) / std::ldexp(1.0, exponent - 23);
}

int measure(const Function& f, uint64_t first, uint64_t last, uint64_t step) {
  constexpr int64_t kBlock = 4096;
  std::vector<float> x(kBlock), y(kBlock);
  double worst = 0, where = 0;
  for (uint64_t bits = first; bits <= last;) {
    int64_t n = 0;
    for (; n < kBlock && bits <= last; n++, bits += step) {
      const uint32_t word = static_cast<uint32_t>(bits);
      std::memcpy(&x[static_cast<size_t>(n)], &word, 4);
    }
    apply(f, x.data(), y.data(), n);
    for (size_t i = 0; i < static_cast<size_t>(n); i++) {
      const double error = ulps(y[i], f.truth(x[i]), f.least);
      if (error > worst) {
        worst = error;
        where = x[i];
      }
    }
  }
  std::printf("%s %.4f ulp at %.9g\n", f.name, worst, where);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const Function* f = nullptr;
  for (const Function& candidate : kFunctions) {
    if (std::strcmp(candidate.name, argv[2]) == 0) f = &candidate;
  }
  if (f == nullptr) return 2;
  if (std::strcmp(argv[1], "measure") == 0 && argc == 6) {
    return measure(*f, std::strtoull(argv[3], nullptr, 0), std::strtoull(argv[4], nullptr, 0),
                   std::strtoull(argv[5], nullptr, 0));
  }
  std::vector<float> x(1 << 20), y(1 << 20);
  for (size_t n; (n = std::fread(x.data(), 4, x.size(), stdin)) > 0;) {
    apply(*f, x.data(), y.data(), static_cast<int64_t>(n));
    if (std::fwrite(y.data(), 4, n, stdout) != n) return 1;
  }
  return 0;
}
