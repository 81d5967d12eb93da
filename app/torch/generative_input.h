#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "metrics/feature_sets/feature_file.h"
#include "metrics/features/image_features.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {

/// One side of a generative score: a feature or statistics file, which stands in for the features of any protocol, or
/// images, whose features each protocol takes in its own way. An .npz with both (OpenAI's reference batches) gives its
/// statistics to Fréchet distances and its images to the rest.
class GenerativeInput {
 public:
  /// An empty path is an empty set. Throws InputError as read_feature_file and open_images.
  GenerativeInput(const std::filesystem::path& path, FeatureNetworks& networks,
                  KeepOfFeatures keep = KeepOfFeatures::samples);

  /// Throws what under() or the score itself would throw for want of a network, its weights, or what a file does not
  /// hold, before any image is read.
  void check_reference(const GenerativeProtocol& protocol);
  void check_generated(const GenerativeProtocol& protocol);
  /// Throws InputError when images meet a protocol that has no public network, or one whose weights were not given.
  FeatureSet under(const std::string& protocol);
  bool images() const { return images_ != nullptr; }
  /// What is known of labels before any network runs: name, labels, why there are none, class names, notes.
  FeatureSet classes() const;
  /// What was understood, passed over or left out, one line each.
  std::vector<std::string> notes() const;
  /// As ImageFeatures does; files of features have no damaged images.
  void leave_out_damaged() {
    if (images_) images_->leave_out_damaged();
  }
  std::vector<DamagedImage> damaged() const {
    return images_ ? images_->source().damaged() : std::vector<DamagedImage>();
  }
  /// Leaves out the samples at these indices, ascending, of images or of features that have samples.
  void leave_out(std::span<const std::int64_t> samples, const std::string& note);
  /// Samples that were left out.
  std::int64_t skipped() const { return images_ ? images_->source().skipped() : skipped_; }
  /// Of each sample, without extension; empty where samples have no names.
  std::vector<std::string> row_names() const { return images_ ? images_->source().names() : file_.names; }
  /// Samples, 0 where a statistics file does not say.
  std::int64_t count() const { return images_ ? images_->source().count() : file_.count; }
  /// From here on under() gives samples wherever there are some: images in place of statistics beside them. Throws
  /// InputError where the path holds statistics alone.
  void require_samples();
  /// True where a file's numbers are what the protocol gets.
  bool from_file(const std::string& protocol) const;
  /// Only where images().
  ImageFeatures& image_features() { return *images_; }
  /// What the protocol's row in the store says of this side.
  nlohmann::json choices(const std::string& protocol);

 private:
  std::filesystem::path path_;
  FeatureNetworks& networks_;
  bool samples_required_ = false;
  std::int64_t skipped_ = 0;        // of features
  std::vector<std::string> notes_;  // of the file
  FeatureSet file_;
  std::unique_ptr<ImageFeatures> images_;
};

/// What a row says under --skip-damaged: samples left out of either set, and their sum `skipped`.
nlohmann::json skipped_counts(std::int64_t reference, std::int64_t generated);

}  // namespace assay
