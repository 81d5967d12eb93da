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
    MetricFacts{"kd_mean", "kernel distance on other features, mean over subsets", lower, {-inf, inf}},
    MetricFacts{"kd_std", "its standard deviation over subsets, which is no standard error", unstated, from_zero},
    MetricFacts{"cmmd", "Gaussian-kernel distance on CLIP embeddings, times 1000", lower, from_zero},
    MetricFacts{"vendi", "how many different samples there are, in effect", higher, {1, inf}},
    MetricFacts{"auth_pct", "per cent of samples that are no near copy of a training image", higher, {0, 100}},
    MetricFacts{"c_t", "below 0: closer to training images than held-out ones are", unstated, {-inf, inf}},
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
    MetricFacts{"max_iou", "overlap: over thresholds, at twice the mean, at one half, of all pixels together", higher,
                share},
    MetricFacts{"mean_iou", "overlap: over thresholds, at twice the mean, at one half, of all pixels together", higher,
                share},
    MetricFacts{"adaptive_iou", "overlap: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"binary_iou", "overlap: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"set_iou", "overlap: over thresholds, at twice the mean, at one half, of all pixels together", higher,
                share},
    MetricFacts{
        "max_specificity",
        "share of background left alone: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "mean_specificity",
        "share of background left alone: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "adaptive_specificity",
        "share of background left alone: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "binary_specificity",
        "share of background left alone: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "set_specificity",
        "share of background left alone: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{"max_dice", "Dice overlap: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"mean_dice", "Dice overlap: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"adaptive_dice",
                "Dice overlap: over thresholds, at twice the mean, at one half, of all pixels together", higher, share},
    MetricFacts{"binary_dice", "Dice overlap: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"set_dice", "Dice overlap: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"max_accuracy",
                "share of pixels that agree: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"mean_accuracy",
                "share of pixels that agree: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"adaptive_accuracy",
                "share of pixels that agree: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"binary_accuracy",
                "share of pixels that agree: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"set_accuracy",
                "share of pixels that agree: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"max_kappa",
                "Cohen's kappa of pixels: over thresholds, at twice the mean, at one half, of all pixels together",
                higher,
                {-1, 1}},
    MetricFacts{"mean_kappa",
                "Cohen's kappa of pixels: over thresholds, at twice the mean, at one half, of all pixels together",
                higher,
                {-1, 1}},
    MetricFacts{"adaptive_kappa",
                "Cohen's kappa of pixels: over thresholds, at twice the mean, at one half, of all pixels together",
                higher,
                {-1, 1}},
    MetricFacts{"binary_kappa",
                "Cohen's kappa of pixels: over thresholds, at twice the mean, at one half, of all pixels together",
                higher,
                {-1, 1}},
    MetricFacts{"set_kappa",
                "Cohen's kappa of pixels: over thresholds, at twice the mean, at one half, of all pixels together",
                higher,
                {-1, 1}},
    MetricFacts{
        "max_precision",
        "share of found pixels on the mask: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "mean_precision",
        "share of found pixels on the mask: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "adaptive_precision",
        "share of found pixels on the mask: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "binary_precision",
        "share of found pixels on the mask: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{
        "set_precision",
        "share of found pixels on the mask: over thresholds, at twice the mean, at one half, of all pixels together",
        higher, share},
    MetricFacts{"max_recall",
                "share of the mask found: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"mean_recall",
                "share of the mask found: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"adaptive_recall",
                "share of the mask found: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"binary_recall",
                "share of the mask found: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"set_recall",
                "share of the mask found: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"min_fpr",
                "share of background found: over thresholds, at twice the mean, at one half, of all pixels together",
                lower, share},
    MetricFacts{"mean_fpr",
                "share of background found: over thresholds, at twice the mean, at one half, of all pixels together",
                lower, share},
    MetricFacts{"adaptive_fpr",
                "share of background found: over thresholds, at twice the mean, at one half, of all pixels together",
                lower, share},
    MetricFacts{"binary_fpr",
                "share of background found: over thresholds, at twice the mean, at one half, of all pixels together",
                lower, share},
    MetricFacts{"set_fpr",
                "share of background found: over thresholds, at twice the mean, at one half, of all pixels together",
                lower, share},
    MetricFacts{"min_ber",
                "balanced error rate: over thresholds, at twice the mean, at one half, of all pixels together", lower,
                share},
    MetricFacts{"mean_ber",
                "balanced error rate: over thresholds, at twice the mean, at one half, of all pixels together", lower,
                share},
    MetricFacts{"adaptive_ber",
                "balanced error rate: over thresholds, at twice the mean, at one half, of all pixels together", lower,
                share},
    MetricFacts{"binary_ber",
                "balanced error rate: over thresholds, at twice the mean, at one half, of all pixels together", lower,
                share},
    MetricFacts{"set_ber",
                "balanced error rate: over thresholds, at twice the mean, at one half, of all pixels together", lower,
                share},
    MetricFacts{"binary_f", "F-measure: over thresholds, at twice the mean, at one half, of all pixels together",
                higher, share},
    MetricFacts{"set_f", "F-measure: over thresholds, at twice the mean, at one half, of all pixels together", higher,
                share},
    // Cells of the mask are counted in float16, which may move a ratio beyond 1.
    MetricFacts{"max_msiou", "overlap of edges at ten scales: over thresholds, at twice the mean, at one half", higher,
                from_zero},
    MetricFacts{"mean_msiou", "overlap of edges at ten scales: over thresholds, at twice the mean, at one half", higher,
                from_zero},
    MetricFacts{"adaptive_msiou", "overlap of edges at ten scales: over thresholds, at twice the mean, at one half",
                higher, from_zero},
    MetricFacts{"binary_msiou", "overlap of edges at ten scales: over thresholds, at twice the mean, at one half",
                higher, from_zero},
    MetricFacts{"hce", "points that a person must set to correct a mask", lower, from_zero},
    MetricFacts{"context_measure", "how far mask and map surround each other", higher, share},
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
