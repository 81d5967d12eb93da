#include "metrics/feature_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/npz.h"
#include "core/safetensors_header.h"
#include "metrics/dense.h"
#include "metrics/double_features.h"
#include "metrics/two_stage_eigenvalues.h"

namespace assay {
namespace {

/// The bytes of one array in the order of its rows.
struct ArrayStream {
  DType type;
  std::vector<std::int64_t> shape;
  std::function<void(std::span<std::byte>)> read;  // the next ones
  std::function<void()> rewind;
};

/// One file, whatever its format: what it holds, and ways to an array, whole or piece by piece. What `read` gives lives
/// as long as the source.
struct Source {
  std::string path;
  std::vector<std::string> names;
  std::function<TensorView(const std::string&)> read;
  std::function<ArrayStream(const std::string&)> stream;

  bool has(const std::string& name) const { return std::find(names.begin(), names.end(), name) != names.end(); }
};

InputError fault(const std::string& file, const std::string& tensor, const std::string& what) {
  return InputError(fmt::format("{}: '{}' {}", file, tensor, what));
}

void check_matrix(const ArrayStream& array, const std::string& file, const std::string& tensor) {
  if (array.type != DType::f32 && array.type != DType::f64)
    throw fault(file, tensor, fmt::format("holds {}; expected F32 or F64", name_of(array.type)));
  if (array.shape.size() != 2)
    throw fault(file, tensor, fmt::format("has shape [{}]; expected [samples, numbers]", fmt::join(array.shape, ", ")));
  if (array.shape[0] < 1 || array.shape[1] < 1)
    throw fault(file, tensor, fmt::format("is empty: [{}, {}]", array.shape[0], array.shape[1]));
}

/// Gives the rows of a matrix, some at a time and from the first on: as floats, and as doubles where the file holds
/// such. Throws InputError on a float that is not finite.
class RowReader {
 public:
  RowReader(ArrayStream array, std::string file, std::string tensor)
      : array_(std::move(array)), file_(std::move(file)), tensor_(std::move(tensor)) {
    check_matrix(array_, file_, tensor_);
  }

  std::int64_t count() const { return array_.shape[0]; }
  std::int64_t width() const { return array_.shape[1]; }
  std::int64_t numbers() const { return count() * width(); }
  bool in_double() const { return array_.type == DType::f64; }

  /// body(first row, floats, doubles) for each piece.
  template <class Body>
  void pass(const Body& body) {
    array_.rewind();
    const std::int64_t most = std::clamp<std::int64_t>((std::int64_t{1} << 21) / width(), 1, 1024);
    std::vector<float> floats;
    std::vector<double> doubles;
    for (std::int64_t first = 0; first < count(); first += most) {
      stop_if_interrupted();
      const auto size = static_cast<std::size_t>(std::min(most, count() - first) * width());
      floats.resize(size);
      if (in_double()) {
        doubles.resize(size);
        array_.read(std::as_writable_bytes(std::span(doubles)));
        std::transform(doubles.begin(), doubles.end(), floats.begin(), [](double v) { return static_cast<float>(v); });
      } else {
        array_.read(std::as_writable_bytes(std::span(floats)));
      }
      check_finite(floats, first);
      body(first, std::span<const float>(floats), std::span<const double>(doubles));
    }
  }

 private:
  void check_finite(std::span<const float> values, std::int64_t first_row) const {
    float sum = 0.0F;  // NaN where a value is not finite, and the loop stays vectorised
    for (const float value : values) sum += value * 0.0F;
    if (sum == 0.0F) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (!std::isfinite(values[i]))
        throw fault(file_, tensor_,
                    fmt::format("holds {} in row {}, column {}", values[i], first_row + at / width(), at % width()));
    }
  }

