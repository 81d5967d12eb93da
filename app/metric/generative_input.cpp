#include "app/metric/generative_input.h"

#include <fmt/format.h>

#include "core/array_file.h"
#include "core/error.h"

namespace assay {
namespace {

bool holds_statistics(const std::filesystem::path& path) {
  return !std::filesystem::is_directory(path) && find_layout(ArrayFile(path)).statistics();
}

}  // namespace

GenerativeInput::GenerativeInput(const std::filesystem::path& path, FeatureNetworks& networks, KeepOfFeatures keep)
    : networks_(networks) {
  if (path.empty()) return;
  if (holds_images(path)) images_ = std::make_unique<ImageFeatures>(path, networks);
  if (!images_ || holds_statistics(path)) file_ = read_feature_file(path, keep);
}

bool GenerativeInput::from_file(const std::string& protocol) const {
  // OpenAI's reference batches carry the statistics of a larger set beside images.
  const bool distance = protocol.starts_with("fid") || protocol.starts_with("sfid");
  return !images_ || (distance && file_.statistics && !samples_required_);
}

void GenerativeInput::require_samples() {
  if (!images_ && file_.statistics_only())
    throw InputError(
        fmt::format("{}: holds statistics, which have no samples to pair; expected features [N, D], a folder of images "
                    "or an .npz or .npy batch of them",
                    file_.name));
  samples_required_ = true;
}

void GenerativeInput::check_reference(const GenerativeProtocol& protocol) {
  const std::string id(protocol.id);
  from_file(id) ? assay::check_reference(protocol, file_) : networks_.require(find_image_protocol(id).network);
}

void GenerativeInput::check_generated(const GenerativeProtocol& protocol) {
  const std::string id(protocol.id);
  from_file(id) ? assay::check_generated(protocol, file_) : networks_.require(find_image_protocol(id).network);
}

FeatureSet GenerativeInput::under(const std::string& protocol) {
  return from_file(protocol) ? file_ : images_->of(find_image_protocol(protocol));
}

nlohmann::json GenerativeInput::choices(const std::string& protocol) {
  if (from_file(protocol)) return {{"given_features", file_.hash}};
  return {{"images", images_->hash()}, {"weights_hash", networks_.weights_hash(find_image_protocol(protocol).network)}};
}

}  // namespace assay
