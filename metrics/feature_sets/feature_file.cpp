#include "metrics/feature_sets/feature_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <future>
#include <optional>
#include <utility>

#include "core/array_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/numbers.h"
#include "images/label_array.h"
#include "images/set_layout.h"
#include "metrics/feature_sets/double_features.h"
#include "metrics/linear_algebra/dense.h"
#include "metrics/linear_algebra/two_stage_eigenvalues.h"

namespace assay {
namespace {

/// Gives the rows of a matrix, some at a time and from the first on: as floats, and as doubles where the file holds
/// such. Throws InputError on a float that is not finite, and on an integer that float32 cannot hold.
class RowReader {
 public:
  RowReader(const ArrayFile& file, const std::string& name) : where_(file.where(name)) {
    const ArrayHeader& header = file.header(name);
    const std::optional<FeatureShape> shape = feature_shape(header.shape);
    if (header.type != DType::other && !shape)
      throw InputError(
          fmt::format("{} has shape [{}]; expected [samples, numbers]", where_, fmt::join(header.shape, ", ")));
    array_ = file.stream(name);
    shape_ = *shape;
    if (shape_.count < 1 || shape_.width < 1)
      throw InputError(fmt::format("{} is empty: [{}, {}]", where_, shape_.count, shape_.width));
  }

  std::int64_t count() const { return shape_.count; }
  std::int64_t width() const { return shape_.width; }
  std::int64_t numbers() const { return count() * width(); }
  bool in_double() const { return array_.type == DType::f64; }
  /// As FeatureSet::converted_from.
  std::string converted_from() const {
    return in_double() || array_.type == DType::f32 ? "" : std::string(numpy_name_of(array_.type));
  }

  /// body(first row, floats, doubles) for each piece; the next one is read meanwhile.
  template <class Body>
  void pass(const Body& body) {
    array_.rewind();
    const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{1} << 21) / width(), 1, 1024);
    const auto start = [&](std::int64_t first, Piece memory) {
      return std::async(std::launch::async,
                        [this, first, rows = std::min(most, count() - first), piece = std::move(memory)]() mutable {
                          fill(piece, first, rows);
                          return std::move(piece);
                        });
    };
    Piece spare;
    std::future<Piece> ahead = start(0, {});
    for (std::int64_t first = 0; first < count(); first += most) {
      stop_if_interrupted();
      Piece piece = ahead.get();
      if (first + most < count()) ahead = start(first + most, std::move(spare));
      body(first, std::span<const float>(piece.floats), std::span<const double>(piece.doubles));
      spare = std::move(piece);
    }
  }

 private:
  struct Piece {
    std::vector<float> floats;
    std::vector<double> doubles;
  };

  void fill(Piece& piece, std::int64_t first, std::int64_t rows) {
    const auto size = static_cast<std::size_t>(rows * width());
    std::vector<float>& floats = piece.floats;
    std::vector<double>& doubles = piece.doubles;
    floats.resize(size);
    if (in_double()) {
      doubles.resize(size);
      array_.read(std::as_writable_bytes(std::span(doubles)));
      std::transform(doubles.begin(), doubles.end(), floats.begin(), [](double v) { return static_cast<float>(v); });
    } else if (array_.type == DType::f32) {
      array_.read(std::as_writable_bytes(std::span(floats)));
    } else {
      std::vector<std::byte> stored(size * size_of(array_.type));
      array_.read(stored);
      if (const auto at = convert_to_float(array_.type, stored, floats)) refuse_inexact(stored, first, *at);
    }
    check_finite(floats, doubles, first);
  }

