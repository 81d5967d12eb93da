#include "metrics/masks/saliency_evaluator.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "metrics/masks/context_measure.h"
#include "metrics/masks/correction_effort.h"
#include "metrics/masks/numpy_sum.h"

namespace assay {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

using Kind = SaliencyMeasure::Kind;

/// F with beta^2 = 0.3; 0 where nothing is hit.
double f_measure(std::int64_t hits, std::int64_t found, std::int64_t truth) {
  if (hits == 0) return 0.0;
  const double precision = static_cast<double>(hits) / static_cast<double>(found);
  const double recall = static_cast<double>(hits) / static_cast<double>(truth);
  return 1.3 * precision * recall / (0.3 * precision + recall);
}

/// The enhanced-alignment measure of a binary map (Fan et al., IJCAI 2018) from its four counts. It divides by N - 1:
/// a perfect map scores N / (N - 1).
double e_measure(std::int64_t hits, std::int64_t alarms, std::int64_t truth, std::int64_t pixels) {
  const auto n = static_cast<double>(pixels);
  const std::int64_t found = hits + alarms, left = pixels - found;
  double sum = 0.0;
  if (truth == 0) {
    sum = static_cast<double>(left);
  } else if (truth == pixels) {
    sum = static_cast<double>(found);
  } else {
    const double mean_found = static_cast<double>(found) / n, mean_truth = static_cast<double>(truth) / n;
    const std::int64_t missed = truth - hits;
    const double a[] = {1.0 - mean_found, 1.0 - mean_found, -mean_found, -mean_found};
    const double b[] = {1.0 - mean_truth, -mean_truth, 1.0 - mean_truth, -mean_truth};
    const std::int64_t parts[] = {hits, alarms, missed, left - missed};
    for (std::size_t i = 0; i < 4; ++i) {
      const double alignment = 2.0 * (a[i] * b[i]) / (a[i] * a[i] + b[i] * b[i] + epsilon);
      sum += (alignment + 1.0) * (alignment + 1.0) / 4.0 * static_cast<double>(parts[i]);
    }
  }
  return sum / (n - 1.0 + epsilon);
}

/// 1:-1/255:0 as MATLAB's colon operator builds it, from both ends; ascending.
const std::array<double, 256>& matlab_thresholds() {
  static const std::array<double, 256> thresholds = [] {
    std::array<double, 256> values{};
    for (std::size_t k = 0; k < 256; ++k) {
      // volatile: product and difference are rounded one by one.
      const volatile double product = static_cast<double>(k < 128 ? k : 255 - k) * (1.0 / 255.0);
      values[k] = k < 128 ? product : 1.0 - product;
    }
    return values;
  }();
  return thresholds;
}

int largest_grey(std::span<const std::uint8_t> pixels) {
  std::uint8_t largest = 0;
  for (const std::uint8_t grey : pixels) largest = std::max(largest, grey);
  return largest;
}

/// The binary counts first, then of each score its curve, its adaptive and its binary value.
constexpr std::size_t count_columns = 258;

SaliencyLayout count_layout() {
  constexpr std::array<const char*, count_score_kinds> names = {"iou",       "specificity", "dice", "accuracy", "kappa",
                                                                "precision", "recall",      "fpr",  "ber",      "f"};
  SaliencyLayout layout{4 + count_score_kinds * count_columns, {}};
  layout.measures.reserve(5 * count_score_kinds);
  for (std::size_t s = 0; s < count_score_kinds; ++s) {
    const std::string name = names[s];
    const auto score = static_cast<CountScore>(s);
    const std::size_t first = 4 + s * count_columns;
    if (score == CountScore::fpr || score == CountScore::ber)
      layout.measures.push_back({"min_" + name, Kind::minimum_of_curve, first, 256});
    else
      layout.measures.push_back({"max_" + name, Kind::maximum_of_curve, first, 256});
    layout.measures.push_back({"mean_" + name, Kind::mean_of_curve, first, 256});
    layout.measures.push_back({"adaptive_" + name, Kind::value, first + 256});
    layout.measures.push_back({"binary_" + name, Kind::value, first + 257});
    layout.measures.push_back({.name = "set_" + name,
                               .kind = Kind::pooled,
                               .count = 4,
                               .note = "of the pixels of all images together",
                               .pooled = score});
  }
  return layout;
}

SaliencyLayout layout_of(SaliencyProtocol protocol) {
  switch (protocol) {
    case SaliencyProtocol::fan:
      return {517,
              {{"mae", Kind::value, 0, 1, ""},
               {"s_measure", Kind::value, 1, 1, ""},
               {"weighted_f", Kind::value, 2, 1, ""},
               {"max_f", Kind::maximum_of_curve, 5, 256, ""},
               {"mean_f", Kind::mean_of_curve, 5, 256, ""},
               {"adaptive_f", Kind::value, 3, 1, ""},
               {"max_e", Kind::maximum_of_curve, 261, 256, ""},
               {"mean_e", Kind::mean_of_curve, 261, 256, ""},
               {"adaptive_e", Kind::value, 4, 1, ""}}};
    case SaliencyProtocol::tokencut:
      return {257,
              {{"iou", Kind::value, 0, 1, ""},
               {"accuracy", Kind::value, 1, 1, ""},
               {"max_f", Kind::maximum_of_curve, 2, 255, ""}}};
    case SaliencyProtocol::selfmask:
      return {6,
              {{"mae", Kind::value, 0, 1, ""},
               {"s_measure", Kind::value, 1, 1, ""},
               {"max_f", Kind::value, 4, 1, "mean of each image's own maximum"},
               {"mean_f", Kind::value, 5, 1, "SelfMask's f_mean: F at twice the mean prediction"},
               {"iou", Kind::value, 2, 1, ""},
               {"accuracy", Kind::value, 3, 1, ""}}};
    case SaliencyProtocol::pysod_counts:
      return count_layout();
    case SaliencyProtocol::pysod_msiou:
      return {259,
              {{"max_msiou", Kind::maximum_of_curve, 0, 257},
               {"mean_msiou", Kind::mean_of_curve, 0, 257},
               {"adaptive_msiou", Kind::value, 257},
               {"binary_msiou", Kind::value, 258}}};
    case SaliencyProtocol::pysod_hce:
      return {1, {{"hce", Kind::value}}};
    case SaliencyProtocol::pysod_context:
      return {1, {{.name = "context_measure", .undefined_for = "a mask of pixels on one slanted line"}}};
    case SaliencyProtocol::pysod:
      break;
  }
  return {519,
          {{"mae", Kind::value, 0, 1, ""},
           {"s_measure", Kind::value, 1, 1, ""},
           {"weighted_f", Kind::value, 2, 1, ""},
           {"max_f", Kind::maximum_of_curve, 7, 256, ""},
           {"mean_f", Kind::mean_of_curve, 7, 256, ""},
           {"adaptive_f", Kind::value, 3, 1, ""},
           {"max_e", Kind::maximum_of_curve, 263, 256, ""},
           {"mean_e", Kind::mean_of_curve, 263, 256, ""},
           {"adaptive_e", Kind::value, 4, 1, ""},
           {"iou", Kind::value, 5, 1, ""},
           {"accuracy", Kind::value, 6, 1, ""}}};
}

}  // namespace

