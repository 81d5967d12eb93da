#pragma once
#include "reproductions/method.h"

namespace assay::self_guided {

/// The exact world of a Gaussian mixture: a Gaussian mixture whose noise prediction is known in closed form takes
/// the place of the network, so that k-means, the DDIM sampler and guidance are checked against truth without
/// training. Records oracle scores as stage "oracle".
void check_on_oracle(Run& run);

}  // namespace assay::self_guided