  void check_finite(std::span<const float> values, std::span<const double> exact, std::int64_t first_row) const {
    float sum = 0.0F;  // NaN where a value is not finite, and the loop stays vectorised
    for (const float value : values) sum += value * 0.0F;
    if (sum == 0.0F) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i])) continue;
      const bool too_large = !exact.empty() && std::isfinite(exact[i]);
      throw InputError(fmt::format("{} holds {} in {}{}", where_, exact.empty() ? values[i] : exact[i],
                                   place_of(i, first_row), too_large ? ", which is beyond the range of float32" : ""));
    }
  }

  [[noreturn]] void refuse_inexact(std::span<const std::byte> stored, std::int64_t first_row, std::size_t i) const {
    double value = 0;
    convert_to_double(array_.type, stored.subspan(i * size_of(array_.type)), {&value, 1});
    throw InputError(fmt::format("{} holds {:.0f} in {}; float32 holds whole numbers up to 16777216: give F64", where_,
                                 value, place_of(i, first_row)));
  }

  std::string place_of(std::size_t i, std::int64_t first_row) const {
    const auto at = static_cast<std::int64_t>(i);
    return fmt::format("row {}, column {}", first_row + at / width(), at % width());
  }

  ArrayStream array_;
  FeatureShape shape_{};
  std::string where_;
};

/// What a set keeps of the arrays it was read from.
struct Samples {
  std::vector<float> features, logits;
  std::vector<double> doubles;
};

