#pragma once
#include "reproductions/fd_small.h"
#include "reproductions/maskdm/study.h"

namespace assay::maskdm {

/// {"gflop"}: where on its training a chain was sampled.
nlohmann::json budget_params(double gflop);
/// The params of a chain's end.
nlohmann::json final_params(const Config& config, const Chain& chain);

/// Every chain against `scratch`: at its end and, where both have curves, over them.
MethodPlan plan_of(const Config& config);

/// Trains every chain and scores what its moving average draws: at the points of its learning curve, or at its end.
/// Then, for chains with a curve, the area under it against operations and against seconds, and fd-small where all of
/// them have taken equally many seconds.
void chains(Study& s, const FdSmall& fd);

}  // namespace assay::maskdm
