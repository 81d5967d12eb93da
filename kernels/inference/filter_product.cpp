#include "kernels/inference/filter_product.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/inference/large_block.h"
#include "kernels/inference/panels.h"
#include "kernels/inference/stored_weights.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

// What one of the 36 products needs stays in the cache.
constexpr std::int64_t depth_at_once = 160;  // channels, at most: widths of Stable Diffusion are multiples of it
constexpr std::int64_t panels_at_once = 10;  // of a task, at most: these widths again
constexpr std::int64_t tiles_at_once = 96;   // of a task, at most: a multiple of the rows that the innermost loop takes
constexpr std::int64_t side = 6, products = side * side;  // of what a tile sees
constexpr std::int64_t result_side = 4;

// The points of the transformation are 0, infinity and +-`point`, +-2 `point`, whose squares are 1/2 and 2. With +-1
// and
// +-2, the usual ones, errors are twice as large.
constexpr float point = 0.707106781186547524f;

std::int64_t parts_of(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

struct Images {
  const float* data;
  std::int64_t channels, height, width, tiles_down, tiles_across;

  std::int64_t tiles() const { return tiles_down * tiles_across; }  // of an image
};

/// Where the 36 parts of a transformed block begin. The step between them is no power of two, in which all parts would
/// share their places in the cache.
std::int64_t part_step(std::int64_t values) { return values + panel_width; }

/// The middle four of the six rows that every transformation below has, from what is even in a point and what is odd.
[[gnu::always_inline]] inline void at_points(Lanes* rows, const Lanes& even1, const Lanes& odd1, const Lanes& even2,
                                             const Lanes& odd2) {
  rows[1] = even1 + odd1;
  rows[2] = even1 - odd1;
  rows[3] = even2 + odd2;
  rows[4] = even2 - odd2;
}

[[gnu::always_inline]] inline void transform_pixels(const Lanes* d, Lanes* rows) {
  rows[0] = d[0] - d[2] * 2.5f + d[4];
  at_points(rows, d[4] - d[2] * 2.0f, (d[3] - d[1] * 2.0f) * point, d[4] - d[2] * 0.5f,
            (d[3] - d[1] * 0.5f) * (2 * point));
  rows[5] = d[1] - d[3] * 2.5f + d[5];
}

[[gnu::always_inline]] inline void transform_filter(const Lanes* g, Lanes* rows) {
  rows[0] = g[0];
  at_points(rows, (g[0] + g[2] * 0.5f) * (-2.0f / 3), g[1] * (-2.0f / 3 * point), (g[0] + g[2] * 2.0f) * (1.0f / 6),
            g[1] * (1.0f / 3 * point));
  rows[5] = g[2];
}

[[gnu::always_inline]] inline void transform_products(const Lanes* m, Lanes* values) {
  const Lanes even1 = m[1] + m[2], odd1 = (m[1] - m[2]) * point, even2 = m[3] + m[4],
              odd2 = (m[3] - m[4]) * (2 * point);
  values[0] = m[0] + even1 + even2;
  values[1] = odd1 + odd2;
  values[2] = even1 * 0.5f + even2 * 2.0f;
  values[3] = odd1 * 0.5f + odd2 * 2.0f + m[5];
}

/// B^T d B of each tile's 6x6 pixels: part i of tile t, channels [begin, begin + values), at to + i * step + t *
/// values.
void transform_tiles(const Images& images, std::int64_t tile, std::int64_t count, std::int64_t begin,
                     std::int64_t values, float* to, std::int64_t step) {
  static const std::vector<float> zeros(depth_at_once, 0.0f);
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t b = (tile + t) / images.tiles(),
                       y0 = (tile + t) / images.tiles_across % images.tiles_down * result_side - 1,
                       x0 = (tile + t) % images.tiles_across * result_side - 1;
    const float* pixels[products];
    for (std::int64_t i = 0; i < products; ++i) {
      const std::int64_t y = y0 + i / side, x = x0 + i % side;
      const bool inside = y >= 0 && y < images.height && x >= 0 && x < images.width;
      pixels[i] =
          inside ? images.data + ((b * images.height + y) * images.width + x) * images.channels + begin : zeros.data();
    }
    float* out = to + t * values;
    for (std::int64_t c = 0; c < values; c += lane_count) {
      Lanes rows[side][side];
#pragma GCC unroll 6
      for (int x = 0; x < side; ++x) {
        Lanes column[side], transformed[side];
#pragma GCC unroll 6
        for (int y = 0; y < side; ++y) column[y] = lanes_at(pixels[y * side + x] + c);
        transform_pixels(column, transformed);
#pragma GCC unroll 6
        for (int y = 0; y < side; ++y) rows[y][x] = transformed[y];
      }
#pragma GCC unroll 6
      for (int y = 0; y < side; ++y) {
        Lanes transformed[side];
        transform_pixels(rows[y], transformed);
#pragma GCC unroll 6
        for (int x = 0; x < side; ++x) put_lanes(out + (side * y + x) * step + c, transformed[x]);
      }
    }
  }
}

