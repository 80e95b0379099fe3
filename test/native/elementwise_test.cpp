// The elementwise kernels of every instruction set: the same bits as the scalar ones, in place too, at every
// length around a vector.
#include <cmath>
#include <vector>

#include "check.h"
#include "isa/dispatch.h"

namespace convkit::test {
namespace {

const Activation kActivations[] = {Activation::none,      Activation::relu,        Activation::relu6,
                                   Activation::leakyRelu, Activation::sigmoid,     Activation::tanh,
                                   Activation::silu,      Activation::gelu,        Activation::hardswish,
                                   Activation::elu,       Activation::hardsigmoid, Activation::softplus};

Floats copyOf(const Floats& x) {
  Floats y(x.size());
  for (int64_t i = 0; i < x.size(); i++) y[i] = x[i];
  return y;
}

// Numbers of every magnitude an activation has a branch for
Floats spread(int64_t n, Random& random) {
  Floats x(n, random);
  const float scales[] = {1e-40f, 1e-6f, 1.0f, 4.0f, 12.0f, 100.0f, 1e10f, 3e38f};
  for (int64_t i = 0; i < n; i++) x[i] *= random.of(scales);
  return x;
}

// SiLU leaves out some steps where every number at hand is near zero, and takes them all beside a single one
// that is not.
void runNear(const Kernels& kernels, const Kernels& scalar, int64_t n, Random& random) {
  const std::string name = std::string(kernels.name) + " of length " + std::to_string(n);
  const float far[] = {-80.0f, 80.0f, -104.5f, INFINITY, -INFINITY, NAN};
  Floats x(n, random), expected(n), actual(n);
  for (int64_t i = 0; i < n; i++) x[i] *= 79.9f;
  for (int64_t at = -1; at < n; at += n / 5 + 1) {
    if (at >= 0) x[at] = random.of(far);
    scalar.activate(Activation::silu, {}, {x.data(), expected.data(), n});
    kernels.activate(Activation::silu, {}, {x.data(), actual.data(), n});
    checkSame(actual, expected, "SiLU near zero, " + name);
  }
}

void runLength(const Kernels& kernels, const Kernels& scalar, int64_t n, Random& random) {
  const std::string name = std::string(kernels.name) + " of length " + std::to_string(n);
  for (const Activation kind : kActivations) {
    const Floats x = spread(n, random);
    Floats expected(n), actual(n), inPlace = copyOf(x);
    const ActivationParameters parameters =
        kind == Activation::softplus ? ActivationParameters{1.5f, 20.0f} : ActivationParameters{0.01f, 0};
    scalar.activate(kind, parameters, {x.data(), expected.data(), n});
    kernels.activate(kind, parameters, {x.data(), actual.data(), n});
    kernels.activate(kind, parameters, {inPlace.data(), inPlace.data(), n});
    const std::string claim = "activation " + std::to_string(static_cast<int>(kind)) + " " + name;
    checkSame(actual, expected, claim);
    checkSame(inPlace, expected, claim + " in place");

    const int64_t rows = 3, step = n + 2;
    const Floats apart = spread(rows * step, random);
    Floats results = copyOf(apart), each = copyOf(apart);
    kernels.activate(kind, parameters, {apart.data(), results.data(), n, rows, step});
    for (int64_t r = 0; r < rows; r++)
      scalar.activate(kind, parameters, {apart.data() + r * step, each.data() + r * step, n});
    checkSame(results, each, claim + " rows apart");
    const Floats up(n, random);
    Floats values = copyOf(x), upstream = copyOf(up);
    scalar.activateGradient(kind, parameters, x.data(), up.data(), expected.data(), n);
    kernels.activateGradient(kind, parameters, x.data(), up.data(), actual.data(), n);
    kernels.activateGradient(kind, parameters, values.data(), up.data(), values.data(), n);
    kernels.activateGradient(kind, parameters, x.data(), upstream.data(), upstream.data(), n);
    checkSame(actual, expected, claim + " gradient");
    checkSame(values, expected, claim + " gradient over the values");
    checkSame(upstream, expected, claim + " gradient over what came from above");
  }
  {
    const Floats a(n, random), b(n, random);
    for (const Arithmetic kind : {Arithmetic::add, Arithmetic::sub, Arithmetic::mul, Arithmetic::div}) {
      for (const int aStep : {1, 0}) {
        for (const int bStep : {1, 0}) {
          Floats expected(n), actual(n);
          for (int64_t i = 0; i < n; i++) {
            const float u = a[i * aStep], v = b[i * bStep];
            expected[i] = kind == Arithmetic::add   ? u + v
                          : kind == Arithmetic::sub ? u - v
                          : kind == Arithmetic::mul ? u * v
                                                    : u / v;
          }
          kernels.combine(kind, a.data(), aStep, b.data(), bStep, actual.data(), n);
          const std::string claim = "arithmetic " + std::to_string(static_cast<int>(kind)) + " of steps " +
                                    std::to_string(aStep) + ", " + std::to_string(bStep) + " " + name;
          checkSame(actual, expected, claim);
          if (bStep == 0) continue;
          Floats inPlace = copyOf(b);
          kernels.combine(kind, a.data(), aStep, inPlace.data(), 1, inPlace.data(), n);
          checkSame(inPlace, expected, claim + " in place");
        }
      }
    }
  }
  {
    const Floats x(2 * n, random);
    Floats actual(n), expected(n);
    for (int64_t i = 0; i < n; i++) {
      const float re = x[2 * i], im = x[2 * i + 1];
      expected[i] = std::sqrt(std::fmaf(im, im, re * re));
    }
    kernels.modulus(x.data(), actual.data(), n);
    checkSame(actual, expected, "modulus " + name);
    const Floats up(n, random);
    Floats gradient(2 * n), slope(2 * n);
    for (int64_t i = 0; i < n; i++) {
      slope[2 * i] = expected[i] > 0 ? up[i] * (x[2 * i] / expected[i]) : 0;
      slope[2 * i + 1] = expected[i] > 0 ? up[i] * (x[2 * i + 1] / expected[i]) : 0;
    }
    kernels.modulusGradient(x.data(), up.data(), gradient.data(), n);
    checkSame(gradient, slope, "gradient of modulus " + name);
  }
  {
    Floats whole(n);
    float expected = 0;
    for (int64_t i = 0; i < n; i++) expected += whole[i] = static_cast<float>(random.between(-9, 9));
    check(kernels.sum(whole.data(), n) == expected, "sum " + name);
  }
}

void runTranspose(const Kernels& kernels, int64_t rows, int64_t columns, Random& random) {
  if (rows == 0 || columns == 0) return;
  const int64_t srcStride = columns + random.between(0, 2), dstStride = rows + random.between(0, 2);
  const Floats src((rows - 1) * srcStride + columns, random);
  Floats actual((columns - 1) * dstStride + rows), expected((columns - 1) * dstStride + rows);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < columns; c++) expected[c * dstStride + r] = src[r * srcStride + c];
  kernels.transpose(src.data(), srcStride, actual.data(), dstStride, rows, columns);
  checkSame(actual, expected,
            std::string(kernels.name) + " transpose " + std::to_string(rows) + "x" + std::to_string(columns));
}

}  // namespace
}  // namespace convkit::test

int main() {
  using namespace convkit;
  test::Random random(4);
  const Kernels* scalar = findKernels("scalar");
  if (!test::check(scalar != nullptr, "the scalar kernels are always there")) return test::verdict();
  for (const Kernels* kernels : supportedKernels()) {
    for (int64_t n = 0; n <= 4 * kernels->lanes + 1; n++) {
      test::runLength(*kernels, *scalar, n, random);
      test::runNear(*kernels, *scalar, n, random);
    }
    test::runLength(*kernels, *scalar, 20011, random);
    for (int64_t rows = 0; rows <= 2 * kernels->lanes + 1; rows++)
      for (int64_t columns = 0; columns <= 2 * kernels->lanes + 1; columns++)
        test::runTranspose(*kernels, rows, columns, random);
    test::check(kernels->peak(10) > 0, std::string(kernels->name) + " peak counts its operations");
  }
  return test::verdict();
}
