#include "app/metric/saliency_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <optional>

#include "app/metric/image_pairs.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "core/nearest.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "images/damaged_images.h"
#include "images/image_file.h"
#include "metrics/masks/confusion_set.h"
#include "metrics/masks/saliency_evaluator.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

const SaliencyProtocolName* find_map_protocol(const std::string& id) {
  const auto* const found = std::find_if(saliency_protocol_names.begin(), saliency_protocol_names.end(),
                                         [&](const SaliencyProtocolName& name) { return name.id == id; });
  return found == saliency_protocol_names.end() ? nullptr : found;
}

/// Throws InputError unless the id is one of saliency maps or voc.
void check_protocol(const std::string& id) {
  if (id == "voc" || find_map_protocol(id) != nullptr) return;
  std::vector<std::string> known;
  known.reserve(saliency_protocol_names.size() + 1);
  for (const SaliencyProtocolName& name : saliency_protocol_names) known.emplace_back(name.id);
  known.emplace_back("voc");
  throw InputError(unknown_name_message("saliency protocol", id, known));
}

void check_size(const ImagePair& pair, const Image& prediction, const Image& truth) {
  if (prediction.width != truth.width || prediction.height != truth.height)
    throw InputError(fmt::format("{} has {} x {} pixels and {} has {} x {}; expected the same size",
                                 pair.prediction.string(), prediction.width, prediction.height, pair.truth.string(),
                                 truth.width, truth.height));
}

/// As read_image_file(), and names the option that leaves a damaged image out.
Image read_mask(const std::filesystem::path& file) {
  try {
    return as_grey(read_image_file(file));
  } catch (const FormatNotBuilt&) {
    throw;
  } catch (const InputError& error) {
    throw with_skip_option(error);
  }
}

/// As read_label_map(); a whole image that is no map of labels is not damaged.
Image read_labels(const std::filesystem::path& file) {
  try {
    return read_label_map(file);
  } catch (const InputError&) {
    read_mask(file);
    throw;
  }
}

/// Calls score(image, worker) for all images, with progress.
void for_each_image(std::size_t count, int threads, const std::function<void(std::size_t, int)>& score) {
  Progress progress("saliency", static_cast<std::int64_t>(count), "images");
  std::mutex mutex;
  std::int64_t done = 0;
  parallel_for(static_cast<std::int64_t>(count), threads, [&](std::int64_t i, int worker) {
    stop_if_interrupted();
    score(static_cast<std::size_t>(i), worker);
    const std::lock_guard lock(mutex);
    progress.update(++done);
  });
}

/// Images by their measures under one protocol of saliency maps.
struct MapScores {
  std::string id;
  SaliencyProtocol protocol;
  std::vector<double> table;
  std::vector<SaliencyEvaluator::Facts> facts;
};

std::vector<MapScores> score_maps(const std::vector<ImagePair>& pairs, const SaliencyCommand& options) {
  std::vector<MapScores> all;
  for (const std::string& id : options.protocols) {
    const SaliencyProtocolName* const known = find_map_protocol(id);
    if (known == nullptr) continue;
    const std::size_t columns = saliency_layout(known->protocol).columns;
    all.push_back({id, known->protocol, std::vector<double>(pairs.size() * columns),
                   std::vector<SaliencyEvaluator::Facts>(pairs.size())});
  }
  if (all.empty()) return all;
  std::vector<SaliencyEvaluator> evaluators(
      static_cast<std::size_t>(worker_count(static_cast<std::int64_t>(pairs.size()), options.threads)));
  for_each_image(pairs.size(), options.threads, [&](std::size_t i, int worker) {
    const Image prediction = read_mask(pairs[i].prediction), truth = read_mask(pairs[i].truth);
    check_size(pairs[i], prediction, truth);
    const MaskPair masks{prediction.pixels.data(), truth.pixels.data(), truth.width, truth.height};
    for (MapScores& scored : all) {
      const std::size_t columns = saliency_layout(scored.protocol).columns;
      scored.facts[i] = evaluators[static_cast<std::size_t>(worker)].evaluate(
          masks, scored.protocol, std::span(scored.table).subspan(i * columns, columns));
    }
  });
  return all;
}

/// What to do about masks whose greys are too low for any foreground, of which `largest` is the largest; empty where it
/// is 0.
std::string remedy_for_low_greys(int largest) {
  if (largest == 0) return "";
  if (largest == 1) return "multiply masks of 0 and 1 by 255";
  return "masks are 0 and 255, and maps of labels are scored under voc";
}

