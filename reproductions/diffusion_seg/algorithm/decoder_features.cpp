#include "reproductions/diffusion_seg/algorithm/decoder_features.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sigmoid.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/numbers.h"
#include "core/safetensors.h"
#include "kernels/host_tensor.h"

namespace assay::diffusion_seg {
namespace {

std::string scale_name(std::size_t k) { return fmt::format("scale.{}", k); }

void check_maps(const std::vector<at::Tensor>& scales) {
  if (scales.empty()) throw InputError("features: no feature map; accepted: at least one");
  for (const at::Tensor& maps : scales) {
    if (maps.dim() != 4 || maps.numel() == 0 || (maps.scalar_type() != at::kFloat && maps.scalar_type() != at::kHalf))
      throw InputError(
          fmt::format("features: {} [{}]; accepted: [images, channels, height, width] in float32 or "
                      "float16, none of them 0",
                      maps.dtype().name(), fmt::join(maps.sizes(), ", ")));
    if (maps.size(0) != scales[0].size(0))
      throw InputError(fmt::format("features: {} images in one scale and {} in another; accepted: as many in each",
                                   scales[0].size(0), maps.size(0)));
  }
}

/// The files of a set of features, and which images each of them holds.
struct FeatureFiles {
  std::vector<SafetensorsFile> files;
  std::vector<std::int64_t> ends;                 // one past the last image of each file
  std::vector<std::vector<std::int64_t>> shapes;  // [channels, height, width] of each scale

  void add(const std::filesystem::path& path) {
    const SafetensorsFile& file = files.emplace_back(path);
    const std::size_t scales = file.tensors().size();
    if (scales == 0) throw InputError(fmt::format("{}: holds no feature map", file.path()));
    const std::int64_t images = map_of(file, 0).shape[0];
    for (std::size_t k = 0; k < scales; ++k) {
      const TensorView& maps = map_of(file, k);
      const std::vector<std::int64_t> shape(maps.shape.begin() + 1, maps.shape.end());
      if (maps.shape[0] != images)
        throw InputError(fmt::format("{}: {} images in {} and {} in {}; expected as many in each", file.path(), images,
                                     scale_name(0), maps.shape[0], scale_name(k)));
      if (files.size() == 1)
        shapes.push_back(shape);
      else if (k >= shapes.size() || shapes[k] != shape)
        throw InputError(fmt::format("{}: {} has maps [{}]; expected those of {}", file.path(), scale_name(k),
                                     fmt::join(shape, ", "), files.front().path()));
    }
    if (scales != shapes.size())
      throw InputError(fmt::format("{}: {} scales; expected {}, as in {}", file.path(), scales, shapes.size(),
                                   files.front().path()));
    ends.push_back((ends.empty() ? 0 : ends.back()) + images);
  }

  /// Map `k` of image `image` into `out`.
  void read(std::int64_t image, std::size_t k, std::span<float> out) const {
    const auto f = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), image) - ends.begin());
    if (image < 0 || f >= files.size())
      throw Error(fmt::format("features: image {} of {}", image, ends.empty() ? 0 : ends.back()));
    const TensorView& maps = map_of(files[f], k);
    const std::size_t size = size_of(maps.type) * out.size();
    const auto row = static_cast<std::size_t>(image - (f == 0 ? 0 : ends[f - 1]));
    const std::span<const std::byte> values = maps.data.subspan(row * size, size);
    if (maps.type == DType::f32)
      std::memcpy(out.data(), values.data(), size);
    else
      convert_to_float(maps.type, values, out);
  }

 private:
  static const TensorView& map_of(const SafetensorsFile& file, std::size_t k) {
    const TensorView& maps = file.at(scale_name(k));
    if (maps.shape.size() != 4 || maps.numel() == 0 || (maps.type != DType::f32 && maps.type != DType::f16))
      throw InputError(fmt::format("{}: {} is {} [{}]; expected F32 or F16 [images, channels, height, width]",
                                   file.path(), scale_name(k), maps.type_name(), fmt::join(maps.shape, ", ")));
    return maps;
  }
};

}  // namespace

