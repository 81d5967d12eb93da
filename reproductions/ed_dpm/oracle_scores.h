#pragma once
#include "reproductions/method.h"

namespace assay::ed_dpm {

/// Measures the Gaussian-mixture world (oracle.h) and the closed-form table of the entropy scale, as stage "oracle".
/// Arms `oracle/g` and `oracle/g_eds`; the means of the world are drawn from the run's seed.
void record_oracle(Run& run);

}  // namespace assay::ed_dpm