/// G g G^T of `values` filters of a panel, [values, 9, 16]: part i of filter k at to + i * step + k * 16.
template <class Weight>
void transform_filters(const Weight* filters, std::int64_t values, float* to, std::int64_t step) {
  for (std::int64_t k = 0; k < values; ++k)
    for (std::int64_t lane = 0; lane < panel_width; lane += lane_count) {
      const Weight* g = filters + k * 9 * panel_width + lane;
      float* out = to + k * panel_width + lane;
      Lanes rows[side][3];
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x) {
        const Lanes column[3] = {lanes_at(g + x * panel_width), lanes_at(g + (3 + x) * panel_width),
                                 lanes_at(g + (6 + x) * panel_width)};
        Lanes transformed[side];
        transform_filter(column, transformed);
#pragma GCC unroll 6
        for (int y = 0; y < side; ++y) rows[y][x] = transformed[y];
      }
#pragma GCC unroll 6
      for (int y = 0; y < side; ++y) {
        Lanes transformed[side];
        transform_filter(rows[y], transformed);
#pragma GCC unroll 6
        for (int x = 0; x < side; ++x) put_lanes(out + (side * y + x) * step, transformed[x]);
      }
    }
}

struct Result {
  float* data;
  std::int64_t outputs;
  const float* bias;
  bool bias_of_image;
  const float* other;  // null: none
};

/// A^T m A of each tile, with bias and what is added. Columns [first, first + columns) of the result.
void transform_back(const Images& images, const Result& result, std::int64_t tile, std::int64_t count,
                    std::int64_t first, std::int64_t columns, const float* from, std::int64_t step,
                    std::int64_t width) {
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t b = (tile + t) / images.tiles(),
                       y0 = (tile + t) / images.tiles_across % images.tiles_down * result_side,
                       x0 = (tile + t) % images.tiles_across * result_side;
    const float* bias = result.bias + (result.bias_of_image ? b * result.outputs : 0) + first;
    for (std::int64_t column = 0; column < columns; column += lane_count) {
      const float* m = from + t * width + column;
      Lanes rows[result_side][side];
#pragma GCC unroll 6
      for (int x = 0; x < side; ++x) {
        Lanes parts[side], sums[result_side];
#pragma GCC unroll 6
        for (int y = 0; y < side; ++y) parts[y] = lanes_at(m + (side * y + x) * step);
        transform_products(parts, sums);
#pragma GCC unroll 4
        for (int y = 0; y < result_side; ++y) rows[y][x] = sums[y];
      }
      const std::int64_t left = std::min(lane_count, columns - column);
      for (std::int64_t y = 0; y < std::min(result_side, images.height - y0); ++y) {
        Lanes values[result_side];
        transform_products(rows[y], values);
        for (std::int64_t x = 0; x < std::min(result_side, images.width - x0); ++x) {
          const std::int64_t at =
              ((b * images.height + y0 + y) * images.width + x0 + x) * result.outputs + first + column;
          if (left == lane_count) {
            Lanes value = values[x] + lanes_at(bias + column);
            if (result.other) value += lanes_at(result.other + at);
            put_lanes(result.data + at, value);
          } else {
            for (std::int64_t lane = 0; lane < left; ++lane)
              result.data[at + lane] =
                  values[x][lane] + bias[column + lane] + (result.other ? result.other[at + lane] : 0);
          }
        }
      }
    }
  }
}

}  // namespace

