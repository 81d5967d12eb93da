#include "metrics/feature_sets/moments.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "kernels/moments.h"

namespace assay {
namespace {

std::int64_t triangle(std::int64_t width) { return width * (width + 1) / 2; }

std::span<const std::byte> as_bytes(std::span<const double> values) { return std::as_bytes(values); }

std::vector<double> doubles(const TensorView& view, const std::string& name) {
  if (view.type != DType::f64) throw InputError(name + " must be F64, is " + std::string(view.type_name()));
  std::vector<double> out(view.data.size() / sizeof(double));
  if (!out.empty()) std::memcpy(out.data(), view.data.data(), view.data.size());
  return out;
}

}  // namespace

FeatureMoments::Sums& FeatureMoments::Sums::operator+=(const Sums& other) {
  sum += other.sum;
  outer += other.outer;
  return *this;
}

FeatureMoments::FeatureMoments(std::int64_t width) : width_(width) {
  if (width < 1) throw InputError(fmt::format("feature width must be at least 1, got {}", width));
}

FeatureMoments::Sums FeatureMoments::block_sums(const Partial& partial) const {
  Sums sums{Eigen::VectorXd(width_), Eigen::VectorXd(triangle(width_))};
  if (partial.count == block) {
    moments(partial.rows.data(), block, width_, sums.sum.data(), sums.outer.data());
    return sums;
  }
  std::vector<float> dense;
  dense.reserve(static_cast<std::size_t>(partial.count * width_));
  for (std::size_t i = 0; i < partial.present.size(); ++i) {
    if (!partial.present[i]) continue;
    const auto row = partial.rows.begin() + static_cast<std::ptrdiff_t>(i) * width_;
    dense.insert(dense.end(), row, row + width_);
  }
  moments(dense.data(), partial.count, width_, sums.sum.data(), sums.outer.data());
  return sums;
}

bool FeatureMoments::covered(std::int64_t first_block, std::int64_t blocks) const {
  auto next = nodes_.lower_bound(first_block);
  if (next != nodes_.end() && next->first < first_block + blocks) return true;
  if (next == nodes_.begin()) return false;
  const auto& [first, node] = *std::prev(next);
  return first + (std::int64_t{1} << node.level) > first_block;
}

void FeatureMoments::insert(std::int64_t first_block, int level, Sums sums) {
  for (;;) {
    const std::int64_t size = std::int64_t{1} << level;
    const std::int64_t sibling = first_block ^ size;
    const auto found = nodes_.find(sibling);
    if (found == nodes_.end() || found->second.level != level) break;
    // Left plus right, whichever came first.
    if (sibling < first_block) {
      found->second.sums += sums;
      sums = std::move(found->second.sums);
      first_block = sibling;
    } else {
      sums += found->second.sums;
    }
    nodes_.erase(found);
    ++level;
  }
  nodes_.emplace(first_block, Node{level, std::move(sums)});
}

void FeatureMoments::add_row(std::int64_t index, const float* row) {
  const std::int64_t at = index / block;
  const auto slot = static_cast<std::size_t>(index % block);
  auto found = partials_.find(at);
  if (found == partials_.end()) {
    if (covered(at, 1)) throw InputError(fmt::format("sample {} was added twice to the feature moments", index));
    found = partials_
                .emplace(at, Partial{std::vector<bool>(block),
                                     std::vector<float>(static_cast<std::size_t>(block * width_)), 0})
                .first;
  }
  Partial& partial = found->second;
  if (partial.present[slot]) throw InputError(fmt::format("sample {} was added twice to the feature moments", index));
  partial.present[slot] = true;
  std::copy_n(row, width_, partial.rows.begin() + static_cast<std::ptrdiff_t>(slot) * width_);
  ++count_;
  if (++partial.count == block) {
    Sums sums = block_sums(partial);
    partials_.erase(found);
    insert(at, 0, std::move(sums));
  }
}

void FeatureMoments::add(std::int64_t first_index, std::span<const float> rows) {
  const auto size = static_cast<std::int64_t>(rows.size());
  if (size % width_ != 0) {
    throw InputError(fmt::format("{} numbers are no whole number of feature vectors of width {}", size, width_));
  }
  if (first_index < 0) throw InputError(fmt::format("sample index must be at least 0, got {}", first_index));
  for (std::int64_t i = 0; i < size; ++i) {
    if (!std::isfinite(rows[static_cast<std::size_t>(i)])) {
      throw InputError(
          fmt::format("feature of sample {} is not finite (column {})", first_index + i / width_, i % width_));
    }
  }
  const std::int64_t count = size / width_;
  for (std::int64_t i = 0; i < count;) {
    const float* row = rows.data() + i * width_;
    const std::int64_t at = (first_index + i) / block;
    // A block that comes whole is summed where it lies.
    if ((first_index + i) % block == 0 && count - i >= block && !covered(at, 1) && !partials_.contains(at)) {
      Sums sums{Eigen::VectorXd(width_), Eigen::VectorXd(triangle(width_))};
      moments(row, block, width_, sums.sum.data(), sums.outer.data());
      insert(at, 0, std::move(sums));
      count_ += block;
      i += block;
    } else {
      add_row(first_index + i, row);
      ++i;
    }
  }
}

void FeatureMoments::merge(const FeatureMoments& other) {
  if (other.width_ != width_) {
    throw InputError(fmt::format("feature moments of width {} and {} cannot be merged", width_, other.width_));
  }
  const auto clash = [](std::int64_t first_block) {
    return InputError(fmt::format("sample {} is in both feature moments", first_block * block));
  };
  for (const auto& [first, node] : other.nodes_) {
    const std::int64_t blocks = std::int64_t{1} << node.level;
    const auto partial = partials_.lower_bound(first);
    if (covered(first, blocks) || (partial != partials_.end() && partial->first < first + blocks)) throw clash(first);
  }
  for (const auto& [first, node] : other.nodes_) {
    insert(first, node.level, node.sums);
    count_ += block << node.level;
  }
  for (const auto& [at, partial] : other.partials_) {
    for (std::size_t i = 0; i < partial.present.size(); ++i) {
      if (partial.present[i]) {
        add_row(at * block + static_cast<std::int64_t>(i),
                partial.rows.data() + static_cast<std::ptrdiff_t>(i) * width_);
      }
    }
  }
}

std::vector<std::pair<std::int64_t, std::int64_t>> FeatureMoments::gaps() const {
  std::vector<std::pair<std::int64_t, std::int64_t>> out;
  std::int64_t next = 0;  // the first index not seen yet
  const auto seen = [&](std::int64_t first, std::int64_t end) {
    if (first > next) out.emplace_back(next, first - 1);
    next = end;
  };
  auto node = nodes_.begin();
  auto partial = partials_.begin();
  while (node != nodes_.end() || partial != partials_.end()) {
    if (partial == partials_.end() || (node != nodes_.end() && node->first < partial->first)) {
      seen(node->first * block, (node->first + (std::int64_t{1} << node->second.level)) * block);
      ++node;
    } else {
      for (std::int64_t i = 0; i < block; ++i)
        if (partial->second.present[static_cast<std::size_t>(i)])
          seen(partial->first * block + i, partial->first * block + i + 1);
      ++partial;
    }
  }
  return out;
}

FeatureMoments::Sums FeatureMoments::total() const {
  Sums sums{Eigen::VectorXd::Zero(width_), Eigen::VectorXd::Zero(triangle(width_))};
  auto node = nodes_.begin();
  auto partial = partials_.begin();
  while (node != nodes_.end() || partial != partials_.end()) {
    if (partial == partials_.end() || (node != nodes_.end() && node->first < partial->first)) {
      sums += node++->second.sums;
    } else {
      sums += block_sums(partial++->second);
    }
  }
  return sums;
}

Eigen::VectorXd FeatureMoments::mean() const {
  if (count_ < 1) throw Error("the mean of no samples is not defined");
  // As total() adds them, without the products.
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(width_);
  auto node = nodes_.begin();
  auto partial = partials_.begin();
  while (node != nodes_.end() || partial != partials_.end()) {
    if (partial == partials_.end() || (node != nodes_.end() && node->first < partial->first)) {
      sum += node++->second.sums.sum;
      continue;
    }
    const Partial& rows = partial++->second;
    Eigen::VectorXd part = Eigen::VectorXd::Zero(width_);
    for (std::int64_t i = 0; i < block; ++i)
      if (rows.present[static_cast<std::size_t>(i)])
        for (std::int64_t j = 0; j < width_; ++j) part[j] += rows.rows[static_cast<std::size_t>(i * width_ + j)];
    sum += part;
  }
  return sum / static_cast<double>(count_);
}

Eigen::MatrixXd FeatureMoments::covariance(Divisor divisor) const {
  if (count_ < 2) throw Error(fmt::format("a covariance needs at least 2 samples, got {}", count_));
  const Sums sums = total();
  const auto n = static_cast<double>(count_);
  const double scale = 1.0 / (divisor == Divisor::n ? n : n - 1.0);
  Eigen::MatrixXd out(width_, width_);
  const double* outer = sums.outer.data();
  // Column i down to the diagonal is row i of the lower triangle; the other half follows in squares, which fit caches.
  for (std::int64_t i = 0; i < width_; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) out(j, i) = (*outer++ - sums.sum[i] * sums.sum[j] / n) * scale;
  }
  constexpr std::int64_t square = 32;
  for (std::int64_t i0 = 0; i0 < width_; i0 += square)
    for (std::int64_t j0 = 0; j0 <= i0; j0 += square)
      for (std::int64_t j = j0; j < std::min(j0 + square, width_); ++j)
        for (std::int64_t i = std::max(i0, j + 1); i < std::min(i0 + square, width_); ++i) out(i, j) = out(j, i);
  return out;
}