template <class T>
void append(std::span<const T> from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

/// Features in one pass, or two where they are doubles that are not kept. The hash is that of hash_of_samples().
void read_features(RowReader& rows, KeepOfFeatures keep, FeatureSet& set, Samples& samples, Hasher& hasher) {
  const bool many = rows.count() > rows.width();
  const bool statistics = keep == KeepOfFeatures::statistics && many;
  const bool of_doubles = rows.in_double() && (statistics || (keep == KeepOfFeatures::rounded_and_statistics && many));
  const bool doubles = rows.in_double() && !of_doubles && keep != KeepOfFeatures::rounded;
  set.count = rows.count();
  set.width = rows.width();
  set.from_double = rows.in_double();
  set.converted_from = rows.converted_from();
  std::shared_ptr<FeatureMoments> moments;
  std::shared_ptr<DoubleMoments> double_moments;
  if (of_doubles) double_moments = std::make_shared<DoubleMoments>(set.width);
  if (statistics && !rows.in_double()) moments = std::make_shared<FeatureMoments>(set.width);
  if (!statistics) samples.features.reserve(static_cast<std::size_t>(rows.numbers()));
  if (doubles) samples.doubles.reserve(static_cast<std::size_t>(rows.numbers()));

  hasher.number(set.count).number(set.width).number(rows.numbers());
  rows.pass([&](std::int64_t first, std::span<const float> values, std::span<const double> exact) {
    hasher.bytes(values.data(), values.size_bytes());
    if (!statistics) append(values, samples.features);
    if (doubles) append(exact, samples.doubles);
    if (moments) moments->add(first, values);
    if (double_moments) double_moments->add_to_mean(exact);
  });
  if (doubles) {
    hasher.values(std::span<const double>(samples.doubles));
  } else if (rows.in_double()) {
    hasher.number(rows.numbers());
    rows.pass([&](std::int64_t, std::span<const float>, std::span<const double> exact) {
      hasher.bytes(exact.data(), exact.size_bytes());
      if (double_moments) double_moments->add_to_covariance(exact);
    });
  }
  set.moments = std::move(moments);
  set.double_moments = std::move(double_moments);
}

void read_samples(const ArrayFile& file, const SetLayout& layout, KeepOfFeatures keep, FeatureSet& set) {
  const auto samples = std::make_shared<Samples>();
  Hasher hasher;
  if (!layout.features.empty()) {
    RowReader rows(file, layout.features);
    read_features(rows, keep, set, *samples, hasher);
  }
  if (!layout.logits.empty()) {
    RowReader rows(file, layout.logits);
    if (set.count > 0 && rows.count() != set.count)
      throw InputError(
          fmt::format("{} has {} rows, the features have {}", file.where(layout.logits), rows.count(), set.count));
    if (set.count == 0) {
      hasher.number(rows.count()).number(std::int64_t{0}).number(std::int64_t{0});
      set.converted_from = rows.converted_from();
    }
    set.count = rows.count();
    set.classes = rows.width();
    hasher.number(set.classes).number(rows.numbers());
    const bool kept = keep != KeepOfFeatures::statistics;
    if (kept) samples->logits.reserve(static_cast<std::size_t>(rows.numbers()));
    rows.pass([&](std::int64_t, std::span<const float> values, std::span<const double>) {
      hasher.bytes(values.data(), values.size_bytes());
      if (kept) append(values, samples->logits);
    });
  }
  if (!layout.labels.empty()) {
    LabelArray labels = read_labels(file, layout.labels, set.count);
    set.labels = std::move(labels.labels);
    set.class_names = std::move(labels.class_names);
    set.label_fault = std::move(labels.fault);
    set.notes.insert(set.notes.end(), labels.notes.begin(), labels.notes.end());
    if (!set.label_fault.empty()) set.notes.push_back(set.label_fault + "; it was not used");
  }
  set.names = read_row_names(file, set.count, set.notes);
  set.hash = hasher.hex();
  set.features = samples->features;
  set.doubles = samples->doubles;
  set.logits = samples->logits;
  set.storage = samples;
}

/// Refuses what no covariance can be, and makes the rest symmetric to the bit.
void check_covariance(Eigen::MatrixXd& sigma, const std::string& where) {
  const auto fault = [&](const std::string& what) { return InputError(fmt::format("{} {}", where, what)); };
  const double size = sigma.cwiseAbs().maxCoeff();
  const Eigen::Index n = sigma.rows();
  for (Eigen::Index j = 0; j < n; ++j)
    if (sigma(j, j) < 0.0) throw fault(fmt::format("has a negative variance in column {}", j));
  constexpr Eigen::Index square = 32;  // in squares, which fit caches
  for (Eigen::Index j0 = 0; j0 < n; j0 += square)
    for (Eigen::Index i0 = 0; i0 <= j0; i0 += square)
      for (Eigen::Index j = j0; j < std::min(j0 + square, n); ++j)
        for (Eigen::Index i = i0; i < std::min(i0 + square, j); ++i) {
          if (!(std::abs(sigma(i, j) - sigma(j, i)) <= 1e-6 * size))
            throw fault(fmt::format("is not symmetric: {} in row {}, column {} and {} across the diagonal", sigma(i, j),
                                    i, j, sigma(j, i)));
          sigma(i, j) = sigma(j, i) = 0.5 * (sigma(i, j) + sigma(j, i));
        }
  dense::Matrix copy(sigma);
  if (dense::cholesky(copy)) return;
  dense::Matrix again(sigma);
  const std::vector<double> values = two_stage_eigenvalues(again);
  // Statistics that somebody gathered in float32 go this far below zero.
  if (values.front() < -1e-5 * values.back())
    throw fault(
        fmt::format("is no covariance: its smallest eigenvalue is {} (largest {})", values.front(), values.back()));
}

/// The sides of a shape without those of 1 in front of the last `sides`.
std::vector<std::int64_t> last_sides(std::vector<std::int64_t> shape, std::size_t sides) {
  while (shape.size() > sides && shape.front() == 1) shape.erase(shape.begin());
  return shape;
}

std::int64_t read_count(const ArrayFile& file, const std::string& name) {
  const TensorView view = file.read(name);
  const std::string where = file.where(name);
  if (view.numel() != 1) throw InputError(fmt::format("{} must be one positive whole number", where));
  const std::int64_t count = integers_of(view, where).front();
  if (count < 1) throw InputError(fmt::format("{} is {}; expected a positive whole number", where, count));
  return count;
}

Gaussian read_statistics(const ArrayFile& file, const std::string& mean_name, const std::string& sigma_name) {
  const std::string mean_where = file.where(mean_name), sigma_where = file.where(sigma_name);
  const ArrayHeader &mean_header = file.header(mean_name), &sigma_header = file.header(sigma_name);
  // A mean of [1, D] or [D, 1] is what mean(keepdims=True) and MATLAB leave.
  const std::int64_t width = mean_header.numel();
  const auto sides = std::count_if(mean_header.shape.begin(), mean_header.shape.end(), [](auto n) { return n != 1; });
  if (mean_header.shape.empty() || sides > 1 || width < 1)
    throw InputError(
        fmt::format("{} has shape [{}]; expected [numbers]", mean_where, fmt::join(mean_header.shape, ", ")));
  if (last_sides(sigma_header.shape, 2) != std::vector<std::int64_t>{width, width})
    throw InputError(fmt::format("{} has shape [{}]; expected [{}, {}]", sigma_where,
                                 fmt::join(sigma_header.shape, ", "), width, width));
  const std::vector<double> mean = doubles_of(file.read(mean_name), mean_where);
  const std::vector<double> sigma = doubles_of(file.read(sigma_name), sigma_where);
  const auto finite = [&](const std::vector<double>& values, const std::string& where) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (!std::isfinite(values[i]))
        throw InputError(fmt::format("{} holds {} in row {}, column {}", where, values[i], at / width, at % width));
    }
  };
  finite(mean, mean_where);
  finite(sigma, sigma_where);
  Gaussian out;
  out.mean = Eigen::Map<const Eigen::VectorXd>(mean.data(), width);
  out.covariance = Eigen::Map<const Eigen::MatrixXd>(sigma.data(), width, width);
  check_covariance(out.covariance, sigma_where);
  if (file.has("n")) out.count = read_count(file, "n");
  return out;
}

