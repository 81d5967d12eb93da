#include "metrics/masks/confusion.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "core/error.h"

namespace assay {

void Confusion::add(const Confusion& other, std::int64_t times) {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += times * other.counts[i];
}

Confusion confusion(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> predicted, int width,
                    int classes) {
  Confusion out(classes);
  std::vector<std::int64_t> pairs(65536, 0);
  for (std::size_t i = 0; i < truth.size(); ++i) ++pairs[std::size_t{truth[i]} << 8 | predicted[i]];
  for (int t = 0; t < 256; ++t) {
    if (t == ignored_label) continue;
    for (int p = 0; p < 256; ++p) {
      const std::int64_t count = pairs[static_cast<std::size_t>(t << 8 | p)];
      if (count == 0) continue;
      if (t < classes && p < classes) {
        out.counts[static_cast<std::size_t>(t * classes + p)] += count;
        continue;
      }
      std::size_t at = 0;
      while (truth[at] != t || predicted[at] != p) ++at;
      const auto columns = static_cast<std::size_t>(width);
      throw InputError(fmt::format("{} label {} at column {}, row {}; accepted: 0 to {}{}",
                                   t >= classes ? "true" : "predicted", t >= classes ? t : p, at % columns,
                                   at / columns, classes - 1, t >= classes ? ", and 255 for pixels left out" : ""));
    }
  }
  return out;
}

ConfusionScores scores(const Confusion& counts) {
  constexpr double undefined = std::numeric_limits<double>::quiet_NaN();
  const auto classes = static_cast<std::size_t>(counts.classes);
  ConfusionScores out{std::vector<double>(classes, undefined), undefined, undefined};
  std::int64_t right = 0, all = 0;
  double sum = 0.0;
  int occurring = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    std::int64_t row = 0, column = 0;
    for (std::size_t k = 0; k < classes; ++k) {
      row += counts.counts[c * classes + k];
      column += counts.counts[k * classes + c];
    }
    const std::int64_t hit = counts.counts[c * classes + c], either = row + column - hit;
    right += hit;
    all += row;
    if (either == 0) continue;
    out.iou[c] = static_cast<double>(hit) / static_cast<double>(either);
    sum += out.iou[c];
    ++occurring;
  }
  if (occurring > 0) out.mean_iou = sum / occurring;
  if (all > 0) out.accuracy = static_cast<double>(right) / static_cast<double>(all);
  return out;
}

}  // namespace assay