void FeatureMoments::save(SafetensorsWriter& writer, const std::string& prefix) const {
  std::vector<std::int64_t> places, indices;
  std::vector<double> sums, outers;
  for (const auto& [first, node] : nodes_) {
    places.insert(places.end(), {first, node.level});
    sums.insert(sums.end(), node.sums.sum.begin(), node.sums.sum.end());
    outers.insert(outers.end(), node.sums.outer.begin(), node.sums.outer.end());
  }
  std::vector<float> rows;
  for (const auto& [at, partial] : partials_) {
    for (std::size_t i = 0; i < partial.present.size(); ++i) {
      if (!partial.present[i]) continue;
      indices.push_back(at * block + static_cast<std::int64_t>(i));
      const auto row = partial.rows.begin() + static_cast<std::ptrdiff_t>(i) * width_;
      rows.insert(rows.end(), row, row + width_);
    }
  }
  const auto nodes = static_cast<std::int64_t>(nodes_.size());
  const auto pending = static_cast<std::int64_t>(indices.size());
  writer.add(prefix + "nodes", {nodes, 2}, std::span<const std::int64_t>(places));
  writer.add(prefix + "sum", DType::f64, {nodes, width_}, as_bytes(sums));
  writer.add(prefix + "outer", DType::f64, {nodes, triangle(width_)}, as_bytes(outers));
  writer.add(prefix + "pending_indices", {pending}, std::span<const std::int64_t>(indices));
  writer.add(prefix + "pending_rows", {pending, width_}, std::span<const float>(rows));
}

