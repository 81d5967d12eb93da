#pragma once
#include <vector>

#include "reproductions/class_tokens/learning.h"
#include "reproductions/class_tokens/study.h"
#include "reproductions/fd_small.h"

namespace assay::class_tokens {

/// Claims T1, T2, T4, T5 and T7: what the prompts draw with the initial word, a random row and the learned row in the
/// place of the token, in stages "sample:ARM"; accuracies, fd-small to the real images of the targets, pictures; the
/// same under templates that nothing was learned with; what a token cost and how far its gain is the guide's alone.
void evaluate(Study& s, const FdSmall& fd, const std::vector<PairToken>& tokens);

/// The images of the stage "sample:ARM" of evaluate().
at::Tensor evaluated_images(const Study& s, const std::string& arm);

inline constexpr const char *plain_arm = "plain", *random_arm = "random", *token_arm = "token";

}  // namespace assay::class_tokens
