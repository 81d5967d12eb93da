#include "metrics/metric_facts.h"

#include <array>
#include <limits>

namespace assay {
namespace {

using enum Better;

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr ScoreRange share = {0, 1}, from_zero = {0, inf};

constexpr std::array table = {
    MetricFacts{"fd-small", "Fréchet distance on features of a small network of our own", lower, from_zero},
    MetricFacts{"fid", "Fréchet distance on Inception features", lower, from_zero},
    MetricFacts{"fid_infinity", "FID extrapolated to infinitely many samples", lower, from_zero},
    MetricFacts{"sfid", "Fréchet distance on spatial Inception features", lower, from_zero},
    MetricFacts{"fd", "Fréchet distance on other given features", lower, from_zero},
    // An unbiased estimate, which may lie below zero.
    MetricFacts{"kid_mean", "kernel distance on Inception features, mean over subsets", lower, {-inf, inf}},
    MetricFacts{"kid_std", "its standard deviation over subsets, which is no standard error", unstated, from_zero},
    MetricFacts{"is_mean", "Inception Score, mean over splits", higher, {1, inf}},
    MetricFacts{"is_std", "its standard deviation over splits", unstated, from_zero},
    MetricFacts{"precision", "share of generated samples inside balls of real ones", higher, share},
    MetricFacts{"recall", "share of real samples inside balls of generated ones", higher, share},
    MetricFacts{"density", "how many balls of real samples hold a generated one, over k", higher, from_zero},
    MetricFacts{"coverage", "share of real samples whose ball holds a generated one", higher, share},
    MetricFacts{"eps_mse", "loss of the predicted noise on held-out images", lower, from_zero},
    MetricFacts{"mae", "mean absolute error of saliency maps", lower, share},
    MetricFacts{"s_measure", "structure measure", higher, share},
    MetricFacts{"weighted_f", "weighted F-measure (Margolin)", higher, share},
    MetricFacts{"max_f", "F-measure over thresholds, and at twice the mean", higher, share},
    MetricFacts{"mean_f", "F-measure over thresholds, and at twice the mean", higher, share},
    MetricFacts{"adaptive_f", "F-measure over thresholds, and at twice the mean", higher, share},
    // n / (n - 1) for a perfect map of n pixels.
    MetricFacts{"max_e", "enhanced alignment over thresholds, and at twice the mean", higher, from_zero},
    MetricFacts{"mean_e", "enhanced alignment over thresholds, and at twice the mean", higher, from_zero},
    MetricFacts{"adaptive_e", "enhanced alignment over thresholds, and at twice the mean", higher, from_zero},
    MetricFacts{"iou", "overlap of masks", higher, share},
    MetricFacts{"boundary_f", "F of matched boundary pixels", higher, share},
    MetricFacts{"psnr", "peak signal-to-noise ratio of what comes back, in dB", higher, {-inf, inf}},
    MetricFacts{"accuracy", "share of pixels that agree", higher, share},
    MetricFacts{"corloc", "share of images whose box overlaps a true one by half", higher, share},
    MetricFacts{"nmi", "normalised mutual information of clusters and labels", higher, share},
    MetricFacts{"ami", "mutual information adjusted for chance", higher, {-inf, 1}},
    MetricFacts{"ari", "Rand index adjusted for chance", higher, {-0.5, 1}},  // Chacón & Rastrojo 2023
    MetricFacts{"homogeneity", "one class a cluster, one cluster a class, and both", higher, share},
    MetricFacts{"completeness", "one class a cluster, one cluster a class, and both", higher, share},
    MetricFacts{"v_measure", "one class a cluster, one cluster a class, and both", higher, share},
    MetricFacts{"accuracy_one_to_one", "accuracy under the best pairing of clusters and classes", higher, share},
    MetricFacts{"accuracy_many_to_one", "accuracy when each cluster takes its commonest class", higher, share},
    MetricFacts{"best_cluster_share", "share of a class in the cluster that holds most of it", higher, share},
    MetricFacts{"best_cluster_purity", "share of that cluster that is of the class", higher, share},
};

const MetricFacts* find(std::string_view metric) {
  const auto* const row = std::find_if(table.begin(), table.end(), [&](const auto& m) { return m.name == metric; });
  return row == table.end() ? nullptr : row;
}

}  // namespace

std::span<const MetricFacts> metric_facts() { return table; }

Better direction_of(std::string_view metric) {
  const MetricFacts* const row = find(metric);
  return row == nullptr ? unstated : row->better;
}

ScoreRange score_range(std::string_view metric) {
  const MetricFacts* const row = find(metric);
  return row == nullptr ? ScoreRange{-inf, inf} : row->range;
}

}  // namespace assay
