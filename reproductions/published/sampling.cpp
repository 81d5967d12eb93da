#include "reproductions/published/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "core/elapsed.h"
#include "core/hash.h"
#include "images/image_batch.h"
#include "metrics/feature_sets/feature_file.h"
#include "metrics/generative/generative_protocols.h"
#include "metrics/metric_facts.h"
#include "reproductions/sample_artifacts.h"
#include "reproductions/samples/sample_files.h"

namespace assay {
namespace {

/// "UADM(25)-G+EDS" -> "UADM-25-G-EDS": for the names of files.
std::string as_file_name(const std::string& row) {
  std::string name;
  for (const char c : row) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.';
    if (plain)
      name += c;
    else if (!name.empty() && name.back() != '-')
      name += '-';
  }
  while (name.ends_with('-')) name.pop_back();
  return name;
}

}  // namespace

PublishedTask task_of(const PlannedRow& planned, const PublishedConfig& config, const std::string& arm,
                      const std::string& reference) {
  PublishedTask task;
  task.name = planned.name;
  task.arm = planned.departures.empty() ? arm : arm + " (altered)";
  task.reference = config.references.at(reference).path;
  task.images = config.images;
  task.shard = config.shard;
  task.departures = planned.departures;
  task.flops = planned.flops;
  return task;
}

PublishedScores::PublishedScores(Run& run, const PublishedConfig& published)
    : run_(run),
      networks_({.weights = {published.inception.path}, .cache = {}, .batch = published.batch}),
      protocols_(published.protocols),
      bootstrap_(published.bootstrap) {
  for (const std::string& id : protocols_) {
    const ImageProtocol& wanted = find_image_protocol(id);
    if (std::none_of(passes_.begin(), passes_.end(), [&](const ImageProtocol& pass) { return pass.same_pass(wanted); }))
      passes_.push_back(wanted);
  }
}

const std::string& PublishedScores::hash_of_reference(const std::filesystem::path& reference) {
  std::string& hash = reference_hashes_[reference];
  if (hash.empty()) hash = hash_file(reference);
  return hash;
}

ImagePass PublishedScores::run_pass(const ImageSource& images, const ImageProtocol& protocol,
                                    const std::function<void(std::int64_t)>& progress) {
  return assay::run_pass(images, protocol, networks_.network(protocol.network), networks_.options().batch, progress);
}

std::filesystem::path PublishedScores::reference_features(const ImageProtocol& protocol,
                                                          const std::filesystem::path& reference) {
  const nlohmann::json identity = {{"what", "Inception features of a reference"},
                                   {"reference", hash_of_reference(reference)},
                                   {"inception", networks_.weights_hash(FeatureNetworkId::inception)},
                                   {"pass", pass_name(protocol)}};
  return run_.product("reference-features", identity, [&](const std::filesystem::path& out) {
    const auto images = open_image_batch(reference);
    write_pass(out,
               run_pass(*images, protocol,
                        run_.progress("Inception of " + reference.filename().string(), images->count(), "images")));
  });
}

FeatureSet PublishedScores::reference_under(const GenerativeProtocol& protocol,
                                            const std::filesystem::path& reference) {
  if (!is_image_batch(reference) || (protocol.takes_public_statistics() && holds_public_statistics(reference)))
    return read_feature_file(reference);
  const ImageProtocol& pixels = find_image_protocol(protocol.id());
  return feature_set(reference.string(), read_pass(reference_features(pixels, reference)), pixels);
}

std::filesystem::path PublishedScores::shard_file(const std::string& kind, const PublishedTask& row,
                                                  std::int64_t first) const {
  return run_.artifact_folder() / fmt::format("{}-{}-{:06}.safetensors", kind, as_file_name(row.name), first);
}

std::filesystem::path PublishedScores::features_file(const ImageProtocol& protocol, const PublishedTask& row,
                                                     std::int64_t first) const {
  return shard_file(fmt::format("features-{}", pass_name(protocol)), row, first);
}

FeatureSet PublishedScores::generated_under(const GenerativeProtocol& protocol, const PublishedTask& row) const {
  const ImageProtocol& pixels = find_image_protocol(protocol.id());
  std::vector<std::filesystem::path> shards;
  for (std::int64_t first = 0; first < row.images; first += row.shard)
    shards.push_back(features_file(pixels, row, first));
  return read_feature_set(row.name, shards, pixels);
}

