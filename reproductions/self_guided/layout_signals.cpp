#include "reproductions/self_guided/layout_signals.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "core/philox.h"
#include "core/safetensors.h"
#include "kernels/host_tensor.h"
#include "metrics/masks/corloc.h"
#include "metrics/statistics/bootstrap.h"

namespace assay::self_guided {
namespace {

void add(SafetensorsWriter& writer, const std::string& name, const at::Tensor& ids) {
  writer.add(name, ids.sizes().vec(),
             std::span<const std::int64_t>(ids.const_data_ptr<std::int64_t>(), static_cast<std::size_t>(ids.numel())));
}

at::Tensor as_tensor(const std::vector<PixelBox>& boxes) {
  std::vector<std::int64_t> corners;
  corners.reserve(4 * boxes.size());
  for (const PixelBox& box : boxes) corners.insert(corners.end(), box.begin(), box.end());
  return host_tensor(corners).view({-1, 4});
}

std::vector<PixelBox> as_boxes(const at::Tensor& tensor) {
  std::vector<PixelBox> boxes(static_cast<std::size_t>(tensor.size(0)));
  std::memcpy(boxes.data(), tensor.const_data_ptr<std::int64_t>(), boxes.size() * sizeof(PixelBox));
  return boxes;
}

/// Another program's maps of one split.
at::Tensor given_maps(const Study& s, Split split) {
  std::vector<NamedSize> wanted;
  for (const std::int64_t i : indices(s.run.dataset(), split))
    wanted.push_back(
        {s.run.dataset().items()[static_cast<std::size_t>(i)].stem, s.config.dataset.size, s.config.dataset.size});
  return at::stack(read_cluster_maps(s.config.layouts.masks, wanted, s.config.layouts.mask_clusters));
}

/// Whether each box is right, as 0 or 1.
std::vector<double> hits_of(const std::vector<BoxCorners>& boxes, const std::vector<BoxCorners>& truth) {
  std::vector<double> hits;
  for (std::size_t i = 0; i < boxes.size(); ++i)
    hits.push_back(correctly_localised(boxes[i], std::span(&truth[i], 1)) ? 1.0 : 0.0);
  return hits;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Score corloc_score(const std::string& arm, const std::vector<double>& hits) {
  const auto n = static_cast<std::int64_t>(hits.size());
  return {.arm = arm,
          .name = "corloc",
          .value = mean_of(hits),
          .direction = Better::higher,
          .n = n,
          .interval = corloc_interval(std::llround(mean_of(hits) * static_cast<double>(n)), n, "Wilson over images"),
          .protocol = "corloc-lost"};
}

void record_corloc(const Study& s, const std::vector<PixelBox>& found, StageOutput& out) {
  std::vector<BoxCorners> truth, lost;
  for (const std::int64_t i : indices(s.run.dataset(), Split::train)) {
    const Box box = s.run.dataset().sample(i).box;
    truth.push_back({static_cast<double>(box.x0), static_cast<double>(box.y0), static_cast<double>(box.x1),
                     static_cast<double>(box.y1)});
  }
  for (const PixelBox& box : found)
    lost.push_back({static_cast<double>(box[0]), static_cast<double>(box[1]), static_cast<double>(box[2]),
                    static_cast<double>(box[3])});
  // Half the area: the best guess of somebody who has seen no image.
  const double side = s.config.dataset.size, low = side * (1 - std::sqrt(0.5)) / 2, high = side - low;
  out.protocols.push_back({.name = "corloc-lost", .choices = {{"boxes", "of the alpha masks"}, {"split", "train"}}});
  const std::vector<double> found_hits = hits_of(lost, truth);
  const std::vector<double> centre_hits = hits_of(std::vector<BoxCorners>(truth.size(), {low, low, high, high}), truth);
  out.scores.push_back(corloc_score("lost", found_hits));
  out.scores.push_back(corloc_score("centre_box", centre_hits));
  std::vector<double> difference;
  for (std::size_t i = 0; i < truth.size(); ++i) difference.push_back(found_hits[i] - centre_hits[i]);
  const auto n = static_cast<std::int64_t>(difference.size());
  const auto mean = [&](std::span<const std::int64_t> chosen) {
    double sum = 0;
    for (const std::int64_t i : chosen) sum += difference[static_cast<std::size_t>(i)];
    return sum / static_cast<double>(chosen.size());
  };
  out.scores.push_back(
      {.arm = "lost - centre_box",
       .name = "corloc difference",
       .value = mean_of(difference),
       .direction = Better::higher,
       .n = n,
       .interval = percentile_interval(bootstrap(n, mean, s.config.bootstrap, s.run.seed(), 1),
                                       fmt::format("paired bootstrap over images, {}", s.config.bootstrap)),
       .protocol = "corloc-lost"});
}

}  // namespace

LayoutFinder::LayoutFinder(ConvEncoder encoder, const LayoutConfig& config)
    : encoder_(std::move(encoder)), config_(config) {}

BoxLayouts LayoutFinder::boxes(const at::Tensor& images) const {
  return find_boxes(encoder_features(encoder_, images, config_.box_convolutions), config_.candidate_share);
}

KMeansSegmentation LayoutFinder::fit_segments(const at::Tensor& images, KMeansConfig kmeans) const {
  kmeans.clusters = config_.mask_clusters;
  kmeans.normalise = true;
  return segment_by_kmeans(encoder_features(encoder_, images, config_.mask_convolutions), kmeans);
}

at::Tensor LayoutFinder::segments(const at::Tensor& images, const at::Tensor& centroids) const {
  return assign_pixels(encoder_features(encoder_, images, config_.mask_convolutions), centroids, true);
}

std::optional<LayoutOverlap> LayoutSignals::overlap(const std::string& arm, const at::Tensor& images,
                                                    const std::vector<std::int64_t>& sources) const {
  if (arm == box_arm) {
    const at::Tensor asked = rows_of(box.train.layout, sources).squeeze(1);
    return LayoutOverlap(asked, finder.boxes(images).layout.squeeze(1), 2);
  }
  if (arm != mask_arm || !centroids.defined()) return std::nullopt;
  const at::Tensor asked = rows_of(mask.train.layout, sources).argmax(1);
  return LayoutOverlap(asked, finder.segments(images, centroids), mask.train.layout.size(1));
}

ProtocolUse layout_protocol(const Config& config) {
  return {.name = "layout", .choices = {{"encoder", to_json(config.encoder)}}};
}

LayoutSignals layout_signals(Study& s, const Signal& clusters) {
  const auto file = s.run.artifact_folder() / "layouts.safetensors";
  const LayoutConfig& config = s.config.layouts;
  LayoutFinder finder(trained_encoder(s), config);
  s.run.stage("layouts", [&](StageOutput& out) {
    const BoxLayouts found = finder.boxes(s.train.images);
    record_corloc(s, found.boxes, out);
    SafetensorsWriter writer;
    add(writer, "box/train", as_tensor(found.boxes));
    add(writer, "box/validation", as_tensor(finder.boxes(s.validation.images).boxes));
    if (config.masks.empty()) {
      KMeansConfig kmeans = s.config.kmeans;
      kmeans.seed = RandomStream(s.run.seed(), Purpose::clustering, std::uint64_t{1} << 32).bits64();
      const KMeansSegmentation made = finder.fit_segments(s.train.images, kmeans);
      add(writer, "mask/train", made.ids);
      add(writer, "mask/validation", finder.segments(s.validation.images, made.fit.centroids));
      const at::Tensor centroids = made.fit.centroids.contiguous();
      writer.add(
          "centroids", centroids.sizes().vec(),
          std::span<const float>(centroids.const_data_ptr<float>(), static_cast<std::size_t>(centroids.numel())));
    } else {
      add(writer, "mask/train", given_maps(s, Split::train));
      add(writer, "mask/validation", given_maps(s, Split::validation));
    }
    writer.write(file);
    out.artifacts.push_back({.name = "layouts", .kind = "labels", .file = file, .meta = {{"split", "train"}}});
  });
  const SafetensorsFile stored(file);
  const auto boxes = [&](const char* split, const ConditionBlock& ids) {
    return ConditionBlock{box_arm,
                          ids.classes,
                          ids.ids,
                          {},
                          box_layout(as_boxes(tensor_of(stored, std::string("box/") + split)), s.config.dataset.size,
                                     s.config.dataset.size)};
  };
  const auto masks = [&](const char* split) {
    const MaskLayouts made = mask_layouts(tensor_of(stored, std::string("mask/") + split), config.mask_clusters);
    return ConditionBlock{mask_arm, config.mask_clusters, {}, made.occurs, made.layout};
  };
  return {{boxes("train", clusters.train), boxes("validation", clusters.held_out)},
          {masks("train"), masks("validation")},
          std::move(finder),
          config.masks.empty() ? tensor_of(stored, "centroids") : at::Tensor()};
}

}  // namespace assay::self_guided
