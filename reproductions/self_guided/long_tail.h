#pragma once
#include "reproductions/fd_small.h"
#include "reproductions/self_guided/study.h"

namespace assay::self_guided {

/// Claim S-6: do self-labels gain on human labels where the training data has a long tail? For each rho of
/// config.imbalances, training images of group c = 0 .. C-1 are thinned to n rho^(-c / (C - 1)), n the size of the
/// smallest group, so that every rho starts from the same balanced set; clusters are fitted on what is left, one
/// network learns human labels and clusters, and both are sampled at the headline weight with conditions drawn
///   marginal  from the thinned images
///   uniform   uniformly over the classes, or clusters, that occur
/// fd-small is taken to the balanced set. Records fd-small of every arm (params: imbalance, conditions) and the slope
/// of fd-small(label) - fd-small(self_label) over ln rho as `gain_over_log_imbalance`. Stages "train:tailRHO",
/// "sample:tailRHO" and "tail".
void long_tail(Study& s, const FdSmall& fd);

}  // namespace assay::self_guided
