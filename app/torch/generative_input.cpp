#include "app/torch/generative_input.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace assay {
GenerativeInput::GenerativeInput(const std::filesystem::path& path, FeatureNetworks& networks, KeepOfFeatures keep)
    : path_(path), networks_(networks) {
  if (path.empty()) return;
  if (holds_images(path)) images_ = std::make_unique<ImageFeatures>(path, networks);
  if (!images_ || holds_public_statistics(path)) file_ = read_feature_file(path, keep);
  notes_ = file_.notes;
}

bool GenerativeInput::from_file(const std::string& protocol) const {
  return !images_ ||
         (file_.statistics && !samples_required_ && find_generative_protocol(protocol).takes_public_statistics());
}

void GenerativeInput::require_samples() {
  if (!images_ && file_.statistics_only())
    throw InputError(
        fmt::format("{}: holds statistics, which have no samples to pair; expected features [N, D], a folder of images "
                    "or an .npz or .npy batch of them",
                    file_.name));
  samples_required_ = true;
}

void GenerativeInput::leave_out(std::span<const std::int64_t> samples, const std::string& note) {
  if (images_) {
    images_->leave_out(samples, note);
    return;
  }
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < file_.count; ++i)
    if (!std::binary_search(samples.begin(), samples.end(), i)) kept.push_back(i);
  file_ = select(file_, kept);
  file_.hash = hash_of_samples(file_);
  skipped_ += static_cast<std::int64_t>(samples.size());
  notes_.push_back(note);
}

void GenerativeInput::check_reference(const GenerativeProtocol& protocol) {
  const std::string& id = protocol.id();
  from_file(id) ? assay::check_reference(protocol, file_) : networks_.require(find_image_protocol(id).network);
}

void GenerativeInput::check_generated(const GenerativeProtocol& protocol) {
  const std::string& id = protocol.id();
  from_file(id) ? assay::check_generated(protocol, file_) : networks_.require(find_image_protocol(id).network);
}

FeatureSet GenerativeInput::classes() const {
  FeatureSet set;
  set.name = images_ ? path_.string() : file_.name;
  set.labels = images_ ? images_->source().labels() : file_.labels;
  set.label_fault = images_ ? images_->source().label_fault() : file_.label_fault;
  set.class_names = images_ ? images_->source().class_names() : file_.class_names;
  set.notes = notes();
  return set;
}

std::vector<std::string> GenerativeInput::notes() const {
  std::vector<std::string> all = images_ ? images_->source().notes() : std::vector<std::string>();
  all.insert(all.end(), notes_.begin(), notes_.end());
  return all;
}

FeatureSet GenerativeInput::under(const std::string& protocol) {
  return from_file(protocol) ? file_ : images_->of(find_image_protocol(protocol));
}

nlohmann::json GenerativeInput::choices(const std::string& protocol) {
  if (from_file(protocol)) return {{"given_features", file_.hash}};
  return {{"images", images_->hash()}, {"weights_hash", networks_.weights_hash(find_image_protocol(protocol).network)}};
}

nlohmann::json skipped_counts(std::int64_t reference, std::int64_t generated) {
  return {{"skipped", reference + generated}, {"skipped_reference", reference}, {"skipped_generated", generated}};
}

}  // namespace assay
