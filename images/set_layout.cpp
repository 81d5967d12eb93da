#include "images/set_layout.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.h"
#include "core/numbers.h"
#include "images/image_array.h"

namespace assay {
namespace {

/// Under which names samples are looked for; what they are, features or images, their type and shape say.
constexpr std::array<const char*, 10> sample_names{"features", "images", "arr_0", "feats",       "reps",
                                                   "samples",  "imgs",   "pool3", "activations", "embeddings"};
constexpr std::array<const char*, 5> label_names{"labels", "arr_1", "label", "targets", "y"};
constexpr std::array<std::pair<const char*, const char*>, 4> statistics_names{
    {{"mu", "sigma"}, {"mean", "cov"}, {"mu", "cov"}, {"mean", "sigma"}}};
constexpr std::pair<const char*, const char*> spatial_names{"mu_s", "sigma_s"};
/// What stands beside samples and statistics, and is neither.
constexpr std::array<const char*, 10> other_names{"logits", "class_names", "names", "n",       "mu",
                                                  "sigma",  "mean",        "cov",   "spatial", "std"};

enum class Content { features, images, neither };

bool is_float(DType type) {
  return type == DType::f16 || type == DType::bf16 || type == DType::f32 || type == DType::f64;
}

Content content_of(const ArrayHeader& header) {
  if (header.type == DType::other) return Content::neither;
  if (is_image_array(header)) return Content::images;
  return feature_shape(header.shape) ? Content::features : Content::neither;
}

std::string described(const ArrayFile& file, const std::vector<std::string>& names) {
  constexpr std::size_t listed = 5;
  std::vector<std::string> out;
  for (const std::string& name : names) {
    if (out.size() == listed) {
      out.push_back(fmt::format("{} more", names.size() - listed));
      break;
    }
    const auto header = file.header_if_sound(name);
    out.push_back(header ? fmt::format("'{}' {}", name, header->description()) : fmt::format("'{}'", name));
  }
  return fmt::format("{}", fmt::join(out, ", "));
}

InputError neither(const ArrayFile& file, const std::string& name) {
  return InputError(
      fmt::format("{} holds {}; expected features [samples, numbers], or images, U8 "
                  "[images, height, width, channels] of 0 to 255",
                  file.where(name), file.header(name).description()));
}

template <std::size_t n>
bool is_among(const std::array<const char*, n>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void find_statistics(const ArrayFile& file, SetLayout& layout) {
  for (const auto& [mean, covariance] : statistics_names) {
    if (!file.has(mean) || !file.has(covariance)) continue;
    // Means and deviations of each sample, as autoencoders give them, are no statistics of the set.
    if (file.header(mean).shape.size() == 2 && file.header(mean).shape == file.header(covariance).shape &&
        std::any_of(sample_names.begin(), sample_names.end(), [&](const char* name) { return file.has(name); }))
      continue;
    layout.mean = mean;
    layout.covariance = covariance;
    const auto& [mean_s, covariance_s] = spatial_names;
    if (!file.has(mean_s) && !file.has(covariance_s)) return;
    for (const char* name : {mean_s, covariance_s})
      if (!file.has(name)) throw InputError(fmt::format("{}: has no '{}' beside the other", file.path(), name));
    layout.spatial_mean = mean_s;
    layout.spatial_covariance = covariance_s;
    return;
  }
}

void refuse_half_statistics(const ArrayFile& file) {
  for (const auto& [mean, covariance] : statistics_names)
    for (const char* name : {mean, covariance})
      if (file.has(name))
        throw InputError(
            fmt::format("{}: has no '{}' beside '{}'", file.path(), name == mean ? covariance : mean, name));
}

/// Samples under a known name: features or images, whichever comes first.
void find_known_samples(const ArrayFile& file, SetLayout& layout) {
  std::vector<std::string> odd;
  for (const char* name : sample_names) {
    if (!file.has(name)) continue;
    const Content content = content_of(file.header(name));
    if (content == Content::neither) {
      odd.emplace_back(name);
      continue;
    }
    std::string& place = content == Content::images ? layout.images : layout.features;
    const std::string& taken = layout.images.empty() ? layout.features : layout.images;
    if (taken.empty()) {
      place = name;
    } else if (place.empty()) {
      layout.notes.push_back(fmt::format("{}: '{}' was taken, {} '{}' was not", file.path(), taken,
                                         content == Content::images ? "images" : "features", name));
      return;
    }
  }
  if (layout.features.empty() && layout.images.empty() && !odd.empty()) throw neither(file, odd.front());
}

/// A vector as long as the sides of this square matrix: with that beside it, the matrix may be a covariance.
std::optional<std::string> mean_beside(const ArrayFile& file, const std::string& matrix) {
  const std::vector<std::int64_t> shape = file.header(matrix).shape;
  if (shape.size() != 2 || shape[0] != shape[1]) return std::nullopt;
  for (const std::string& name : file.names()) {
    const auto header = name == matrix ? std::nullopt : file.header_if_sound(name);
    if (header && is_float(header->type) && header->shape == std::vector<std::int64_t>{shape[0]}) return name;
  }
  return std::nullopt;
}

/// Samples under another name, where one array alone can be meant.
void find_unknown_samples(const ArrayFile& file, SetLayout& layout) {
  std::vector<std::string> candidates;
  for (const std::string& name : file.names()) {
    if (is_among(label_names, name) || is_among(other_names, name)) continue;
    const auto header = file.header_if_sound(name);
    if (!header) continue;
    const Content content = content_of(*header);
    if (content == Content::images || (content == Content::features && is_float(header->type)))
      candidates.push_back(name);
  }
  if (candidates.empty()) return;
  if (candidates.size() > 1)
    throw InputError(
        fmt::format("{}: holds {}, and which of them are the samples is not said; expected one of them "
                    "under a name such as {}, {} or {}",
                    file.path(), described(file, candidates), sample_names[0], sample_names[1], sample_names[2]));
  const std::string& name = candidates.front();
  if (const auto mean = mean_beside(file, name))
    throw InputError(fmt::format(
        "{}: holds {}, which may be a covariance and its mean, or features; expected statistics as 'mu' and "
        "'sigma', or features under a name such as {}",
        file.path(), described(file, {name, *mean}), sample_names[0]));
  const bool images = content_of(file.header(name)) == Content::images;
  (images ? layout.images : layout.features) = name;
  layout.notes.push_back(fmt::format("{}: '{}' was taken for its {}, the one array that can be", file.path(), name,
                                     images ? "images" : "features"));
}

}  // namespace

std::string label_name_in(const ArrayFile& file) {
  const auto* name =
      std::find_if(label_names.begin(), label_names.end(), [&](const char* known) { return file.has(known); });
  return name == label_names.end() ? "" : *name;
}

std::string contents_of(const ArrayFile& file) {
  return file.names().empty() ? "nothing" : described(file, file.names());
}

std::optional<FeatureShape> feature_shape(const std::vector<std::int64_t>& shape) {
  if (shape.size() < 2) return std::nullopt;
  FeatureShape found{shape[0], 1};
  for (std::size_t d = 1; d < shape.size(); ++d) {
    if (shape[d] != 1 && found.width != 1) return std::nullopt;
    if (shape[d] != 1) found.width = shape[d];
  }
  return found;
}

SetLayout find_layout(const ArrayFile& file) {
  SetLayout layout;
  layout.moments = file.has(moments_prefix + "nodes");
  if (layout.moments) return layout;
  find_statistics(file, layout);
  if (file.has("logits")) layout.logits = "logits";
  if (layout.statistics()) {
    for (const char* name : sample_names) {
      if (!file.has(name)) continue;
      const Content content = content_of(file.header(name));
      if (content == Content::images && layout.images.empty()) layout.images = name;
      if (content == Content::features)
        layout.notes.push_back(fmt::format("{}: '{}' and '{}' were taken, features '{}' were not", file.path(),
                                           layout.mean, layout.covariance, name));
    }
  } else {
    find_known_samples(file, layout);
    if (layout.features.empty() && layout.images.empty() && layout.logits.empty()) {
      find_unknown_samples(file, layout);
      if (layout.features.empty() && layout.images.empty()) refuse_half_statistics(file);
    }
  }
  layout.labels = label_name_in(file);
  return layout;
}

}  // namespace assay