  ArrayStream array_;
  std::string file_, tensor_;
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

void read_samples(const Source& source, const std::string& feature_name, KeepOfFeatures keep, FeatureSet& set) {
  const auto samples = std::make_shared<Samples>();
  Hasher hasher;
  if (source.has(feature_name)) {
    RowReader rows(source.stream(feature_name), set.name, feature_name);
    read_features(rows, keep, set, *samples, hasher);
  }
  if (source.has("logits")) {
    RowReader rows(source.stream("logits"), set.name, "logits");
    if (set.count > 0 && rows.count() != set.count)
      throw fault(set.name, "logits", fmt::format("has {} rows, the features have {}", rows.count(), set.count));
    if (set.count == 0) hasher.number(rows.count()).number(std::int64_t{0}).number(std::int64_t{0});
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
  if (source.has("labels")) {
    const TensorView view = source.read("labels");
    if (view.shape != std::vector<std::int64_t>{set.count})
      throw fault(set.name, "labels",
                  fmt::format("has shape [{}]; expected [{}]", fmt::join(view.shape, ", "), set.count));
    if (view.type != DType::i64)
      throw fault(set.name, "labels", fmt::format("holds {}; expected I64", name_of(view.type)));
    const auto values = view.i64("labels");
    set.labels.assign(values.begin(), values.end());
  }
  set.hash = hasher.hex();
  set.features = samples->features;
  set.doubles = samples->doubles;
  set.logits = samples->logits;
  set.storage = samples;
}

std::vector<double> doubles(const TensorView& view, const std::string& file, const std::string& tensor) {
  std::vector<double> out(static_cast<std::size_t>(view.numel()));
  if (view.type == DType::f64) {
    if (!out.empty()) std::memcpy(out.data(), view.data.data(), view.data.size());
  } else if (view.type == DType::f32) {
    const auto values = view.f32(tensor);
    std::copy(values.begin(), values.end(), out.begin());
  } else {
    throw fault(file, tensor, fmt::format("holds {}; expected F64 or F32", name_of(view.type)));
  }
  return out;
}

/// Refuses what no covariance can be, and makes the rest symmetric to the bit.
void check_covariance(Eigen::MatrixXd& sigma, const std::string& file, const std::string& name) {
  const double size = sigma.cwiseAbs().maxCoeff();
  const Eigen::Index n = sigma.rows();
  for (Eigen::Index j = 0; j < n; ++j)
    if (sigma(j, j) < 0.0) throw fault(file, name, fmt::format("has a negative variance in column {}", j));
  constexpr Eigen::Index square = 32;  // in squares, which fit caches
  for (Eigen::Index j0 = 0; j0 < n; j0 += square)
    for (Eigen::Index i0 = 0; i0 <= j0; i0 += square)
      for (Eigen::Index j = j0; j < std::min(j0 + square, n); ++j)
        for (Eigen::Index i = i0; i < std::min(i0 + square, j); ++i) {
          if (!(std::abs(sigma(i, j) - sigma(j, i)) <= 1e-6 * size))
            throw fault(file, name,
                        fmt::format("is not symmetric: {} in row {}, column {} and {} across the diagonal", sigma(i, j),
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
        file, name,
        fmt::format("is no covariance: its smallest eigenvalue is {} (largest {})", values.front(), values.back()));
}

Gaussian read_statistics(const Source& source, const std::string& mean_name, const std::string& sigma_name) {
  for (const std::string& name : {mean_name, sigma_name})
    if (!source.has(name)) throw InputError(fmt::format("{}: has no '{}' beside the other", source.path, name));
  const TensorView mean_view = source.read(mean_name), sigma_view = source.read(sigma_name);
  const std::int64_t width = mean_view.numel();
  if (mean_view.shape.size() != 1 || width < 1)
    throw fault(source.path, mean_name,
                fmt::format("has shape [{}]; expected [numbers]", fmt::join(mean_view.shape, ", ")));
  if (sigma_view.shape != std::vector<std::int64_t>{width, width})
    throw fault(source.path, sigma_name,
                fmt::format("has shape [{}]; expected [{}, {}]", fmt::join(sigma_view.shape, ", "), width, width));
  const auto mean = doubles(mean_view, source.path, mean_name), sigma = doubles(sigma_view, source.path, sigma_name);
  const auto finite = [&](const std::vector<double>& values, const std::string& name) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (!std::isfinite(values[i]))
        throw fault(source.path, name, fmt::format("holds {} in row {}, column {}", values[i], at / width, at % width));
    }
  };
  finite(mean, mean_name);
  finite(sigma, sigma_name);
  Gaussian out;
  out.mean = Eigen::Map<const Eigen::VectorXd>(mean.data(), width);
  out.covariance = Eigen::Map<const Eigen::MatrixXd>(sigma.data(), width, width);
  check_covariance(out.covariance, source.path, sigma_name);
  if (source.has("n")) {
    const TensorView view = source.read("n");
    if (view.type != DType::i64 || view.numel() != 1 || view.i64("n")[0] < 1)
      throw fault(source.path, "n", "must be one positive I64");
    out.count = view.i64("n")[0];
  }
  return out;
}

std::string hash_of(const Gaussian& g) {
  const auto values = [](const auto& m) {
    return std::span<const double>(m.data(), static_cast<std::size_t>(m.size()));
  };
  return Hasher().number(g.count).values(values(g.mean)).values(values(g.covariance)).hex();
}

const char* feature_name_in(const Source& source) { return source.has("features") ? "features" : "arr_0"; }

FeatureSet read_source(const Source& source, KeepOfFeatures keep) {
  FeatureSet set;
  set.name = source.path;
  if (source.has("mu") || source.has("sigma")) {
    set.statistics = read_statistics(source, "mu", "sigma");
    set.count = set.statistics->count;
    set.width = set.statistics->width();
    set.hash = hash_of(*set.statistics);
    if (source.has("mu_s") || source.has("sigma_s"))
      set.spatial_statistics = read_statistics(source, "mu_s", "sigma_s");
    return set;
  }
  const std::string features = feature_name_in(source);
  if (!source.has(features) && !source.has("logits"))
    throw InputError(fmt::format("{}: holds {}; expected features, logits, mu and sigma, or feature moments",
                                 source.path,
                                 source.names.empty() ? "nothing" : fmt::format("{}", fmt::join(source.names, ", "))));
  read_samples(source, features, keep, set);
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

/// The rows of an array in memory.
ArrayStream in_memory(const std::shared_ptr<const NpyArray>& array) {
  const auto at = std::make_shared<std::size_t>(0);
  return {array->type, array->shape,
          [array, at](std::span<std::byte> to) {
            std::copy_n(array->data.begin() + static_cast<std::ptrdiff_t>(*at), to.size(), to.begin());
            *at += to.size();
          },
          [at] { *at = 0; }};
}

Source open_npz(const std::filesystem::path& path) {
  const auto file = std::make_shared<const NpzFile>(path);
  const auto kept = std::make_shared<std::map<std::string, NpyArray>>();
  const auto read = [file, kept](const std::string& name) {
    if (!kept->contains(name)) kept->emplace(name, file->read(name));
    return kept->at(name).view();
  };
  const auto stream = [file](const std::string& name) {
    const auto open = std::make_shared<NpyStream>(file->stream(name));
    const NpyHeader& header = open->header();
    if (header.column_major) return in_memory(std::make_shared<const NpyArray>(file->read(name)));
    return ArrayStream{header.type, header.shape, [open](std::span<std::byte> to) { open->read(to); },
                       [open] { open->rewind(); }};
  };
  return {file->path(), file->names(), read, stream};
}

/// A safetensors file of which the header alone is in memory.
struct OpenSafetensors {
  explicit OpenSafetensors(const std::filesystem::path& file) : path(file.string()), in(file, std::ios::binary) {
    std::error_code code;
    if (std::filesystem::is_directory(file, code))
      throw InputError(fmt::format("{}: is a folder, expected a file", path));
    if (!in) throw InputError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
    in.seekg(0, std::ios::end);
    const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(in.tellg(), 0));
    std::string begin(std::min<std::uint64_t>(size, 8), '\0');
    read(0, std::as_writable_bytes(std::span(begin)));
    begin.resize(8 + safetensors_header_size(begin, size, path));
    read(0, std::as_writable_bytes(std::span(begin)));
    header = parse_safetensors_header(begin, size, path);
  }

  void read(std::uint64_t from, std::span<std::byte> to) {
    in.clear();
    in.seekg(static_cast<std::streamoff>(from));
    in.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
    if (!in) throw InputError(path + ": was cut short while it was read");
  }

  std::string path;
  std::ifstream in;
  SafetensorsHeader header;
  std::map<std::string, std::vector<std::byte>> kept;
};

Source open_safetensors(const std::shared_ptr<OpenSafetensors>& file) {
  std::vector<std::string> names;
  names.reserve(file->header.tensors.size());
  for (const auto& [name, entry] : file->header.tensors) names.push_back(name);
  const auto read = [file](const std::string& name) {
    const SafetensorsHeader::Entry& entry = file->header.tensors.at(name);
    std::vector<std::byte>& bytes = file->kept[name];
    bytes.resize(entry.bytes);
    file->read(file->header.data_begin + entry.begin, bytes);
    return TensorView{entry.type, entry.shape, bytes};
  };
  const auto stream = [file](const std::string& name) {
    const SafetensorsHeader::Entry& entry = file->header.tensors.at(name);
    const std::uint64_t begin = file->header.data_begin + entry.begin;
    const auto at = std::make_shared<std::uint64_t>(begin);
    return ArrayStream{entry.type, entry.shape,
                       [file, at](std::span<std::byte> to) {
                         file->read(*at, to);
                         *at += to.size();
                       },
                       [at, begin] { *at = begin; }};
  };
  return {file->path, names, read, stream};
}

/// Nothing where a safetensors file holds feature moments.
std::optional<Source> open_source(const std::filesystem::path& file) {
  if (file.extension() == ".npz") return open_npz(file);
  if (file.extension() != ".safetensors")
    throw InputError(fmt::format("{}: expected a feature or statistics file (.safetensors or .npz)", file.string()));
  const auto open = std::make_shared<OpenSafetensors>(file);
  if (open->header.tensors.contains(moments_prefix + "nodes")) return std::nullopt;
  return open_safetensors(open);
}

}  // namespace

FeatureSet read_feature_file(const std::filesystem::path& file, KeepOfFeatures keep) {
  const std::optional<Source> source = open_source(file);
  return source ? read_source(*source, keep) : read_moments(SafetensorsFile(file));
}

FeatureMoments read_feature_moments(const std::filesystem::path& file, std::int64_t first_index,
                                    const std::function<void(std::int64_t done, std::int64_t count)>& progress) {
  const std::optional<Source> source = open_source(file);
  const std::string name = source ? feature_name_in(*source) : "";
  if (!source || !source->has(name))
    throw InputError(fmt::format("{}: holds no features to gather statistics of", file.string()));
  RowReader rows(source->stream(name), source->path, name);
  FeatureMoments moments(rows.width());
  rows.pass([&](std::int64_t first, std::span<const float> values, std::span<const double>) {
    moments.add(first_index + first, values);
    progress(moments.count(), rows.count());
  });
  return moments;
}

}  // namespace assay