FeatureMoments FeatureMoments::load(const SafetensorsFile& file, const std::string& prefix) {
  const auto fault = [&](const std::string& name, const std::string& what) {
    return InputError(fmt::format("{}: {}{} {}", file.path(), prefix, name, what));
  };
  const TensorView &node_view = file.at(prefix + "nodes"), &sum_view = file.at(prefix + "sum");
  const TensorView &outer_view = file.at(prefix + "outer"), &row_view = file.at(prefix + "pending_rows");
  if (row_view.shape.size() != 2) throw fault("pending_rows", "must have two dimensions");
  FeatureMoments out(row_view.shape[1]);
  const std::int64_t width = out.width_;
  const auto places = node_view.i64(prefix + "nodes");
  const auto nodes = static_cast<std::int64_t>(places.size() / 2);
  if (node_view.shape != std::vector<std::int64_t>{nodes, 2}) throw fault("nodes", "must be [nodes, 2]");
  if (sum_view.shape != std::vector<std::int64_t>{nodes, width}) throw fault("sum", "must be [nodes, width]");
  if (outer_view.shape != std::vector<std::int64_t>{nodes, triangle(width)}) {
    throw fault("outer", "must be [nodes, width (width + 1) / 2]");
  }
  const std::vector<double> sums = doubles(sum_view, prefix + "sum"), outers = doubles(outer_view, prefix + "outer");
  for (std::int64_t i = 0; i < nodes; ++i) {
    const std::int64_t first = places[static_cast<std::size_t>(2 * i)],
                       level = places[static_cast<std::size_t>(2 * i + 1)];
    if (level < 0 || level > 40 || first < 0 || first % (std::int64_t{1} << level) != 0 ||
        out.covered(first, std::int64_t{1} << level)) {
      throw fault("nodes", fmt::format("holds an impossible block range (first {}, level {})", first, level));
    }
    Sums part{Eigen::VectorXd(width), Eigen::VectorXd(triangle(width))};
    std::copy_n(sums.begin() + i * width, width, part.sum.data());
    std::copy_n(outers.begin() + i * triangle(width), triangle(width), part.outer.data());
    out.insert(first, static_cast<int>(level), std::move(part));
    out.count_ += block << level;
  }
  const auto indices = file.at(prefix + "pending_indices").i64(prefix + "pending_indices");
  const auto rows = row_view.f32(prefix + "pending_rows");
  if (row_view.shape[0] != static_cast<std::int64_t>(indices.size())) {
    throw fault("pending_rows", "has another number of rows than pending_indices");
  }
  for (std::size_t i = 0; i < indices.size(); ++i) {
    out.add(indices[i], rows.subspan(i * static_cast<std::size_t>(width), static_cast<std::size_t>(width)));
  }
  return out;
}

}  // namespace assay
