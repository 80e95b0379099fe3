// Threaded drivers for the operations that treat elements or rows one by one.
#pragma once

#include <cstdint>

#include "isa/kernels.h"
#include "threads/parallel.h"

namespace convkit {

void runActivate(const Kernels&, Activation, ActivationParameters, const float* x, float* y, int64_t n,
                 const CancelFlag*);
void runActivateGradient(const Kernels&, Activation, ActivationParameters, const float* values,
                         const float* upstream, float* gradient, int64_t n, const CancelFlag*);
void runScale(const Kernels&, float factor, const float* x, float* y, int64_t n, const CancelFlag*);
void runClamp(const Kernels&, float low, float high, const float* x, float* y, int64_t n, const CancelFlag*);
void runBinary(const Kernels&, Arithmetic, const float* a, const float* b, float* y, int64_t n,
               const CancelFlag*);
void runModulus(const Kernels&, const float* x, float* y, int64_t n, const CancelFlag*);
void runModulusGradient(const Kernels&, const float* x, const float* upstream, float* gradient, int64_t n,
                        const CancelFlag*);
// y[r] = inputs[0][r], inputs[1][r], ... where row r of input k is widths[k] floats
void runConcat(const float* const* inputs, const int64_t* widths, int64_t count, float* y, int64_t rows,
               const CancelFlag*);
// [batch, rows, columns] -> [batch, columns, rows]
void runTranspose(const Kernels&, const float* x, float* y, int64_t batch, int64_t rows, int64_t columns,
                  const CancelFlag*);

}  // namespace convkit
