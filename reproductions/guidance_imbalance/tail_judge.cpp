#include "reproductions/guidance_imbalance/tail_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/nearest.h"
#include "kernels/host_tensor.h"
#include "metrics/feature_sets/gaussian.h"
#include "metrics/generative/frechet.h"
#include "metrics/generative/prdc.h"
#include "metrics/statistics/bootstrap.h"
#include "reproductions/self_guided/algorithm/long_tailed_set.h"

namespace assay::guidance_imbalance {
namespace {

std::span<const float> values_of(const at::Tensor& features) {
  return {features.const_data_ptr<float>(), static_cast<std::size_t>(features.numel())};
}

bool holds(const std::vector<std::int64_t>& sorted, std::int64_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

/// The rows whose label is among `classes`, ascending.
std::vector<std::int64_t> rows_with(const std::vector<std::int64_t>& labels, std::vector<std::int64_t> classes) {
  std::sort(classes.begin(), classes.end());
  std::vector<std::int64_t> rows;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (holds(classes, labels[i])) rows.push_back(static_cast<std::int64_t>(i));
  return rows;
}

std::vector<std::int64_t> labels_at(const std::vector<std::int64_t>& labels, const std::vector<std::int64_t>& rows) {
  std::vector<std::int64_t> chosen;
  chosen.reserve(rows.size());
  for (const std::int64_t row : rows) chosen.push_back(labels[static_cast<std::size_t>(row)]);
  return chosen;
}

LinearProbe probe_of(const FdSmall& fd, const LabelledImages& whole) {
  const at::Tensor features = fd.features(whole.images);
  const std::int64_t classes = *std::max_element(whole.groups.begin(), whole.groups.end()) + 1;
  return {values_of(features), features.size(1), whole.groups, classes};
}

}  // namespace

BalancedReference balanced_reference(const std::vector<std::int64_t>& labels, std::int64_t least) {
  std::vector<std::vector<std::int64_t>> groups = self_guided::shuffled_groups(labels, 0);
  std::erase_if(groups, [&](const auto& members) { return static_cast<std::int64_t>(members.size()) < least; });
  if (groups.size() < 3)
    throw InputError(
        fmt::format("least: {} class(es) have {} training images and more; head, medium and tail need three",
                    groups.size(), least));
  BalancedReference reference;
  reference.images = self_guided::thinned(groups, 1.0);
  for (const auto& members : groups) reference.classes.push_back(labels[static_cast<std::size_t>(members.front())]);
  reference.each = static_cast<std::int64_t>(reference.images.size() / groups.size());
  return reference;
}

std::vector<Stratum> study_strata(const std::vector<std::int64_t>& classes,
                                  const std::vector<std::int64_t>& longest_tail,
                                  const std::vector<std::string>& names) {
  std::vector<Stratum> strata = {{"all", classes}};
  std::vector<std::int64_t> scored;
  for (const std::int64_t label : longest_tail)
    if (holds(classes, label)) scored.push_back(label);
  for (Stratum& third : tail_strata(scored, parse_tail_rule("thirds"))) strata.push_back(std::move(third));
  for (Stratum& one : class_strata(classes, {}, names)) strata.push_back(std::move(one));
  return strata;
}

TailJudge::TailJudge(Run& run, const LabelledImages& whole, const std::vector<std::int64_t>& longest_tail,
                     const Config& config)
    : fd_(run, whole, config.self.fd_small, config.replicates),
      reference_(balanced_reference(whole.groups, config.least)),
      strata_(study_strata(reference_.classes, longest_tail, run.dataset().groups())),
      features_(fd_.features(rows_of(whole.images, reference_.images))),
      probe_(probe_of(fd_, whole)),
      replicates_(config.replicates),
      seed_(run.seed()),
      left_out_(static_cast<std::int64_t>(std::set(whole.groups.begin(), whole.groups.end()).size() -
                                          reference_.classes.size())) {
  const std::vector<std::int64_t> labels = labels_at(whole.groups, reference_.images);
  for (const Stratum& stratum : strata_) rows_.push_back(rows_with(labels, stratum.classes));
}

void TailJudge::name_protocols(StageOutput& out) const {
  for (ProtocolUse use : {fd_.protocol(), fd_.neighbours()}) {
    use.choices["reference"] =
        fmt::format("balanced: {} training images of each of {} classes, of those in `of`: {}", reference_.each,
                    reference_.classes.size(), fd_.protocol().choices.at("reference").get<std::string>());
    use.choices["n_reference"] = features_.size(0);
    use.choices["of"] = "head, medium, tail: thirds of the classes by training images under the longest tail";
    use.choices["classes of images"] = "those of a linear probe of the same features";
    out.protocols.push_back(std::move(use));
  }
}

std::vector<Score> TailJudge::neighbour_scores(const std::string& arm, const at::Tensor& generated,
                                               const at::Tensor& reference, const nlohmann::json& params,
                                               const std::vector<std::string>& wanted) const {
  PrdcOptions options;
  options.replicates = std::min<std::int64_t>(replicates_, 100);
  options.bootstrap_seed = seed_;
  const Prdc found =
      prdc({values_of(generated), generated.size(1)}, {values_of(reference), reference.size(1)}, options);
  std::vector<Score> scores;
  for (const auto& [name, value, replicates] : {std::tuple("precision", found.precision, &found.replicates.precision),
                                                std::tuple("recall", found.recall, &found.replicates.recall),
                                                std::tuple("coverage", found.coverage, &found.replicates.coverage)}) {
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    Score score{.arm = arm,
                .name = name,
                .value = value,
                .direction = Better::higher,
                .n = generated.size(0),
                .protocol = "prdc5",
                .params = params};
    if (!replicates->empty()) {
      score.interval = percentile_interval(
          *replicates, fmt::format("{} of the samples, {}", name == std::string("precision") ? "bootstrap" : "halves",
                                   options.replicates));
      score.interval->low = std::max(0.0, score.interval->low);
      score.interval->high = std::min(1.0, score.interval->high);
    }
    scores.push_back(std::move(score));
  }
  return scores;
}

void TailJudge::add_scores(const std::string& arm, const at::Tensor& features, const nlohmann::json& params,
                           StageOutput& out) const {
  const std::vector<std::int64_t> seen = probe_.classify(values_of(features));
  const std::int64_t few = PrdcOptions().k + 1;
  std::vector<std::string> unscored;
  for (std::size_t s = 0; s < strata_.size(); ++s) {
    const bool whole = s == 0;
    nlohmann::json of = params;
    of["of"] = strata_[s].name;
    const at::Tensor reference = rows_of(features_, rows_[s]);
    const at::Tensor own = whole ? features : rows_of(features, rows_with(seen, strata_[s].classes));
    const auto keep = [&](std::vector<Score> scores) {
      for (Score& score : scores) out.scores.push_back(std::move(score));
    };
    keep(neighbour_scores(arm, features, reference, of, {"recall", "coverage"}));
    if (own.size(0) >= few) keep(neighbour_scores(arm, own, reference, of, {"precision"}));
    if (own.size(0) >= features.size(1) && reference.size(0) >= features.size(1))
      out.scores.push_back(fd_.score(arm, own, of, reference));
    else
      unscored.push_back(fmt::format("{} ({})", strata_[s].name, own.size(0)));
  }
  if (!unscored.empty())
    out.notes.push_back(fmt::format("{} {}: no fd-small of {}: it needs {} images on both sides", arm, params.dump(),
                                    join(unscored), features.size(1)));
}

double TailJudge::distance(const at::Tensor& features) const {
  return frechet(gaussian(values_of(features), features.size(1)), gaussian(values_of(features_), features_.size(1)))
      .value;
}

std::vector<std::int64_t> TailJudge::seen_in_tail(const at::Tensor& features) const {
  const auto tail = std::find_if(strata_.begin(), strata_.end(), [](const Stratum& s) { return s.name == "tail"; });
  return rows_with(probe_.classify(values_of(features)), tail->classes);
}

std::vector<std::string> TailJudge::in_words(const std::vector<std::string>& names) const {
  std::vector<std::string> lines;
  for (const Stratum& stratum : strata_) {
    if (stratum.one_class || stratum.name == "all") continue;
    std::vector<std::string> classes;
    for (const std::int64_t label : stratum.classes) classes.push_back(names[static_cast<std::size_t>(label)]);
    lines.push_back(fmt::format("{}: {}", stratum.name, join(classes)));
  }
  if (left_out_ > 0)
    lines.push_back(fmt::format("{} classes with too few images are trained on and not scored", left_out_));
  return lines;
}

}  // namespace assay::guidance_imbalance
