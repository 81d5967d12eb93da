#pragma once
#include "reproductions/class_tokens/config.h"

namespace assay::class_tokens {

/// Throws InputError for what the configuration asks of the training images and their captions and they have not: a
/// pair of a word and a class, prompts that fit the vocabulary which is learned from the captions, so many images of a
/// class. Trains nothing: it is asked before anything is trained.
void require_learnable(const Config& config, const LabelledImages& train);

}  // namespace assay::class_tokens
