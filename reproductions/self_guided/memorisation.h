#pragma once
#include <string>

#include "reproductions/fd_small.h"
#include "reproductions/self_guided/study.h"

namespace assay::self_guided {

/// How near the samples of an arm lie to training images, against how near held-out images lie to them: distances to
/// the nearest training image in the features of `fd`, Euclidean. Stage "memorisation:ARM:wW". Not in the paper.
///
/// Records `nearest_training`, the median distance, of the arm and of `real_validation`, and `copied_share`, the share
/// of samples that are nearer to a training image than all but 1 % of the held-out images are: about 0.01 where
/// nothing is copied. The picture shows samples beside their nearest training images, the nearest pairs first, and its
/// meta holds their distances.
///
/// Does nothing where the data set holds no images out. The samples must have been stored by sample_arms().
void record_memorisation(Study& s, const std::string& arm, double w, const FdSmall& fd);

}  // namespace assay::self_guided