double SaliencyMeasure::of(std::span<const double> columns) const {
  const auto curve = columns.subspan(first, count);
  if (kind == Kind::value) return curve[0];
  if (kind == Kind::maximum_of_curve) return *std::max_element(curve.begin(), curve.end());
  if (kind == Kind::minimum_of_curve) return *std::min_element(curve.begin(), curve.end());
  if (kind == Kind::pooled)
    return count_scores({curve[0], curve[1], curve[2], curve[3]})[static_cast<std::size_t>(pooled)];
  double sum = 0.0;
  for (const double value : curve) sum += value;
  return sum / static_cast<double>(count);
}

bool SaliencyLayout::has(const std::string& measure) const {
  return std::any_of(measures.begin(), measures.end(), [&](const auto& one) { return one.name == measure; });
}

const SaliencyLayout& saliency_layout(SaliencyProtocol protocol) {
  static const std::array<SaliencyLayout, saliency_protocol_names.size()> layouts = [] {
    std::array<SaliencyLayout, saliency_protocol_names.size()> all;
    for (const SaliencyProtocolName& name : saliency_protocol_names)
      all[static_cast<std::size_t>(name.protocol)] = layout_of(name.protocol);
    return all;
  }();
  return layouts[static_cast<std::size_t>(protocol)];
}