std::string hash_of(const Gaussian& g) {
  const auto values = [](const auto& m) {
    return std::span<const double>(m.data(), static_cast<std::size_t>(m.size()));
  };
  return Hasher().number(g.count).values(values(g.mean)).values(values(g.covariance)).hex();
}

FeatureSet read_set(const ArrayFile& file, const SetLayout& layout, KeepOfFeatures keep) {
  FeatureSet set;
  set.name = file.path();
  set.notes = layout.notes;
  if (layout.statistics()) {
    set.statistics = read_statistics(file, layout.mean, layout.covariance);
    set.count = set.statistics->count;
    set.width = set.statistics->width();
    set.hash = hash_of(*set.statistics);
    if (!layout.spatial_mean.empty())
      set.spatial_statistics = read_statistics(file, layout.spatial_mean, layout.spatial_covariance);
    return set;
  }
  if (!layout.images.empty() && layout.logits.empty())
    throw InputError(fmt::format("{} holds images, {}; expected features, or statistics of them",
                                 file.where(layout.images), file.header(layout.images).description()));
  if (layout.features.empty() && layout.logits.empty())
    throw InputError(fmt::format("{}: holds {}; expected features, logits, mu and sigma, or feature moments",
                                 file.path(), contents_of(file)));
  read_samples(file, layout, keep, set);
  return set;
}

FeatureSet read_moments(const SafetensorsFile& file) {
  FeatureSet set;
  set.name = file.path();
  set.moments = std::make_shared<const FeatureMoments>(FeatureMoments::load(file, moments_prefix));
  set.count = set.moments->count();
  set.width = set.moments->width();
  if (set.count == 0) throw InputError(fmt::format("{}: feature moments of no samples", set.name));
  Gaussian sums{set.count, set.moments->mean(), {}, {}};
  if (set.count > 1) sums.covariance = set.moments->covariance();
  set.hash = hash_of(sums);
  return set;
}

}  // namespace

FeatureSet read_feature_file(const std::filesystem::path& file, KeepOfFeatures keep) {
  const ArrayFile arrays(file);
  const SetLayout layout = find_layout(arrays);
  return layout.moments ? read_moments(SafetensorsFile(file)) : read_set(arrays, layout, keep);
}

bool holds_public_statistics(const std::filesystem::path& path) {
  return !std::filesystem::is_directory(path) && find_layout(ArrayFile(path)).statistics();
}

FeatureMoments read_feature_moments(const std::filesystem::path& file, std::int64_t first_index,
                                    std::vector<std::string>& notes,
                                    const std::function<void(std::int64_t done, std::int64_t count)>& progress) {
  const ArrayFile arrays(file);
  const SetLayout layout = find_layout(arrays);
  if (layout.features.empty())
    throw InputError(
        fmt::format("{}: holds {}; expected features to gather statistics of", file.string(), contents_of(arrays)));
  notes = layout.notes;
  RowReader rows(arrays, layout.features);
  if (!rows.converted_from().empty())
    notes.push_back(fmt::format("{} was converted from {}", arrays.where(layout.features), rows.converted_from()));
  FeatureMoments moments(rows.width());
  rows.pass([&](std::int64_t first, std::span<const float> values, std::span<const double>) {
    moments.add(first_index + first, values);
    progress(moments.count(), rows.count());
  });
  return moments;
}

}  // namespace assay