std::vector<std::int64_t> images_to_use(const MapScores& scored, const std::vector<ImagePair>& pairs,
                                        const SaliencyCommand& options, MetricReport& report) {
  std::vector<std::int64_t> used, empty;
  std::int64_t with_empty_blocks = 0, low_truths = 0, low_predictions = 0;
  int largest_truth = 0, largest_prediction = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const SaliencyEvaluator::Facts& facts = scored.facts[i];
    const bool is_empty = facts.empty_mask;
    if (is_empty && facts.largest_truth > 0) {
      ++low_truths;
      largest_truth = std::max(largest_truth, facts.largest_truth);
    }
    if (facts.largest_prediction > 0 && facts.largest_prediction < 128) {
      ++low_predictions;
      largest_prediction = std::max(largest_prediction, facts.largest_prediction);
    }
    if (is_empty) empty.push_back(static_cast<std::int64_t>(i));
    if (!is_empty || options.empty_mask != "skip") used.push_back(static_cast<std::int64_t>(i));
    with_empty_blocks += facts.empty_blocks;
  }
  if (!empty.empty()) {
    const std::string first = pairs[static_cast<std::size_t>(empty[0])].truth.string();
    const std::string low = low_truths == 0
                                ? ""
                                : fmt::format("; the largest grey of {} of them is {}, and foreground is above 128: {}",
                                              low_truths, largest_truth, remedy_for_low_greys(largest_truth));
    if (options.empty_mask == "refuse")
      throw InputError(
          fmt::format("{}: {} of {} true masks are empty, the first is {}; accepted with --empty-mask "
                      "protocol or skip{}",
                      scored.id, empty.size(), pairs.size(), first, low));
    if (used.empty()) throw InputError(fmt::format("{}: all {} true masks are empty{}", scored.id, pairs.size(), low));
    report.notes.push_back(fmt::format("{}: {} of {} true masks are empty (the first is {}); {}{}", scored.id,
                                       empty.size(), pairs.size(), first,
                                       options.empty_mask == "skip" ? "left out" : "scored as the protocol says", low));
  }
  if (low_predictions > 0)
    report.notes.push_back(fmt::format(
        "{}: no grey of {} of {} predictions reaches 128, the largest is {}, where 255 is the surest: {}", scored.id,
        low_predictions, pairs.size(), largest_prediction, remedy_for_low_greys(largest_prediction)));
  if (with_empty_blocks > 0 && saliency_layout(scored.protocol).has("s_measure"))
    report.notes.push_back(
        fmt::format("{}: the mask's centroid leaves S-measure blocks without pixels in {} images; "
                    "they weigh nothing here, the published program gives NaN",
                    scored.id, with_empty_blocks));
  return used;
}

void add_map_rows(const MapScores& scored, const std::vector<ImagePair>& pairs, const SaliencyCommand& options,
                  MetricReport& report, nlohmann::json& images) {
  const SaliencyLayout& layout = saliency_layout(scored.protocol);
  const std::vector<std::int64_t> used = images_to_use(scored, pairs, options, report);
  report.protocols.push_back(
      {scored.id, {{"empty_masks", options.empty_mask}, {"replicates", options.replicates}, {"seed", options.seed}}});
  const std::vector<double> values = saliency_values(layout, scored.table, used);
  std::vector<std::vector<double>> replicates;
  if (used.size() > 1 && options.replicates > 0)
    replicates = saliency_bootstrap(layout, scored.table, used, options.replicates, options.seed, options.threads);
  for (std::size_t m = 0; m < layout.measures.size(); ++m) {
    MetricRow row;
    row.protocol = scored.id;
    row.metric = layout.measures[m].name;
    row.value = values[m];
    row.note = layout.measures[m].note;
    row.n = static_cast<std::int64_t>(used.size());
    row.samples = saliency_samples(layout, layout.measures[m], scored.table, used);
    if (std::isfinite(row.value) && !replicates.empty())
      row.interval = percentile_interval(replicates[m], fmt::format("bootstrap over images, {}", options.replicates));
    if (!std::isfinite(row.value)) {
      const auto undefined =
          std::count_if(row.samples.begin(), row.samples.end(), [](double value) { return !std::isfinite(value); });
      row.note = fmt::format("not defined for {} images with {}", undefined, layout.measures[m].undefined_for);
    }
    if (options.per_image)
      for (std::size_t u = 0; u < used.size(); ++u)
        images[static_cast<std::size_t>(used[u])][scored.id][row.metric] = row.samples[u];
    report.rows.push_back(std::move(row));
  }
}

/// Masks of 0 and 255 look like maps of label 0 alone, with all of their foreground left out.
void note_masks_as_labels(const ConfusionSet& confusions, std::int64_t with_void, std::size_t images,
                          MetricReport& report) {
  if (with_void > 0 && confusions.holds_class_zero_alone())
    report.notes.push_back(
        fmt::format("voc: the true maps hold label 0 alone beside 255, which is left out ({} of {}): divide masks of 0 "
                    "and 255 by 255, or score them under another protocol",
                    with_void, images));
}