/// Grey levels as numbers in [0, 1]: v / 255, then stretched to the image's own range where it has one. In double and
/// in this order of operations; integers or float32 would move some levels across a threshold.
void SaliencyEvaluator::normalise(bool stretch) {
  for (std::size_t v = 0; v < 256; ++v) level_[v] = static_cast<double>(v) / 255.0;
  if (!stretch) return;
  std::size_t low = 0, high = 255;
  const auto present = [&](std::size_t v) { return counts_.whole[0][v] + counts_.whole[1][v] > 0; };
  while (low < 255 && !present(low)) ++low;
  while (high > 0 && !present(high)) --high;
  if (low >= high) return;
  const double minimum = level_[low], range = level_[high] - minimum;
  for (std::size_t v = low; v <= high; ++v) level_[v] = (level_[v] - minimum) / range;
  // Levels that do not occur stay in [0, 1] and in order.
  for (std::size_t v = 0; v < low; ++v) level_[v] = 0.0;
  for (std::size_t v = high + 1; v < 256; ++v) level_[v] = 1.0;
}

/// The lowest grey level of at least min(2 * mean, cap); 256 where none is.
int SaliencyEvaluator::adaptive_level(const MaskPair& pair, double cap) const {
  const auto n = static_cast<double>(pixels_);
  double sum = 0.0;
  for (std::size_t v = 0; v < 256; ++v)
    sum += static_cast<double>(counts_.whole[0][v] + counts_.whole[1][v]) * level_[v];
  double threshold = std::min(2.0 * (sum / n), cap);
  for (std::size_t v = 0; v < 256; ++v) {
    if (counts_.whole[0][v] + counts_.whole[1][v] == 0 || std::abs(level_[v] - threshold) > 1e-9) continue;
    threshold = std::min(2.0 * (numpy_sum({pair.prediction, static_cast<std::size_t>(pixels_)}, level_) / n), cap);
    break;
  }
  return static_cast<int>(std::lower_bound(level_.begin(), level_.end(), threshold) - level_.begin());
}

void SaliencyEvaluator::pysod(const MaskPair& pair, std::span<double> columns) {
  const std::int64_t truth = foreground_.size;
  const auto n = static_cast<double>(pixels_);
  double error = 0.0;
  for (std::size_t v = 0; v < 256; ++v)
    error += static_cast<double>(counts_.whole[0][v]) * level_[v] +
             static_cast<double>(counts_.whole[1][v]) * (1.0 - level_[v]);
  columns[0] = error / n;
  columns[1] = s_measure(counts_, pair, level_, epsilon);
  columns[2] = truth > 0 ? weighted_f_.value(pair, foreground_.mask.data(), level_) : 0.0;
  const auto adaptive = static_cast<std::size_t>(adaptive_level(pair, 1.0));
  columns[3] = f_measure(hits_[adaptive], hits_[adaptive] + alarms_[adaptive], truth);
  columns[4] = e_measure(hits_[adaptive], alarms_[adaptive], truth, pixels_);
  const std::size_t half = half_level();
  const std::int64_t either = truth + alarms_[half];
  columns[5] = either > 0 ? static_cast<double>(hits_[half]) / static_cast<double>(either) : 0.0;
  columns[6] = (static_cast<double>(hits_[half]) + static_cast<double>(pixels_ - either)) / n;
  // Threshold t takes the levels whose value times 255, cut to an integer, is at least t.
  std::size_t v = 0;
  for (std::size_t t = 0; t < 256; ++t) {
    while (v < 256 && static_cast<std::size_t>(level_[v] * 255.0) < t) ++v;
    columns[7 + t] = f_measure(hits_[v], hits_[v] + alarms_[v], truth);
    columns[263 + t] = e_measure(hits_[v], alarms_[v], truth, pixels_);
  }
}

/// The lowest grey level above one half.
std::size_t SaliencyEvaluator::half_level() const {
  return static_cast<std::size_t>(std::upper_bound(level_.begin(), level_.end(), 0.5) - level_.begin());
}

/// Of the map prediction >= grey.
PixelCounts SaliencyEvaluator::pixel_counts(std::size_t grey) const {
  const std::int64_t hits = hits_[grey], alarms = alarms_[grey], misses = foreground_.size - hits;
  return {static_cast<double>(hits), static_cast<double>(alarms), static_cast<double>(misses),
          static_cast<double>(pixels_ - hits - alarms - misses)};
}

void SaliencyEvaluator::pysod_counts(const MaskPair& pair, std::span<double> columns) const {
  const PixelCounts binary = pixel_counts(half_level());
  columns[0] = binary.hits;
  columns[1] = binary.alarms;
  columns[2] = binary.misses;
  columns[3] = binary.rest;
  const auto put = [&](std::size_t at, const PixelCounts& counts) {
    const auto scores = count_scores(counts);
    for (std::size_t s = 0; s < scores.size(); ++s) columns[4 + s * count_columns + at] = scores[s];
  };
  std::size_t v = 0;
  for (std::size_t t = 0; t < 256; ++t) {
    while (v < 256 && static_cast<std::size_t>(level_[v] * 255.0) < t) ++v;
    put(t, pixel_counts(v));
  }
  put(256, pixel_counts(static_cast<std::size_t>(adaptive_level(pair, 1.0))));
  put(257, binary);
}

