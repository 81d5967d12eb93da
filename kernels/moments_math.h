#pragma once
#include <cmath>

#include "kernels/host_device.h"

namespace assay {

/// The running sum of products. float x float is exact in double, so with or without fma the bits are the same.
ASSAY_HOST_DEVICE inline double add_product(double sum, double a, double b) { return fma(a, b, sum); }

}  // namespace assay
