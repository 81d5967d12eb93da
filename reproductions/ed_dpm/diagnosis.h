#pragma once
#include "reproductions/ed_dpm/study.h"

namespace assay::ed_dpm {

/// Examines the classifiers on noised held-out images with their true labels, the same images and noise for each:
///   at every step of the sampler: H / ln C, the norm of the guidance gradient g and of k g (EDS)
///   over each quarter of the steps (q0 the least noisy): H / ln C, accuracy, expected calibration error
/// and, from the former, the rank correlation of step and entropy, and the gradient left at the end of sampling over
/// its peak. Stage "diagnosis".
void diagnose(Study& s, const EncoderUNet& classifier, const EncoderUNet& with_constraint);

}  // namespace assay::ed_dpm
