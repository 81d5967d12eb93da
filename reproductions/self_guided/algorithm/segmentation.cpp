#include "reproductions/self_guided/algorithm/segmentation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/file.h"
#include "images/png.h"

namespace assay::self_guided {
namespace {

/// Counts the files with one kind of fault and remembers the first.
struct Fault {
  std::int64_t count = 0;
  std::string first;

  void note(std::string what) {
    if (count++ == 0) first = std::move(what);
  }
};

}  // namespace

MaskLayouts mask_layouts(const at::Tensor& ids, std::int64_t clusters) {
  if (ids.numel() == 0) throw InputError("cluster maps: there is none; accepted: at least one pixel");
  const auto low = ids.min().item<std::int64_t>(), high = ids.max().item<std::int64_t>();
  if (low < 0 || high >= clusters)
    throw InputError(fmt::format("cluster maps: ids from {} to {}; accepted: 0 to {} of {} clusters", low, high,
                                 clusters - 1, clusters));
  const at::Tensor layout = at::one_hot(ids, clusters).permute({0, 3, 1, 2}).to(at::kFloat).contiguous();
  return {layout, layout.amax({2, 3})};
}

std::vector<at::Tensor> read_cluster_maps(const std::filesystem::path& folder, const std::vector<NamedSize>& images,
                                          std::int64_t clusters) {
  if (clusters < 1 || clusters > 256)
    throw InputError(fmt::format("cluster maps: {} clusters; accepted: 1 to 256 in an 8-bit PNG", clusters));
  if (!std::filesystem::is_directory(folder))
    throw InputError(fmt::format("{}: no such folder; accepted: a folder of cluster maps, STEM.png", folder.string()));
  Fault missing, large, size;
  std::vector<at::Tensor> maps;
  for (const NamedSize& image : images) {
    const std::filesystem::path file = folder / (image.stem + ".png");
    if (!std::filesystem::is_regular_file(file)) {
      missing.note(file.filename().string());
      continue;
    }
    const Image map = decode_png_labels(read_file(file), file.string());
    if (map.height != image.height || map.width != image.width) {
      size.note(fmt::format("{} is {} x {}, its image {} x {}", file.filename().string(), map.height, map.width,
                            image.height, image.width));
      continue;
    }
    const int highest = *std::max_element(map.pixels.begin(), map.pixels.end());
    if (highest >= clusters) {
      large.note(fmt::format("{} holds {}", file.filename().string(), highest));
      continue;
    }
    at::Tensor ids = at::empty({map.height, map.width}, at::kLong);
    std::copy(map.pixels.begin(), map.pixels.end(), ids.mutable_data_ptr<std::int64_t>());
    maps.push_back(std::move(ids));
  }
  const auto refuse = [&](const Fault& fault, const std::string& what, const std::string& accepted) {
    if (fault.count > 0)
      throw InputError(fmt::format("{}: {} of {} cluster maps {} (first: {}); accepted: {}", folder.string(),
                                   fault.count, images.size(), what, fault.first, accepted));
  };
  refuse(missing, "are missing", "STEM.png for every image");
  refuse(size, "have another size", "maps as large as their images, before any crop");
  refuse(large, "hold other ids", fmt::format("raw ids 0 to {}, as many as {} clusters", clusters - 1, clusters));
  return maps;
}

at::Tensor assign_pixels(const LocalFeatures& features, const at::Tensor& centroids, bool normalised) {
  const std::int64_t n = features.values.size(0), channels = features.values.size(2);
  const std::int64_t height = features.rows * features.patch, width = features.columns * features.patch;
  at::Tensor ids = at::empty({n, height, width}, at::kLong);
  std::int64_t* out = ids.mutable_data_ptr<std::int64_t>();
  // In parts: enlarged features of a whole data set may not fit into memory.
  constexpr std::int64_t part = 64;
  for (std::int64_t begin = 0; begin < n; begin += part) {
    const std::int64_t count = std::min(part, n - begin);
    at::Tensor maps = features.values.narrow(0, begin, count)
                          .transpose(1, 2)
                          .reshape({count, channels, features.rows, features.columns});
    if (features.patch > 1) maps = at::upsample_bilinear2d(maps, {height, width}, false);
    const at::Tensor pixels = maps.permute({0, 2, 3, 1}).reshape({-1, channels}).contiguous();
    for (const std::int64_t id : kmeans_assign(pixels, centroids, normalised)) *out++ = id;
  }
  return ids;
}

KMeansSegmentation segment_by_kmeans(const LocalFeatures& features, const KMeansConfig& kmeans) {
  KMeansSegmentation made;
  made.fit = kmeans_fit(features.values.reshape({-1, features.values.size(2)}), kmeans);
  made.ids = assign_pixels(features, made.fit.centroids, kmeans.normalise);
  return made;
}

}  // namespace assay::self_guided
