#include "app/metric/generative_input.h"

#include "metrics/feature_file.h"

namespace assay {

GenerativeInput::GenerativeInput(const std::filesystem::path& path, FeatureNetworks& networks) : networks_(networks) {
  if (path.empty()) return;
  if (holds_images(path))
    images_ = std::make_unique<ImageFeatures>(path, networks);
  else
    file_ = read_feature_file(path);
}

FeatureSet GenerativeInput::under(const std::string& protocol) {
  return images_ ? images_->of(find_image_protocol(protocol)) : file_;
}

nlohmann::json GenerativeInput::choices(const std::string& protocol) {
  if (!images_) return {{"given_features", file_.hash}};
  return {{"images", images_->hash()}, {"weights_hash", networks_.weights_hash(find_image_protocol(protocol).network)}};
}

}  // namespace assay
