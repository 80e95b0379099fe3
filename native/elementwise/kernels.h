// All kernels of this folder, for native/isa/table.h.
#pragma once

#include "elementwise/measure.h"
#include "elementwise/pointwise.h"
#include "elementwise/transpose.h"
