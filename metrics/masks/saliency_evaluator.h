#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "metrics/masks/block_counts.h"
#include "metrics/masks/count_scores.h"
#include "metrics/masks/mask_pair.h"
#include "metrics/masks/multiscale_iou.h"
#include "metrics/masks/s_measure.h"
#include "metrics/masks/weighted_f.h"

namespace assay {

/// Whose conventions (metrics/protocols/saliency.cpp spells them out): PySODMetrics 1.6; the MATLAB evaluation of D.-P.
/// Fan's group; TokenCut (after BigGANsAreWatching); SelfMask; and PySODMetrics' further measures: those of pixel
/// counts (its FmeasureV2), MSIoU, human correction effort, context-measure.
enum class SaliencyProtocol { pysod, fan, tokencut, selfmask, pysod_counts, pysod_msiou, pysod_hce, pysod_context };

/// By the name that people give them.
struct SaliencyProtocolName {
  const char* id;
  SaliencyProtocol protocol;
};
constexpr std::array<SaliencyProtocolName, 8> saliency_protocol_names = {
    {{"pysod", SaliencyProtocol::pysod},
     {"fan", SaliencyProtocol::fan},
     {"tokencut", SaliencyProtocol::tokencut},
     {"selfmask", SaliencyProtocol::selfmask},
     {"pysod-counts", SaliencyProtocol::pysod_counts},
     {"pysod-msiou", SaliencyProtocol::pysod_msiou},
     {"pysod-hce", SaliencyProtocol::pysod_hce},
     {"pysod-context", SaliencyProtocol::pysod_context}}};

/// A measure is made from numbers of each image, the columns, through their means over the images.
struct SaliencyMeasure {
  /// `pooled`: four columns hold the counts of PixelCounts, and the measure is that of the counts of all pixels of all
  /// images together.
  enum class Kind { value, maximum_of_curve, minimum_of_curve, mean_of_curve, pooled };
  std::string name;
  Kind kind = Kind::value;
  std::size_t first = 0, count = 1;             // columns
  std::string note = {};                        // where the name alone would mislead
  CountScore pooled = CountScore::iou;          // of Kind::pooled
  std::string undefined_for = "an empty mask";  // images that may have no value

  /// From the means of all columns.
  double of(std::span<const double> columns) const;
};

struct SaliencyLayout {
  std::size_t columns = 0;
  std::vector<SaliencyMeasure> measures;

  bool has(const std::string& measure) const;
};

const SaliencyLayout& saliency_layout(SaliencyProtocol protocol);

/// Scores one image at a time and keeps its scratch memory: one object per thread.
class SaliencyEvaluator {
 public:
  struct Facts {
    bool empty_mask = false;       // no foreground in the truth
    bool empty_blocks = false;     // the mask's centroid leaves S-measure blocks without pixels
    int largest_truth = 255;       // grey of a mask without foreground, 1 where 0 and 1 stand for 0 and 255; else 255
    int largest_prediction = 255;  // grey; 255 where the protocol stretches the prediction to it
  };

  /// Fills `columns` as saliency_layout(protocol) lays them out. NaN where the protocol defines no value: TokenCut's
  /// IoU of two empty masks, Fan's weighted F of an empty mask, the context-measure of a slanted line. `pair` must hold
  /// at least one pixel.
  Facts evaluate(const MaskPair& pair, SaliencyProtocol protocol, std::span<double> columns);

 private:
  void normalise(bool stretch);
  int adaptive_level(const MaskPair& pair, double cap) const;
  void pysod(const MaskPair& pair, std::span<double> columns);
  void fan(const MaskPair& pair, std::span<double> columns);
  void tokencut(std::span<double> columns) const;
  void selfmask(const MaskPair& pair, std::span<double> columns);
  void pysod_counts(const MaskPair& pair, std::span<double> columns) const;
  void pysod_msiou(const MaskPair& pair, std::span<double> columns);
  void pysod_hce(const MaskPair& pair, std::span<double> columns) const;
  std::size_t half_level() const;
  PixelCounts pixel_counts(std::size_t grey) const;

  Foreground foreground_;
  BlockCounts counts_;
  WeightedF weighted_f_;
  MultiscaleIou multiscale_iou_;
  Levels level_{};
  std::array<std::int64_t, 257> hits_{}, alarms_{};  // pixels of at least grey level v, on and off the true mask
  std::int64_t pixels_ = 0;
};

/// The measures over a data set: of the mean of each column, over the images in `used`, whose rows of `columns` values
/// follow each other in `table`. In the order of the layout.
std::vector<double> saliency_values(const SaliencyLayout& layout, std::span<const double> table,
                                    std::span<const std::int64_t> used);

/// The same for `replicates` resamples of the images (metrics/statistics/bootstrap.h: resample_indices): one vector a
/// measure. The values do not depend on `threads`.
std::vector<std::vector<double>> saliency_bootstrap(const SaliencyLayout& layout, std::span<const double> table,
                                                    std::span<const std::int64_t> used, std::int64_t replicates,
                                                    std::uint64_t seed, int threads = 0);

/// What each image adds to a measure: its own value, or that of its curve where the data set's curve is highest (or
/// lowest, where that is the measure). Their mean is the measure, except of Kind::pooled.
std::vector<double> saliency_samples(const SaliencyLayout& layout, const SaliencyMeasure& measure,
                                     std::span<const double> table, std::span<const std::int64_t> used);

}  // namespace assay
