#pragma once
#include "reproductions/class_tokens/study.h"

namespace assay::class_tokens {

/// Claim T3: tokens of the first pairs learned through other numbers of the last calls of the network, with the same
/// noise: accuracies, seconds, and how the first gradient of each points compared with that through all calls. Arms
/// "last1", ..., and "all" where the number is that of the chain or more, once.
void last_calls(Study& s);

}  // namespace assay::class_tokens