void SaliencyEvaluator::pysod_msiou(const MaskPair& pair, std::span<double> columns) {
  const std::array<double, 257>& values = multiscale_iou_.by_level(pair, foreground_);
  std::size_t v = 0;
  for (std::size_t t = 0; t < 257; ++t) {
    while (v < 256 && static_cast<std::size_t>(level_[v] * 255.0) < t) ++v;
    columns[t] = values[v];
  }
  columns[257] = values[static_cast<std::size_t>(adaptive_level(pair, 1.0))];
  columns[258] = values[half_level()];
}

void SaliencyEvaluator::pysod_hce(const MaskPair& pair, std::span<double> columns) const {
  const auto half = static_cast<int>(half_level());
  std::vector<std::uint8_t> map(static_cast<std::size_t>(pixels_));
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = pair.prediction[i] >= half ? 1 : 0;
  columns[0] = static_cast<double>(correction_effort(foreground_.mask, map, pair.width, pair.height));
}

void SaliencyEvaluator::fan(const MaskPair& pair, std::span<double> columns) {
  const std::int64_t truth = foreground_.size;
  const auto n = static_cast<double>(pixels_);
  double error = 0.0, sum = 0.0;
  for (std::size_t v = 0; v < 256; ++v) {
    const auto off = static_cast<double>(counts_.whole[0][v]), on = static_cast<double>(counts_.whole[1][v]);
    error += off * level_[v] + on * (1.0 - level_[v]);
    sum += (off + on) * level_[v];
  }
  columns[0] = error / n;
  columns[1] = s_measure(counts_, pair, level_, epsilon);
  columns[2] = truth > 0 ? weighted_f_.value(pair, foreground_.mask.data(), level_) : undefined;
  const auto at_least = [&](double t) {
    return static_cast<std::size_t>(std::lower_bound(level_.begin(), level_.end(), t) - level_.begin());
  };
  const auto above = [&](double t) {
    return static_cast<std::size_t>(std::upper_bound(level_.begin(), level_.end(), t) - level_.begin());
  };
  // F takes its threshold in, and caps it; E leaves it out, and does not.
  const double adaptive = 2.0 * (sum / n);
  const std::size_t f = at_least(std::min(adaptive, 1.0)), e = above(adaptive);
  columns[3] = f_measure(hits_[f], hits_[f] + alarms_[f], truth);
  columns[4] = e_measure(hits_[e], alarms_[e], truth, pixels_);
  for (std::size_t t = 0; t < 256; ++t) {
    const std::size_t in = at_least(matlab_thresholds()[t]), out = above(matlab_thresholds()[t]);
    columns[5 + t] = f_measure(hits_[in], hits_[in] + alarms_[in], truth);
    columns[261 + t] = e_measure(hits_[out], alarms_[out], truth, pixels_);
  }
}

void SaliencyEvaluator::tokencut(std::span<double> columns) const {
  const std::int64_t truth = foreground_.size;
  const std::int64_t either = truth + alarms_[128];
  columns[0] = either > 0 ? static_cast<double>(hits_[128]) / static_cast<double>(either) : undefined;
  columns[1] = static_cast<double>(hits_[128] + pixels_ - either) / static_cast<double>(pixels_);
  std::size_t v = 0;
  for (std::size_t t = 0; t < 255; ++t) {
    const double threshold = static_cast<double>(t) * (1.0 / 255.0);
    while (v < 256 && level_[v] <= threshold) ++v;
    const std::int64_t found = hits_[v] + alarms_[v];
    const double precision = found > 0 ? static_cast<double>(hits_[v]) / static_cast<double>(found) : 1.0;
    const double recall = truth > 0 ? static_cast<double>(hits_[v]) / static_cast<double>(truth) : 1.0;
    const double divisor = 0.3 * precision + recall;
    columns[2 + t] = divisor > 0.0 ? 1.3 * precision * recall / divisor : 0.0;
  }
}