DecoderFeatures features_in_memory(std::vector<at::Tensor> scales) {
  check_maps(scales);
  DecoderFeatures features{.count = scales[0].size(0)};
  for (const at::Tensor& maps : scales) features.channels.push_back(maps.size(1));
  features.load = [scales = std::move(scales)](const std::vector<std::int64_t>& images) {
    std::vector<at::Tensor> chosen;
    chosen.reserve(scales.size());
    for (const at::Tensor& maps : scales) chosen.push_back(rows_of(maps, images).to(at::kFloat));
    return chosen;
  };
  return features;
}

void write_features(const std::filesystem::path& file, const std::vector<at::Tensor>& scales) {
  check_maps(scales);
  SafetensorsWriter writer;
  for (std::size_t k = 0; k < scales.size(); ++k) {
    const at::Tensor maps = scales[k].to(at::kCPU).contiguous();
    writer.add(scale_name(k), maps.scalar_type() == at::kHalf ? DType::f16 : DType::f32, maps.sizes().vec(),
               std::span(static_cast<const std::byte*>(maps.const_data_ptr()), maps.nbytes()));
  }
  writer.write(file);
}

DecoderFeatures features_in_files(const std::vector<std::filesystem::path>& files) {
  if (files.empty()) throw InputError("features: no file; accepted: at least one");
  const auto set = std::make_shared<FeatureFiles>();
  set->files.reserve(files.size());
  for (const std::filesystem::path& file : files) set->add(file);
  DecoderFeatures features{.count = set->ends.back()};
  for (const auto& shape : set->shapes) features.channels.push_back(shape[0]);
  features.load = [set = std::shared_ptr<const FeatureFiles>(set)](const std::vector<std::int64_t>& images) {
    std::vector<at::Tensor> chosen;
    chosen.reserve(set->shapes.size());
    for (std::size_t k = 0; k < set->shapes.size(); ++k) {
      const std::vector<std::int64_t>& shape = set->shapes[k];
      const at::Tensor maps =
          at::empty({static_cast<std::int64_t>(images.size()), shape[0], shape[1], shape[2]}, at::kFloat);
      const auto size = static_cast<std::size_t>(shape[0] * shape[1] * shape[2]);
      for (std::size_t i = 0; i < images.size(); ++i)
        set->read(images[i], k, {maps.mutable_data_ptr<float>() + i * size, size});
      chosen.push_back(maps);
    }
    return chosen;
  };
  return features;
}

DecoderFeatures chosen_features(const DecoderFeatures& features, std::vector<std::int64_t> images) {
  for (const std::int64_t image : images)
    if (image < 0 || image >= features.count)
      throw InputError(fmt::format("features: image {}; accepted: 0 to {}", image, features.count - 1));
  DecoderFeatures chosen{.count = static_cast<std::int64_t>(images.size()), .channels = features.channels};
  chosen.load = [load = features.load, images = std::move(images)](const std::vector<std::int64_t>& some) {
    std::vector<std::int64_t> there;
    there.reserve(some.size());
    for (const std::int64_t image : some) there.push_back(images.at(static_cast<std::size_t>(image)));
    return load(there);
  };
  return chosen;
}

at::Tensor soft_masks(const MaskDecoder& decoder, const DecoderFeatures& features, std::int64_t height,
                      std::int64_t width, const PassShape& passes, const std::function<void(std::int64_t)>& progress) {
  if (features.count == 0) return at::empty({0, height, width}, at::kFloat);
  std::vector<std::int64_t> all(static_cast<std::size_t>(features.count));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  return draw_in_passes(
      features.count, passes,
      [&](const SamplePass& pass) {
        std::vector<at::Tensor> maps = features.load(pass.of(all));
        for (at::Tensor& scale : maps) scale = scale.to(decoder.device());
        return at::sigmoid(decoder.logits(maps, height, width));
      },
      progress);
}

}  // namespace assay::diffusion_seg
