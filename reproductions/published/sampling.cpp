#include "reproductions/published/sampling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "core/array_file.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/safetensors.h"
#include "images/image_array.h"
#include "images/set_layout.h"
#include "metrics/feature_sets/feature_file.h"
#include "metrics/generative/generative_protocols.h"
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

void append(std::vector<float>& all, std::span<const float> part) { all.insert(all.end(), part.begin(), part.end()); }

void write_features(const std::filesystem::path& file, const NetworkFeatures& outputs, std::int64_t count,
                    const std::vector<std::int64_t>& labels) {
  SafetensorsWriter writer;
  const auto add = [&](const char* name, const std::vector<float>& values) {
    writer.add(name, {count, static_cast<std::int64_t>(values.size()) / count}, std::span<const float>(values));
  };
  add("features", outputs.features);
  add("spatial", outputs.spatial);
  add("logits", outputs.logits);
  if (!labels.empty()) writer.add("labels", {count}, std::span<const std::int64_t>(labels));
  writer.write(file);
}

/// Which tensor of a feature file a protocol takes as features.
const char* tensor_of(const ImageProtocol& protocol) {
  return protocol.output == FeatureOutput::spatial ? "spatial" : "features";
}

bool is_distance(const std::string& protocol) { return protocol.starts_with("fid") || protocol.starts_with("sfid"); }

