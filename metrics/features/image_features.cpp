#include "metrics/features/image_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/progress.h"
#include "core/safetensors.h"

namespace assay {
namespace {

constexpr std::array all_networks = {FeatureNetworkId::inception, FeatureNetworkId::vgg16, FeatureNetworkId::dinov2};

/// A key that only this network's state_dict has.
const char* telling_key(FeatureNetworkId id) {
  switch (id) {
    case FeatureNetworkId::inception:
      return "Mixed_5b.branch1x1.conv.weight";
    case FeatureNetworkId::vgg16:
      return "classifier.6.weight";
    case FeatureNetworkId::dinov2:
      return "cls_token";
  }
  throw Error("unknown feature network");
}

const char* name_of(FeatureNetworkId id) {
  switch (id) {
    case FeatureNetworkId::inception:
      return "inception";
    case FeatureNetworkId::vgg16:
      return "vgg16";
    case FeatureNetworkId::dinov2:
      return "dinov2";
  }
  throw Error("unknown feature network");
}

}  // namespace

const std::filesystem::path& FeatureNetworks::file_of(FeatureNetworkId id) {
  if (!files_.contains(id))
    for (const std::filesystem::path& file : options_.weights)
      if (SafetensorsFile(file).has(telling_key(id))) files_.emplace(id, file);
  const auto found = files_.find(id);
  if (found != files_.end()) return found->second;
  // One file that is no network's is more likely a damaged one than another network's.
  if (options_.weights.size() == 1) {
    const SafetensorsFile only(options_.weights.front());
    const bool another = std::any_of(all_networks.begin(), all_networks.end(),
                                     [&](FeatureNetworkId other) { return only.has(telling_key(other)); });
    if (!another) return files_.emplace(id, options_.weights.front()).first->second;
  }
  if (options_.weights.empty()) throw InputError(how_to_get_weights(id));
  std::string files, hint;
  for (const std::filesystem::path& file : options_.weights) {
    files += (files.empty() ? "" : ", ") + file.string();
    if (hint.empty()) hint = conversion_hint(SafetensorsFile(file));
  }
  throw InputError(fmt::format("{}: none of them is the network {}, which {}{}{}", files, name_of(id),
                               how_to_get_weights(id), hint.empty() ? "" : ". ", hint));
}

const FeatureNetwork& FeatureNetworks::network(FeatureNetworkId id) {
  auto& slot = networks_[id];
  if (!slot) slot = load_feature_network(id, file_of(id));
  return *slot;
}

std::string FeatureNetworks::weights_hash(FeatureNetworkId id) {
  std::string& hash = hashes_[id];
  if (hash.empty()) hash = hash_file(file_of(id));
  return hash;
}

ImageFeatures::ImageFeatures(const std::filesystem::path& path, FeatureNetworks& networks)
    : path_(path), networks_(networks), source_(open_images(path)) {}

std::vector<std::int64_t> ImageFeatures::leave_out_damaged() {
  std::vector<std::int64_t> images;
  if (!networks_.options().skip_damaged) return images;
  const std::vector<DamagedImage> damaged = source_->damaged();
  images.reserve(damaged.size());
  for (const DamagedImage& image : damaged) images.push_back(image.index);
  if (!images.empty()) leave_out(images, damaged_note(path_.string(), damaged, source_->count()));
  return images;
}

void ImageFeatures::leave_out(std::span<const std::int64_t> images, const std::string& note) {
  if (!passes_.empty()) throw Error("images are left out before the first pass over them");
  source_ = without(std::move(source_), images, note);
  hash_.clear();
}

const std::string& ImageFeatures::hash() {
  if (hash_.empty()) hash_ = source_->hash();
  return hash_;
}

ImagePass ImageFeatures::run(const ImageProtocol& protocol) {
  const FeatureNetwork& network = networks_.network(protocol.network);
  Progress progress(fmt::format("{} of {}", name_of(protocol.network),
                                (path_ / "").lexically_normal().parent_path().filename().string()),
                    source_->count(), "images");
  return run_pass(*source_, protocol, network, networks_.options().batch,
                  [&](std::int64_t done) { progress.update(done); });
}

ImagePass ImageFeatures::pass(const ImageProtocol& protocol) {
  for (const auto& [done, pass] : passes_)
    if (done.same_pass(protocol)) return pass;
  const std::filesystem::path& cache = networks_.options().cache;
  std::filesystem::path file;
  if (!cache.empty()) {
    ensure_folder(cache);
    Hasher key;
    key.text("image pass 1")
        .text(hash())
        .text(networks_.weights_hash(protocol.network))
        .text(assay::name_of(protocol.resize));
    for (const float value : protocol.normalisation.offset) key.number(static_cast<double>(value));
    for (const float value : protocol.normalisation.scale) key.number(static_cast<double>(value));
    file = cache / (key.hex() + ".safetensors");
  }
  ImagePass made;
  if (!file.empty() && std::filesystem::exists(file)) {
    made = read_pass(file);
    if (made.count != source_->count())
      throw InputError(
          fmt::format("{}: holds {} images instead of {}; remove it", file.string(), made.count, source_->count()));
  } else {
    made = run(protocol);
    if (!file.empty()) write_pass(file, made);
  }
  passes_.emplace_back(protocol, made);
  return made;
}

FeatureSet ImageFeatures::of(const ImageProtocol& protocol) {
  FeatureSet set = feature_set(path_.string(), pass(protocol), protocol);
  set.labels = source_->labels();
  set.class_names = source_->class_names();
  set.label_fault = source_->label_fault();
  set.hash = hash_of_samples(set);
  return set;
}

}  // namespace assay