bool filter_product_takes(std::int64_t channels) { return channels % lane_count == 0; }

at::Tensor filter_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                          const at::Tensor& other) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat)
    throw Error("filter_product: images must be float32 on the CPU");
  const std::int64_t channels = x.size(1), height = x.size(2), width = x.size(3), outputs = bias.size(-1);
  if (panels.size(1) != channels || !filter_product_takes(channels))
    throw Error("filter_product: images and filters do not fit");
  at::Tensor whole = large_block({x.size(0), outputs, height, width}, at::MemoryFormat::ChannelsLast);
  if (other.defined() && other.sizes() != whole.sizes()) throw Error("filter_product: what is added has another shape");
  if (whole.numel() == 0) return whole;
  const at::Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor added = other.defined() ? other.contiguous(at::MemoryFormat::ChannelsLast) : other;
  const Images images = {in.const_data_ptr<float>(),  channels, height, width, parts_of(height, result_side),
                         parts_of(width, result_side)};
  const Result result = {whole.mutable_data_ptr<float>(), outputs, bias.const_data_ptr<float>(), bias.dim() == 2,
                         added.defined() ? added.const_data_ptr<float>() : nullptr};

  const std::int64_t all_panels = panels.size(0), across = parts_of(all_panels, panels_at_once);
  const std::int64_t tiles = x.size(0) * images.tiles(), tiles_a_task = std::min(tiles, tiles_at_once);
  const std::int64_t down = parts_of(tiles, tiles_a_task);
  // Blocks of channels as wide as each other, in whole vectors.
  const std::int64_t vectors = channels / lane_count, blocks = parts_of(channels, depth_at_once),
                     depth = parts_of(vectors, blocks) * lane_count;
  const MultiplyPanels multiply = multiply_panels();
  with_stored(panels, [&](const auto* filters) {
    at::parallel_for(0, down * across, 1, [&](std::int64_t begin, std::int64_t end) {
      const std::int64_t most_panels = std::min(all_panels, panels_at_once);
      const std::int64_t tile_step = part_step(tiles_a_task * depth),
                         filter_step = part_step(most_panels * depth * panel_width),
                         product_step = part_step(tiles_a_task * most_panels * panel_width);
      const at::Tensor room = large_block({products * (tile_step + filter_step + product_step)});
      float* of_tiles = room.mutable_data_ptr<float>();
      float* of_filters = of_tiles + products * tile_step;
      float* of_products = of_filters + products * filter_step;
      for (std::int64_t task = begin; task < end; ++task) {
        const std::int64_t part = task % across, panel = part * all_panels / across,
                           count = (part + 1) * all_panels / across - panel;
        const std::int64_t tile = task / across * tiles_a_task, rows = std::min(tiles_a_task, tiles - tile);
        for (std::int64_t channel = 0; channel < channels; channel += depth) {
          const std::int64_t values = std::min(depth, channels - channel);
          transform_tiles(images, tile, rows, channel, values, of_tiles, tile_step);
          for (std::int64_t p = 0; p < count; ++p)
            transform_filters(filters + ((panel + p) * channels + channel) * 9 * panel_width, values,
                              of_filters + p * values * panel_width, filter_step);
          for (std::int64_t i = 0; i < products; ++i)
            multiply({of_tiles + i * tile_step, values, rows, of_filters + i * filter_step, values * panel_width, count,
                      of_products + i * product_step, count * panel_width, values, channel > 0});
        }
        const std::int64_t first = panel * panel_width;
        transform_back(images, result, tile, rows, first, std::min(count * panel_width, outputs - first), of_products,
                       product_step, count * panel_width);
      }
    });
  });
  return whole;
}

}  // namespace assay
