// Which instruction sets this process may use, and the table of each.
#pragma once

#include <string>
#include <vector>

#include "isa/kernels.h"

namespace convkit {

// Compiled in, supported by the processor and saved by the operating system; slowest first.
const std::vector<const Kernels*>& supportedKernels();
const Kernels* findKernels(const std::string& name);  // null where not supported
const Kernels& bestKernels();

std::vector<std::string> cpuFeatures();
std::string cpuBrand();

}  // namespace convkit
