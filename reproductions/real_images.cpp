#include "reproductions/real_images.h"

#include <fmt/format.h>

#include "reproductions/sample_artifacts.h"

namespace assay {

void record_real_images(Run& run, const FdSmall& fd, const at::Tensor& held_out,
                        const std::function<void(const at::Tensor& features, StageOutput& out)>& more) {
  run.stage("real", [&](StageOutput& out) {
    const at::Tensor features = fd.features(held_out);
    out.protocols.push_back(fd.protocol());
    out.scores.push_back(fd.score("real_validation", features, nlohmann::json::object()));
    more(features, out);
    for (const Problem& problem : run.dataset().problems())
      out.notes.push_back(fmt::format("data set: {}: {}", problem.item, problem.what));
  });
}

Artifact real_picture(const Run& run, const at::Tensor& bytes, const std::string& file_name) {
  return sample_picture("real training images", bytes, run.artifact_folder() / file_name,
                        {{"arm", "real"}, {"seed", run.seed()}});
}

}  // namespace assay
