#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reproductions/ed_dpm/config.h"
#include "reproductions/method.h"
#include "reproductions/samples/image_tensors.h"
#include "reproductions/samples/sample_passes.h"

namespace assay::ed_dpm {

/// What all stages of a run share.
struct Study {
  Run& run;
  Config config;
  LabelledImages train, validation;
  std::int64_t classes;

  Study(Run& r, Config c);
  /// The same study, whose stages belong to a part of its run (Run::side_by_side).
  Study(const Study& whole, Run& part);

  const std::vector<std::int64_t>& labels(const LabelledImages& images) const {
    return labels_of(images, config.label);
  }
};

/// The two diffusion networks of the paper: with and without class embedding.
enum class Diffusion { unconditional, conditional };
/// "uncond" or "cond".
std::string name_of(Diffusion diffusion);

/// Trains a diffusion network, or finds it in the cache, and loads its moving average. Stage "train:NAME".
std::unique_ptr<UNet> diffusion_network(Study& s, Diffusion diffusion);

/// Trains a noisy classifier, or finds it in the cache. `constraint` is ECT's lambda, 0 for none. Stage
/// "train:classifier" or "train:classifier_ect".
std::unique_ptr<EncoderUNet> noisy_classifier(Study& s, double constraint);

/// The respaced process that samples, and at whose steps classifiers are examined.
GaussianProcess sampling_process(const Config& config);

/// How a network of the study sees samples, and images under examination.
PassShape passes_of(const Study& s);

}  // namespace assay::ed_dpm
