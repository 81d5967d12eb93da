#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "app/metric/label_file.h"
#include "app/metric/metric_report.h"
#include "app/torch/statistics_file.h"
#include "app/torch_actions.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/safetensors.h"
#include "metrics/feature_sets/feature_file.h"
#include "metrics/features/image_features.h"
#include "metrics/generative/generative_protocols.h"

namespace assay {
namespace {

FeatureMoments gather(const FeatureSet& set, std::int64_t first_index) {
  FeatureMoments moments(set.width);
  Progress progress("statistics", set.count, "samples");
  constexpr std::int64_t step = FeatureMoments::block;
  for (std::int64_t first = 0; first < set.count; first += step) {
    stop_if_interrupted();
    const std::int64_t count = std::min(step, set.count - first);
    moments.add(first_index + first, set.features.subspan(static_cast<std::size_t>(first * set.width),
                                                          static_cast<std::size_t>(count * set.width)));
    progress.update(first + count);
  }
  return moments;
}

int statistics_of_file(const FeaturesCommand& options) {
  if (options.protocol_given || !options.labels.empty())
    throw InputError(fmt::format("{}: {} is for images, and these are features", options.input.string(),
                                 options.protocol_given ? "--protocol" : "--labels"));
  std::optional<Progress> progress;
  std::vector<std::string> notes;
  const FeatureMoments moments =
      read_feature_moments(options.input, options.first_index, notes, [&](std::int64_t done, std::int64_t count) {
        if (!progress) progress.emplace("statistics", count, "samples");
        progress->update(done);
      });
  progress.reset();
  write_statistics(moments, options.out, options.json, notes, options.started);
  return 0;
}

/// A list of names, which need not be UTF-8, as JSON, which is.
std::string json_text(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

int features_action(const FeaturesCommand& options) {
  if (!holds_images(options.input)) return statistics_of_file(options);
  const ImageProtocol& protocol = find_image_protocol(options.protocol);
  FeatureNetworks networks(options.images);
  ImageFeatures images(options.input, networks);
  std::vector<std::string> notes;
  std::vector<std::int64_t> given_labels;
  if (!options.labels.empty()) {
    if (!images.source().class_names().empty())
      notes.push_back(fmt::format("{}: the labels of {} take the place of the names of its class folders",
                                  options.input.string(), options.labels.string()));
    given_labels = read_label_file(options.labels);
    if (static_cast<std::int64_t>(given_labels.size()) != images.source().count())
      throw InputError(fmt::format("{} has {} labels and {} has {} images; expected one for each",
                                   options.labels.string(), given_labels.size(), options.input.string(),
                                   images.source().count()));
  }
  const std::vector<std::int64_t> left_out = images.leave_out_damaged();
  for (auto i = left_out.rbegin(); i != left_out.rend() && !given_labels.empty(); ++i)
    given_labels.erase(given_labels.begin() + *i);
  const std::vector<std::int64_t>& labels = given_labels.empty() ? images.source().labels() : given_labels;
  const std::vector<std::string> class_names =
      given_labels.empty() ? images.source().class_names() : std::vector<std::string>();
  const FeatureSet set = images.of(protocol);
  notes.insert(notes.begin(), images.source().notes().begin(), images.source().notes().end());
  if (options.statistics) {
    write_statistics(gather(set, options.first_index), options.out, options.json, notes, options.started);
    return 0;
  }
  if (!labels.empty() && class_names.empty())
    notes.push_back(fmt::format("{}: labels are numbers, without class names", options.out.string()));
  const double rate = images.pass(protocol).images_per_second;

  SafetensorsWriter writer;
  writer.add("features", {set.count, set.width}, set.features);
  if (!set.logits.empty()) writer.add("logits", {set.count, set.classes}, set.logits);
  if (!labels.empty()) writer.add("labels", {set.count}, std::span<const std::int64_t>(labels));
  if (!class_names.empty()) writer.add_metadata("class_names", json_text(class_names));
  if (const std::vector<std::string> names = images.source().names(); !names.empty())
    writer.add_metadata("names", json_text(names));
  writer.add_metadata("protocol", options.protocol);
  writer.add_metadata("weights", networks.weights_hash(protocol.network));
  writer.add_metadata("images", images.hash());
  writer.write(options.out);

  print_notes(notes);
  if (options.json) {
    nlohmann::json facts = {{"file", options.out.string()},
                            {"protocol", options.protocol},
                            {"n", set.count},
                            {"width", set.width},
                            {"classes", set.classes},
                            {"labelled", !labels.empty()},
                            {"class_names", class_names},
                            {"hash", set.hash},
                            {"images_hash", images.hash()},
                            {"weights_hash", networks.weights_hash(protocol.network)},
                            {"images_per_second", rate > 0 ? nlohmann::json(rate) : nlohmann::json()}};
    if (options.images.skip_damaged) facts["skipped"] = images.source().skipped();
    print_without_results({{"features", std::move(facts)}}, notes, options.started);
  } else {
    const std::string speed = rate > 0 ? fmt::format("{:.2f} images/s", rate) : std::string("from the cache");
    fmt::print("{}: {} images x {} features under {}, {}\n", options.out.string(), set.count, set.width,
               options.protocol, speed);
  }
  return 0;
}

}  // namespace assay
