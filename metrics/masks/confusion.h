#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace assay {

inline constexpr int ignored_label = 255;

/// Pixels by true and predicted class, [classes, classes] row-major by true class, as VOCdevkit's VOCevalseg counts
/// them: pixels whose truth is 255 do not count.
struct Confusion {
  int classes = 0;
  std::vector<std::int64_t> counts;

  explicit Confusion(int class_count)
      : classes(class_count),
        counts(static_cast<std::size_t>(class_count) * static_cast<std::size_t>(class_count), 0) {}
  void add(const Confusion& other, std::int64_t times = 1);
};

/// The labels of one image. Throws InputError for a true label of at least `classes` other than 255, and for a
/// predicted one of at least `classes` where the truth counts, with its place in the map of `width` columns.
Confusion confusion(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> predicted, int width,
                    int classes);

struct ConfusionScores {
  std::vector<double> iou;  // by class; NaN where neither truth nor prediction holds it
  double mean_iou;          // over the classes that occur, background included; NaN without any
  double accuracy;          // share of counted pixels that are right; NaN without any
};
ConfusionScores scores(const Confusion& counts);

}  // namespace assay
