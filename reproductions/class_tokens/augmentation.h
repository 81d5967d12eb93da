#pragma once
#include "reproductions/class_tokens/study.h"

namespace assay::class_tokens {

/// Claim T6: fresh classifiers of the pairs' classes, trained on n real images of each, alone and with what the plain
/// prompt or the token drew in evaluate(), on the held-out images. Arms "real", "real+plain", "real+token"; the score
/// "balanced_accuracy" is the mean over classes.
void augmentation(Study& s);

}  // namespace assay::class_tokens
