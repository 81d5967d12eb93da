#include "reproductions/diffusion_seg/segmentation.h"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reproductions/diffusion_seg/mask_scores.h"
#include "reproductions/diffusion_seg/synthesis.h"
#include "reproductions/diffusion_seg/trained_decoder.h"

namespace assay::diffusion_seg {
namespace {

/// A decoder that is trained and scored.
struct Arm {
  std::string name;
  FeatureKind kind = FeatureKind::inversion;
  std::string masks = cut_mask;
  std::int64_t pairs = 0;
  nlohmann::json params = nlohmann::json::object();

  /// "inversion", or "inversion 50" of 50 pairs.
  std::string in_words() const { return params.empty() ? name : fmt::format("{} {}", name, pairs); }
};

std::vector<Arm> arms_of(const Study& s, const PairSet& pairs, FeatureKind kind) {
  const std::string name = name_of(kind, feature_kind_names);
  std::vector<Arm> arms = {{.name = name, .kind = kind, .pairs = s.config.decoder.pairs}};
  if (kind != FeatureKind::inversion) return arms;
  const std::vector<std::string>& masks = pairs.mask_names();
  if (std::find(masks.begin(), masks.end(), exact_mask) != masks.end())
    arms.push_back({.name = name + "_exact", .kind = kind, .masks = exact_mask, .pairs = s.config.decoder.pairs});
  for (const std::int64_t fewer : s.config.decoder.fewer_pairs)
    arms.push_back({.name = name, .kind = kind, .pairs = fewer, .params = {{"pairs", fewer}}});
  return arms;
}

/// One kind of features of the pairs and of the real images, worked out when they are first asked for.
class KindOfFeatures {
 public:
  KindOfFeatures(const Study& s, const PairSet& pairs, FeatureKind kind)
      : s_(s), pairs_(pairs), kind_(kind), numbers_(kept_pairs(pairs, s.config.decoder.pairs)) {}

  /// The kept pairs that decoders are trained on.
  const std::vector<std::int64_t>& numbers() const { return numbers_; }
  const DecoderFeatures& of_pairs() {
    if (!of_pairs_) of_pairs_ = features(pairs_.images(numbers_), numbers_, "of pairs");
    return *of_pairs_;
  }
  const DecoderFeatures& of_real_images() {
    if (of_real_) return *of_real_;
    std::vector<std::int64_t> numbers(static_cast<std::size_t>(s_.real.images.size(0)));
    std::iota(numbers.begin(), numbers.end(), first_real);
    of_real_ = features(s_.real.images, numbers, "of real images");
    return *of_real_;
  }

 private:
  DecoderFeatures features(const at::Tensor& images, const std::vector<std::int64_t>& numbers, const char* whose) {
    const auto progress = s_.run.progress(fmt::format("{} features {}", name_of(kind_, feature_kind_names), whose),
                                          images.size(0), "images");
    return features_in_memory(image_features(*s_.model, kind_, s_.config.inversion.features, images, numbers,
                                             s_.run.seed(), s_.passes(), progress));
  }

  const Study& s_;
  const PairSet& pairs_;
  FeatureKind kind_;
  std::vector<std::int64_t> numbers_;
  std::optional<DecoderFeatures> of_pairs_, of_real_;
};

/// The decoder of an arm.
std::unique_ptr<MaskDecoder> decoder_of(const Study& s, const PairSet& pairs, KindOfFeatures& features,
                                        const Arm& arm) {
  const std::int64_t used = std::min<std::int64_t>(arm.pairs, static_cast<std::int64_t>(features.numbers().size()));
  return trained_decoder(
      s.run, s.config.decoder,
      {.name = "decoder " + arm.in_words(),
       .identity = {{"pairs", pairs.made_by()},
                    {"used", used},
                    {"masks", arm.masks},
                    {"features", to_json(arm.kind, s.config.inversion.features)}},
       .channels = feature_channels(*s.model, arm.kind, s.config.inversion.features, pairs.height(), pairs.width()),
       .side = pairs.width(),
       .features =
           [&] {
             std::vector<std::int64_t> first(static_cast<std::size_t>(used));
             std::iota(first.begin(), first.end(), std::int64_t{0});
             return chosen_features(features.of_pairs(), first);
           },
       .masks =
           [&] {
             return masks_in_memory(
                 pairs.masks(arm.masks, {features.numbers().begin(), features.numbers().begin() + used}));
           }});
}

/// Trains and scores one arm; its values an image.
nlohmann::json segment(const Study& s, const PairSet& pairs, KindOfFeatures& features, const Arm& arm) {
  const std::unique_ptr<MaskDecoder> decoder = decoder_of(s, pairs, features, arm);
  return s.run.stage("segment:" + arm.in_words(), [&](StageOutput& out) {
    const std::int64_t height = s.real.images.size(2), width = s.real.images.size(3), n = s.real.images.size(0);
    const at::Tensor soft = soft_masks(*decoder, features.of_real_images(), height, width, s.passes(),
                                       s.run.progress("segment by " + arm.in_words(), n, "images")),
                     maps = (soft * 255).round().to(at::kByte);
    const Resampling how{s.config.bootstrap, s.run.seed()};
    const nlohmann::json reference = {{"images", "held out"}, {"data", s.run.dataset().hash()}};
    add_mask_protocols(out, reference);
    const MaskScores scores = score_masks(maps, s.real.masks), hard = score_masks(hardened(maps), s.real.masks);
    add_mask_scores(out, arm.name, scores, how, arm.params);
    nlohmann::json of_hard = arm.params;
    of_hard["map"] = "hard";
    add_max_f(out, arm.name, hard, how, of_hard);
    add_corloc_protocol(out, reference);
    const std::vector<double> hits = box_hits(boxes_of(maps), s.real.boxes);
    add_corloc(out, arm.name, hits, arm.params);
    if (static_cast<std::int64_t>(features.numbers().size()) < arm.pairs)
      out.notes.push_back(fmt::format("{}: trained on the {} pairs that were kept, not on {}", arm.in_words(),
                                      features.numbers().size(), arm.pairs));
    if (arm.params.empty()) add_overlays(out, s.run, arm.name, s.real.images, maps, scores.iou);
    out.result = {{"iou", scores.iou}, {"corloc", hits}};
  });
}

}  // namespace

nlohmann::json segment_by_decoders(const Study& s, const PairSet& pairs) {
  kept_pairs(pairs, 1);  // says so where there is none
  constexpr FeatureKind kinds[] = {FeatureKind::inversion, FeatureKind::noised, FeatureKind::rgb};
  std::vector<nlohmann::json> found(std::size(kinds), nlohmann::json::object());
  std::vector<std::function<void(Run&)>> parts;
  for (std::size_t k = 0; k < std::size(kinds); ++k)
    parts.emplace_back([&s, &pairs, &values = found[k], kind = kinds[k]](Run& part) {
      const Study own(s, part);
      KindOfFeatures features(own, pairs, kind);
      for (const Arm& arm : arms_of(own, pairs, kind)) {
        nlohmann::json of_arm = segment(own, pairs, features, arm);
        if (arm.params.empty()) values[arm.name] = std::move(of_arm);
      }
    });
  s.run.side_by_side(parts);
  nlohmann::json all = nlohmann::json::object();
  for (const nlohmann::json& values : found) all.update(values);
  return all;
}

}  // namespace assay::diffusion_seg