void add_voc_rows(const std::vector<ImagePair>& pairs, const SaliencyCommand& options, MetricReport& report,
                  nlohmann::json& images) {
  ConfusionSet confusions(static_cast<std::int64_t>(pairs.size()), options.classes);
  std::vector<double> own_iou(pairs.size()), own_accuracy(pairs.size());
  std::atomic<std::int64_t> with_void{0};
  for_each_image(pairs.size(), options.threads, [&](std::size_t i, int) {
    const Image prediction = read_labels(pairs[i].prediction), truth = read_labels(pairs[i].truth);
    check_size(pairs[i], prediction, truth);
    std::optional<Confusion> counts;
    try {
      counts = confusion(truth.pixels, prediction.pixels, truth.width, options.classes);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{} against {}: {} (--classes {})", pairs[i].prediction.string(),
                                   pairs[i].truth.string(), error.what(), options.classes));
    }
    confusions.set(static_cast<std::int64_t>(i), *counts);
    with_void += std::memchr(truth.pixels.data(), ignored_label, truth.pixels.size()) != nullptr ? 1 : 0;
    const ConfusionScores own = scores(*counts);
    own_iou[i] = own.mean_iou;
    own_accuracy[i] = own.accuracy;
    if (options.per_image) {
      // The elements of `images` exist: threads write to different ones.
      images[i]["voc"] = {{"iou", own.mean_iou}, {"accuracy", own.accuracy}};
    }
  });
  report.protocols.push_back(
      {"voc", {{"classes", options.classes}, {"replicates", options.replicates}, {"seed", options.seed}}});

  const ConfusionScores whole = confusions.scores();
  note_masks_as_labels(confusions, with_void, pairs.size(), report);
  const std::vector<ConfusionScores> replicates =
      confusions.bootstrap(options.replicates, options.seed, options.threads);
  const auto add = [&](const std::string& metric, const std::string& part, double value, const auto& of) {
    MetricRow row;
    row.protocol = "voc";
    row.metric = metric;
    row.part = part;
    row.value = value;
    row.n = static_cast<std::int64_t>(pairs.size());
    if (!std::isfinite(value)) row.note = "neither in the truth nor predicted";
    // A class that a resample does not hold has no value there.
    std::vector<double> values;
    values.reserve(replicates.size());
    for (const ConfusionScores& replicate : replicates)
      if (std::isfinite(of(replicate))) values.push_back(of(replicate));
    if (std::isfinite(value) && !values.empty())
      row.interval = percentile_interval(values, fmt::format("bootstrap over images, {}", options.replicates));
    report.rows.push_back(std::move(row));
  };
  add("iou", "", whole.mean_iou, [](const ConfusionScores& s) { return s.mean_iou; });
  report.rows.back().samples = own_iou;
  add("accuracy", "", whole.accuracy, [](const ConfusionScores& s) { return s.accuracy; });
  report.rows.back().samples = own_accuracy;
  for (std::size_t c = 0; c < whole.iou.size(); ++c)
    add("iou", fmt::format("class {}", c), whole.iou[c], [c](const ConfusionScores& s) { return s.iou[c]; });
}

}  // namespace

int saliency_action(const SaliencyCommand& options) {
  if (options.empty_mask != "protocol" && options.empty_mask != "skip" && options.empty_mask != "refuse")
    throw InputError(fmt::format("--empty-mask {}: accepted are protocol, skip and refuse", options.empty_mask));
  if (options.classes < 1 || options.classes > 255)
    throw InputError(fmt::format("--classes {}: accepted are 1 to 255", options.classes));
  for (const std::string& id : options.protocols) check_protocol(id);

  ImagePairs matched = match_images(options.prediction, options.truth);
  const std::int64_t skipped = options.skip_damaged ? leave_out_damaged(matched, options.threads) : 0;
  MetricReport report;
  report.command = "saliency";
  report.notes = matched.notes;
  if (matched.pairs.size() == 1) report.notes.push_back("one image: there is no interval over images");
  nlohmann::json images = nlohmann::json::array();
  for (const ImagePair& pair : matched.pairs) images.push_back({{"stem", pair.stem}});
  const std::vector<MapScores> maps = score_maps(matched.pairs, options);
  for (const std::string& id : options.protocols) {
    const auto scored = std::find_if(maps.begin(), maps.end(), [&](const MapScores& one) { return one.id == id; });
    if (scored != maps.end())
      add_map_rows(*scored, matched.pairs, options, report, images);
    else
      add_voc_rows(matched.pairs, options, report, images);
  }
  if (options.skip_damaged)
    for (MetricRow& row : report.rows) row.extra["skipped"] = skipped;
  if (options.per_image) report.further["images"] = std::move(images);
  finish(report, options.output);
  return 0;
}

}  // namespace assay