nlohmann::json PublishedScores::draw_shard(const PublishedTask& row, std::int64_t first, std::int64_t count) {
  return run_.stage(fmt::format("sample:{}:{:06}", row.name, first), [&](StageOutput& out) {
    const auto start = std::chrono::steady_clock::now();
    const auto progress = run_.progress("sample " + row.name, row.images, "images");
    const DrawnImages drawn = row.draw(first, count, [&](std::int64_t done) { progress(first + done); });
    out.timings.push_back({"sample", row.name, row.timing, seconds_since(start), count, "images",
                           row.flops * static_cast<double>(count)});

    const std::string range = fmt::format("{}, {} to {}", row.name, first, first + count - 1);
    const auto samples = shard_file("samples", row, first);
    write_samples(samples, drawn.bytes, {}, drawn.labels);
    out.artifacts.push_back({"samples " + range, "samples", samples, {{"arm", row.arm}, {"first", first}}});

    const at::Tensor planes = drawn.bytes.contiguous();
    const auto images =
        images_in_memory({planes.const_data_ptr<std::uint8_t>(), static_cast<std::size_t>(planes.numel())},
                         static_cast<int>(planes.size(2)), static_cast<int>(planes.size(3)));
    for (const ImageProtocol& pass : passes_) {
      const auto features = features_file(pass, row, first);
      write_pass(features, run_pass(*images, pass, {}), drawn.labels);
      out.artifacts.push_back({fmt::format("features {}, {}", pass_name(pass), range),
                               "features",
                               features,
                               {{"arm", row.arm}, {"first", first}}});
    }
    if (first == 0)
      out.artifacts.push_back(sample_picture(row.name, drawn.bytes,
                                             std::filesystem::path(samples).replace_extension(".png"),
                                             {{"arm", row.arm}, {"seed", run_.seed()}}));
    out.result = {{"facts", drawn.facts}};
  });
}

void PublishedScores::score(const PublishedTask& row, StageOutput& out) {
  GenerativeOptions options;
  options.bootstrap = bootstrap_;
  for (const std::string& id : protocols_) {
    const GenerativeProtocol& protocol = find_generative_protocol(id);
    FeatureSet reference;
    if (protocol.needs_reference()) reference = reference_under(protocol, row.reference);
    nlohmann::json choices = {{"weights_hash", networks_.weights_hash(FeatureNetworkId::inception)}};
    if (protocol.needs_reference()) choices["reference"] = hash_of_reference(row.reference);
    if (reference.count > 0) choices["n_reference"] = reference.count;
    if (!reference.converted_from.empty()) choices["converted_from"] = reference.converted_from;
    for (const std::string& note : reference.notes)
      if (std::find(out.notes.begin(), out.notes.end(), note) == out.notes.end()) out.notes.push_back(note);
    if (protocol.choices != nullptr) choices.update(protocol.choices(options));
    for (const MetricRow& found : protocol.score(reference, generated_under(protocol, row), options)) {
      Score score;
      score.arm = row.arm;
      score.name = found.metric;
      score.value = found.value;
      score.direction = direction_of(found.metric);
      score.n = row.images;
      score.interval = found.interval;
      score.protocol = id;
      score.params = row.params;
      out.scores.push_back(std::move(score));
      if (!found.note.empty()) out.notes.push_back(fmt::format("{}, {}: {}", row.name, found.metric, found.note));
    }
    out.protocols.push_back({id, std::move(choices)});
  }
}

void PublishedScores::sample_and_score(const PublishedTask& row) {
  std::vector<nlohmann::json> facts;
  for (std::int64_t first = 0; first < row.images; first += row.shard)
    facts.push_back(draw_shard(row, first, std::min(row.shard, row.images - first)).at("facts"));
  run_.stage("score:" + row.name, [&](StageOutput& out) {
    score(row, out);
    for (const std::string& place : row.departures)
      out.notes.push_back(fmt::format("{}: {} is not the published setting", row.name, place));
    if (row.sum_up) row.sum_up(facts, out);
  });
}

}  // namespace assay
