#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "reproductions/fd_small.h"
#include "reproductions/maskdm/study.h"

namespace assay::maskdm {

/// Rows of images by what they are for: groups from the largest on (of equals the first) are the source until they
/// hold at least half of the images; all others are the target. Throws InputError where one group holds everything.
struct Domains {
  std::vector<std::int64_t> source, target;
};
Domains split_domains(const std::vector<std::int64_t>& groups);

/// At least two of `rows`, that share of them, chosen by the seed: a smaller share takes some of a larger one's.
std::vector<std::int64_t> few_of(const std::vector<std::int64_t>& rows, double share, std::uint64_t seed);

/// "transfer0.1", "scratch0.1".
std::string transfer_arm(double share);
std::string few_scratch_arm(double share);

/// Masked pre-training on the source, fine-tuning on a share of the target, against a network that only sees that share
/// but takes the operations of both phases. Scored against all training images of the target; `relative_gain` is
/// (scratch - transfer) / scratch.
void transfer(Study& s, const FdSmall& fd);

}  // namespace assay::maskdm