void SaliencyEvaluator::selfmask(const MaskPair& pair, std::span<double> columns) {
  constexpr double guard = 1e-7;
  constexpr double beta_squared = 0.3 * 0.3;  // squared once more than meant
  const std::int64_t truth = foreground_.size;
  const auto n = static_cast<double>(pixels_), on = static_cast<double>(truth);
  double error = 0.0, sum = 0.0;
  for (std::size_t v = 0; v < 256; ++v) {
    const auto off_mask = static_cast<double>(counts_.whole[0][v]), on_mask = static_cast<double>(counts_.whole[1][v]);
    error += off_mask * level_[v] + on_mask * (1.0 - level_[v]);
    sum += (off_mask + on_mask) * level_[v];
  }
  columns[0] = error / n;
  columns[1] = s_measure(counts_, pair, level_, 1e-20);
  const double either = on + static_cast<double>(alarms_[128]);
  columns[2] = static_cast<double>(hits_[128]) / (either + guard);
  columns[3] = (static_cast<double>(hits_[128]) + n - either) / n;
  // Predictions and thresholds are float32 there, which decides ties.
  const auto above = [&](double threshold) {
    std::size_t v = 0;
    while (v < 256 && static_cast<float>(level_[v]) <= static_cast<float>(threshold)) ++v;
    return v;
  };
  const auto f = [&](std::size_t v) {
    const auto hits = static_cast<double>(hits_[v]);
    const double precision = hits / (hits + static_cast<double>(alarms_[v]) + guard), recall = hits / (on + guard);
    return (1.0 + beta_squared) * precision * recall / (beta_squared * precision + recall + guard);
  };
  columns[4] = 0.0;
  for (std::size_t t = 0; t < 255; ++t) columns[4] = std::max(columns[4], f(above(static_cast<double>(t) / 255.0)));
  columns[5] = f(above(2.0 * sum / n));
}

SaliencyEvaluator::Facts SaliencyEvaluator::evaluate(const MaskPair& pair, SaliencyProtocol protocol,
                                                     std::span<double> columns) {
  pixels_ = static_cast<std::int64_t>(pair.width) * pair.height;
  const bool unsupervised = protocol == SaliencyProtocol::tokencut || protocol == SaliencyProtocol::selfmask;
  foreground_.assign(pair, unsupervised ? 0 : 128);
  // The mask's centroid, counted from 1; without foreground it is not asked for.
  int cx = 0, cy = 0;
  if (foreground_.size > 0) {
    const auto n = static_cast<double>(foreground_.size);
    const double x = static_cast<double>(foreground_.sum_x) / n, y = static_cast<double>(foreground_.sum_y) / n;
    const bool fan_rounds = protocol == SaliencyProtocol::fan;  // MATLAB rounds half up, NumPy and torch half to even
    cx = static_cast<int>(fan_rounds ? std::round(x + 1.0) : std::nearbyint(x) + 1.0);
    cy = static_cast<int>(fan_rounds ? std::round(y + 1.0) : std::nearbyint(y) + 1.0);
    if (protocol == SaliencyProtocol::selfmask) --cx, --cy;
  }
  counts_.assign(pair, foreground_, cx, cy);
  hits_[256] = alarms_[256] = 0;
  for (std::size_t v = 256; v-- > 0;) {
    hits_[v] = hits_[v + 1] + counts_.whole[1][v];
    alarms_[v] = alarms_[v + 1] + counts_.whole[0][v];
  }
  normalise(!unsupervised);
  switch (protocol) {
    case SaliencyProtocol::pysod:
      pysod(pair, columns);
      break;
    case SaliencyProtocol::fan:
      fan(pair, columns);
      break;
    case SaliencyProtocol::tokencut:
      tokencut(columns);
      break;
    case SaliencyProtocol::selfmask:
      selfmask(pair, columns);
      break;
    case SaliencyProtocol::pysod_counts:
      pysod_counts(pair, columns);
      break;
    case SaliencyProtocol::pysod_msiou:
      pysod_msiou(pair, columns);
      break;
    case SaliencyProtocol::pysod_hce:
      pysod_hce(pair, columns);
      break;
    case SaliencyProtocol::pysod_context:
      columns[0] = context_measure(pair, foreground_, level_);
      break;
  }
  const bool mixed = foreground_.size > 0 && foreground_.size < pixels_;
  Facts facts;
  facts.empty_mask = foreground_.size == 0;
  facts.empty_blocks = mixed && (counts_.cx % pair.width == 0 || counts_.cy % pair.height == 0);
  if (facts.empty_mask) facts.largest_truth = largest_grey({pair.truth, static_cast<std::size_t>(pixels_)});
  std::size_t largest = 255;
  while (hits_[largest] + alarms_[largest] == 0) --largest;
  const bool one_grey = hits_[largest] + alarms_[largest] == pixels_;
  if (unsupervised || one_grey) facts.largest_prediction = static_cast<int>(largest);
  return facts;
}

}  // namespace assay
