#include "kernels/inference/head_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/inference/panels.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t keys_at_once = 512;
constexpr std::int64_t rows_at_once = 48;      // queries whose scores lie in the cache together: 96 KiB
constexpr std::int64_t rows_of_a_task = 1024;  // queries that share keys and values in panels

std::int64_t parts_of(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

/// Keys of a head as panels of 16 keys, [panels, width, 16], with zeros behind the last.
void pack_keys(const float* keys, std::int64_t count, std::int64_t stride, std::int64_t width, float* to) {
  for (std::int64_t first = 0; first < count; first += panel_width) {
    const std::int64_t here = std::min(panel_width, count - first);
    for (std::int64_t i = 0; i < width; ++i)
      for (std::int64_t lane = 0; lane < panel_width; ++lane)
        to[(first * width) + i * panel_width + lane] = lane < here ? keys[(first + lane) * stride + i] : 0.0f;
  }
}

/// Values of a head as panels of 16 of its features, [panels, count, 16], with zeros behind the last.
void pack_values(const float* values, std::int64_t count, std::int64_t stride, std::int64_t width, float* to) {
  for (std::int64_t first = 0; first < width; first += panel_width) {
    const std::int64_t here = std::min(panel_width, width - first);
    float* panel = to + first * count;
    for (std::int64_t k = 0; k < count; ++k) {
      std::copy_n(values + k * stride + first, here, panel + k * panel_width);
      std::fill_n(panel + k * panel_width + here, panel_width - here, 0.0f);
    }
  }
}

/// Puts e^(score - largest) in the place of `count` scores, which end in room for a vector, and gives their sum.
float exponentials(float* scores, std::int64_t count, float largest) {
  std::fill(scores + count, scores + parts_of(count, lane_count) * lane_count, -std::numeric_limits<float>::infinity());
  const Lanes subtracted = all_lanes(largest);
  Lanes sums = {};
  for (std::int64_t i = 0; i < count; i += lane_count) {
    const Lanes values = exponential(lanes_at(scores + i) - subtracted);
    put_lanes(scores + i, values);
    sums += values;
  }
  // What stands behind the last score counts as e^-87, which is nothing beside the largest one's 1.
  float sum = 0;
  for (std::int64_t lane = 0; lane < lane_count; ++lane) sum += sums[lane];
  return sum;
}

float largest_of(const float* scores, std::int64_t count) {
  float largest = scores[0];
  std::int64_t i = 0;
  if (count >= lane_count) {
    Lanes most = lanes_at(scores);
    for (i = lane_count; i + lane_count <= count; i += lane_count) {
      const Lanes next = lanes_at(scores + i);
      most = most > next ? most : next;
    }
    for (std::int64_t lane = 0; lane < lane_count; ++lane) largest = std::max(largest, most[lane]);
  }
  for (; i < count; ++i) largest = std::max(largest, scores[i]);
  return largest;
}

/// What one thread works in.
struct Room {
  Room(std::int64_t keys, std::int64_t width)
      : padded(parts_of(width, panel_width) * panel_width),
        score_stride(std::min(keys_at_once, parts_of(keys, panel_width) * panel_width) + panel_width),
        keys_in_panels(static_cast<std::size_t>(parts_of(keys, panel_width) * panel_width * width)),
        values_in_panels(static_cast<std::size_t>(keys * padded)),
        queries(static_cast<std::size_t>(rows_at_once * width)),
        scores(static_cast<std::size_t>(rows_at_once * score_stride)),
        sums(static_cast<std::size_t>(rows_at_once * padded)) {}

  std::int64_t padded, score_stride;
  std::vector<float> keys_in_panels, values_in_panels, queries, scores, sums;
};

/// Puts results in the place of `rows` queries of a head, rows_at_once at most; keys and values lie in panels.
void attend(float* query, std::int64_t rows, std::int64_t stride, std::int64_t keys, std::int64_t width, Room& room) {
  static const MultiplyPanels multiply = multiply_panels();
  const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(width)));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < width; ++i)
      room.queries[static_cast<std::size_t>(r * width + i)] = query[r * stride + i] * scale;
  float largest[rows_at_once], weights[rows_at_once];
  std::fill_n(largest, rows, -std::numeric_limits<float>::infinity());
  std::fill_n(weights, rows, 0.0f);

  for (std::int64_t first = 0; first < keys; first += keys_at_once) {
    const std::int64_t count = std::min(keys_at_once, keys - first);
    multiply({room.queries.data(), width, rows, room.keys_in_panels.data() + first * width, width * panel_width,
              parts_of(count, panel_width), room.scores.data(), room.score_stride, width, false});
    for (std::int64_t r = 0; r < rows; ++r) {
      float* scores = room.scores.data() + r * room.score_stride;
      const float most = std::max(largest[r], largest_of(scores, count));
      // What was summed so far counts for less where a larger score comes.
      const float shrink = first > 0 ? std::exp(largest[r] - most) : 0.0f;
      largest[r] = most;
      weights[r] = weights[r] * shrink + exponentials(scores, count, most);
      if (first > 0 && shrink != 1.0f) {
        float* sums = room.sums.data() + r * room.padded;
        for (std::int64_t i = 0; i < room.padded; ++i) sums[i] *= shrink;
      }
    }
    multiply({room.scores.data(), room.score_stride, rows, room.values_in_panels.data() + first * panel_width,
              keys * panel_width, room.padded / panel_width, room.sums.data(), room.padded, count, first > 0});
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const float whole = 1.0f / weights[r];
    for (std::int64_t i = 0; i < width; ++i)
      query[r * stride + i] = room.sums[static_cast<std::size_t>(r * room.padded + i)] * whole;
  }
}

}  // namespace

at::Tensor head_attention(at::Tensor query, const at::Tensor& key, const at::Tensor& value, std::int64_t heads) {
  for (const at::Tensor& tokens : {query, key, value})
    if (!tokens.device().is_cpu() || tokens.scalar_type() != at::kFloat || tokens.dim() != 3)
      throw Error("head_attention: tokens must be [B, T, D], float32 on the CPU");
  const std::int64_t batch = query.size(0), queries = query.size(1), keys = key.size(1), stride = query.size(2);
  if (key.size(0) != batch || key.sizes() != value.sizes() || key.size(2) != stride || stride % heads != 0 || keys == 0)
    throw Error("head_attention: queries, keys and values do not fit");
  const std::int64_t width = stride / heads;
  query = query.contiguous();
  const at::Tensor k = key.contiguous(), v = value.contiguous();
  const float *of_keys = k.const_data_ptr<float>(), *of_values = v.const_data_ptr<float>();
  float* whole = query.mutable_data_ptr<float>();
  const std::int64_t parts = parts_of(queries, rows_of_a_task);
  at::parallel_for(0, batch * heads * parts, 1, [&](std::int64_t begin, std::int64_t end) {
    Room room(keys, width);
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t head = task / parts % heads, b = task / parts / heads;
      const std::int64_t offset = head * width, first = b * keys * stride + offset;
      if (task == begin || task % parts == 0) {
        pack_keys(of_keys + first, keys, stride, width, room.keys_in_panels.data());
        pack_values(of_values + first, keys, stride, width, room.values_in_panels.data());
      }
      const std::int64_t last = std::min(queries, (task % parts + 1) * rows_of_a_task);
      for (std::int64_t row = task % parts * rows_of_a_task; row < last; row += rows_at_once) {
        const std::int64_t at = (b * queries + row) * stride + offset;
        attend(whole + at, std::min(rows_at_once, last - row), stride, keys, width, room);
      }
    }
  });
  return query;
}

}  // namespace assay