Better direction_of(const std::string& metric) {
  if (metric.ends_with("_std")) return Better::unstated;
  return is_distance(metric) || metric.starts_with("kid") ? Better::lower : Better::higher;
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
      inception_(published.inception.path),
      protocols_(published.protocols),
      bootstrap_(published.bootstrap),
      batch_(published.batch) {
  for (const std::string& id : protocols_) {
    const ImageProtocol& wanted = find_image_protocol(id);
    for (const ImageProtocol& first : image_protocols()) {
      if (!first.same_pass(wanted)) continue;
      const std::string name(first.id);
      if (std::none_of(passes_.begin(), passes_.end(), [&](const Pass& pass) { return pass.name == name; }))
        passes_.push_back({name, first});
      break;
    }
  }
  inception_hash_ = hash_file(inception_);
}

const PublishedScores::Pass& PublishedScores::pass_of(const std::string& protocol) const {
  return *std::find_if(passes_.begin(), passes_.end(),
                       [&](const Pass& pass) { return pass.protocol.same_pass(find_image_protocol(protocol)); });
}

const FeatureNetwork& PublishedScores::network() {
  if (!network_) network_ = load_feature_network(FeatureNetworkId::inception, inception_);
  return *network_;
}

const std::string& PublishedScores::hash_of_reference(const std::filesystem::path& reference) {
  std::string& hash = reference_hashes_[reference];
  if (hash.empty()) hash = hash_file(reference);
  return hash;
}

NetworkFeatures PublishedScores::outputs(const Pass& pass, std::int64_t count, int height, int width,
                                         const ReadImage& read, const std::function<void(std::int64_t)>& progress) {
  const auto side = static_cast<std::size_t>(input_side(pass.protocol.network)), values = 3 * side * side;
  std::vector<std::uint8_t> pixels(3 * static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  std::vector<float> prepared;
  NetworkFeatures all;
  for (std::int64_t first = 0; first < count; first += batch_) {
    stop_if_interrupted();
    const std::int64_t size = std::min(batch_, count - first);
    prepared.resize(values * static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) {
      read(first + i, pixels);
      prepare_image({pixels.data(), width, height}, pass.protocol,
                    std::span(prepared).subspan(values * static_cast<std::size_t>(i), values));
    }
    const NetworkFeatures part = network().run(prepared);
    append(all.features, part.features);
    append(all.spatial, part.spatial);
    append(all.logits, part.logits);
    if (progress) progress(first + size);
  }
  return all;
}

std::filesystem::path PublishedScores::reference_features(const Pass& pass, const std::filesystem::path& reference) {
  const nlohmann::json identity = {{"what", "Inception features of a reference"},
                                   {"reference", hash_of_reference(reference)},
                                   {"inception", inception_hash_},
                                   {"pass", pass.name}};
  return run_.product("reference-features", identity, [&](const std::filesystem::path& out) {
    const ArrayFile file(reference);
    ImageArray images(file, find_layout(file).images);
    const std::int64_t count = images.count();
    const NetworkFeatures found = outputs(
        pass, count, images.height(), images.width(),
        [&](std::int64_t, std::span<std::uint8_t> pixels) { images.read(pixels); },
        run_.progress("Inception of " + reference.filename().string(), count, "images"));
    write_features(out, found, count, {});
  });
}

FeatureSet PublishedScores::reference_under(const std::string& protocol, const std::filesystem::path& reference) {
  // Public reference batches carry the statistics of the whole set beside some of its images.
  const SetLayout layout = find_layout(ArrayFile(reference));
  if (layout.images.empty() || (is_distance(protocol) && layout.statistics())) return read_feature_file(reference);
  const auto file = std::make_shared<const SafetensorsFile>(reference_features(pass_of(protocol), reference));
  const TensorView& features = file->at(tensor_of(find_image_protocol(protocol)));
  const TensorView& logits = file->at("logits");
  FeatureSet set;
  set.name = reference.string();
  set.count = features.shape[0];
  set.width = features.shape[1];
  set.features = features.f32("features");
  set.logits = logits.f32("logits");
  set.classes = logits.shape[1];
  set.storage = file;
  return set;
}

std::filesystem::path PublishedScores::shard_file(const std::string& kind, const PublishedTask& row,
                                                  std::int64_t first) const {
  return run_.artifact_folder() / fmt::format("{}-{}-{:06}.safetensors", kind, as_file_name(row.name), first);
}

FeatureSet PublishedScores::generated_under(const std::string& protocol, const PublishedTask& row) const {
  struct Rows {
    std::vector<float> features, logits;
  };
  const auto rows = std::make_shared<Rows>();
  FeatureSet set;
  set.name = row.name;
  set.count = row.images;
  for (std::int64_t first = 0; first < row.images; first += row.shard) {
    const SafetensorsFile file(shard_file("features-" + pass_of(protocol).name, row, first));
    append(rows->features, file.at(tensor_of(find_image_protocol(protocol))).f32("features"));
    append(rows->logits, file.at("logits").f32("logits"));
  }
  set.width = static_cast<std::int64_t>(rows->features.size()) / row.images;
  set.classes = static_cast<std::int64_t>(rows->logits.size()) / row.images;
  set.features = rows->features;
  set.logits = rows->logits;
  set.storage = rows;
  return set;
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

    const at::Tensor pixels = drawn.bytes.permute({0, 2, 3, 1}).contiguous();
    const auto size = static_cast<std::size_t>(pixels[0].numel());
    const auto* data = pixels.const_data_ptr<std::uint8_t>();
    for (const Pass& pass : passes_) {
      const NetworkFeatures found =
          outputs(pass, count, static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(2)),
                  [&](std::int64_t i, std::span<std::uint8_t> to) {
                    std::copy_n(data + static_cast<std::size_t>(i) * size, size, to.begin());
                  },
                  {});
      const auto features = shard_file("features-" + pass.name, row, first);
      write_features(features, found, count, drawn.labels);
      out.artifacts.push_back({fmt::format("features {}, {}", pass.name, range),
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
    if (protocol.needs_reference()) reference = reference_under(id, row.reference);
    nlohmann::json choices = {{"weights_hash", inception_hash_}};
    if (protocol.needs_reference()) choices["reference"] = hash_of_reference(row.reference);
    if (reference.count > 0) choices["n_reference"] = reference.count;
    if (!reference.converted_from.empty()) choices["converted_from"] = reference.converted_from;
    for (const std::string& note : reference.notes)
      if (std::find(out.notes.begin(), out.notes.end(), note) == out.notes.end()) out.notes.push_back(note);
    if (protocol.choices != nullptr) choices.update(protocol.choices(options));
    for (const MetricRow& found : protocol.score(reference, generated_under(id, row), options)) {
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
