#include "kernels/inference/filter_product.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/inference/panels.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t depth_at_once = 128;  // channels: what one of the 16 products needs stays in the cache
constexpr std::int64_t panels_at_once = 10;  // of a task, at most: widths of Stable Diffusion are multiples of 160
constexpr std::int64_t tiles_at_once = 256;  // of a task, at most
constexpr std::int64_t products = 16;

std::int64_t parts_of(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

struct Images {
  const float* data;
  std::int64_t channels, height, width, tiles_down, tiles_across;

  std::int64_t tiles() const { return tiles_down * tiles_across; }  // of an image
};

/// Where the 16 parts of a transformed block begin. The step between them is no power of two, in which all parts would
/// share their places in the cache.
std::int64_t part_step(std::int64_t values) { return values + panel_width; }

/// B^T d B of each tile's 4x4 pixels: part i of tile t, channels [begin, begin + values), at to + i * step + t *
/// values.
void transform_tiles(const Images& images, std::int64_t tile, std::int64_t count, std::int64_t begin,
                     std::int64_t values, float* to, std::int64_t step) {
  static const std::vector<float> zeros(depth_at_once, 0.0f);
  for (std::int64_t t = 0; t < count; ++t) {
    const std::int64_t b = (tile + t) / images.tiles(),
                       y0 = (tile + t) / images.tiles_across % images.tiles_down * 2 - 1,
                       x0 = (tile + t) % images.tiles_across * 2 - 1;
    const float* pixels[16];
    for (std::int64_t i = 0; i < 16; ++i) {
      const std::int64_t y = y0 + i / 4, x = x0 + i % 4;
      const bool inside = y >= 0 && y < images.height && x >= 0 && x < images.width;
      pixels[i] =
          inside ? images.data + ((b * images.height + y) * images.width + x) * images.channels + begin : zeros.data();
    }
    float* out = to + t * values;
    for (std::int64_t c = 0; c < values; c += lane_count) {
      Lanes rows[4][4];
#pragma GCC unroll 4
      for (int x = 0; x < 4; ++x) {
        const Lanes d0 = lanes_at(pixels[x] + c), d1 = lanes_at(pixels[4 + x] + c), d2 = lanes_at(pixels[8 + x] + c),
                    d3 = lanes_at(pixels[12 + x] + c);
        rows[0][x] = d0 - d2;
        rows[1][x] = d1 + d2;
        rows[2][x] = d2 - d1;
        rows[3][x] = d1 - d3;
      }
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        put_lanes(out + (4 * y + 0) * step + c, rows[y][0] - rows[y][2]);
        put_lanes(out + (4 * y + 1) * step + c, rows[y][1] + rows[y][2]);
        put_lanes(out + (4 * y + 2) * step + c, rows[y][2] - rows[y][1]);
        put_lanes(out + (4 * y + 3) * step + c, rows[y][1] - rows[y][3]);
      }
    }
  }
}

/// G g G^T of `values` filters of a panel, [values, 9, 16]: part i of filter k at to + i * step + k * 16.
void transform_filters(const float* filters, std::int64_t values, float* to, std::int64_t step) {
  for (std::int64_t k = 0; k < values; ++k)
    for (std::int64_t lane = 0; lane < panel_width; lane += lane_count) {
      const float* g = filters + k * 9 * panel_width + lane;
      float* out = to + k * panel_width + lane;
      Lanes rows[4][3];
#pragma GCC unroll 3
      for (int x = 0; x < 3; ++x) {
        const Lanes g0 = lanes_at(g + x * panel_width), g1 = lanes_at(g + (3 + x) * panel_width),
                    g2 = lanes_at(g + (6 + x) * panel_width);
        rows[0][x] = g0;
        rows[1][x] = (g0 + g2 + g1) * 0.5f;
        rows[2][x] = (g0 + g2 - g1) * 0.5f;
        rows[3][x] = g2;
      }
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        put_lanes(out + (4 * y + 0) * step, rows[y][0]);
        put_lanes(out + (4 * y + 1) * step, (rows[y][0] + rows[y][2] + rows[y][1]) * 0.5f);
        put_lanes(out + (4 * y + 2) * step, (rows[y][0] + rows[y][2] - rows[y][1]) * 0.5f);
        put_lanes(out + (4 * y + 3) * step, rows[y][2]);
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
    const std::int64_t b = (tile + t) / images.tiles(), y0 = (tile + t) / images.tiles_across % images.tiles_down * 2,
                       x0 = (tile + t) % images.tiles_across * 2;
    const float* bias = result.bias + (result.bias_of_image ? b * result.outputs : 0) + first;
    for (std::int64_t column = 0; column < columns; column += lane_count) {
      const float* m = from + t * width + column;
      Lanes rows[2][4];
#pragma GCC unroll 4
      for (int x = 0; x < 4; ++x) {
        const Lanes m0 = lanes_at(m + x * step), m1 = lanes_at(m + (4 + x) * step), m2 = lanes_at(m + (8 + x) * step),
                    m3 = lanes_at(m + (12 + x) * step);
        rows[0][x] = m0 + m1 + m2;
        rows[1][x] = m1 - m2 - m3;
      }
      Lanes values[4];
#pragma GCC unroll 2
      for (int y = 0; y < 2; ++y) {
        values[2 * y] = rows[y][0] + rows[y][1] + rows[y][2];
        values[2 * y + 1] = rows[y][1] - rows[y][2] - rows[y][3];
      }
      const std::int64_t left = std::min(lane_count, columns - column);
      for (std::int64_t i = 0; i < 4; ++i) {
        const std::int64_t y = y0 + i / 2, x = x0 + i % 2;
        if (y >= images.height || x >= images.width) continue;
        const std::int64_t at = ((b * images.height + y) * images.width + x) * result.outputs + first + column;
        if (left == lane_count) {
          Lanes value = values[i] + lanes_at(bias + column);
          if (result.other) value += lanes_at(result.other + at);
          put_lanes(result.data + at, value);
        } else {
          for (std::int64_t lane = 0; lane < left; ++lane)
            result.data[at + lane] =
                values[i][lane] + bias[column + lane] + (result.other ? result.other[at + lane] : 0);
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
  at::Tensor whole = at::empty({x.size(0), outputs, height, width}, x.options(), at::MemoryFormat::ChannelsLast);
  if (other.defined() && other.sizes() != whole.sizes()) throw Error("filter_product: what is added has another shape");
  if (whole.numel() == 0) return whole;
  const at::Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor added = other.defined() ? other.contiguous(at::MemoryFormat::ChannelsLast) : other;
  const Images images = {in.const_data_ptr<float>(), channels, height, width, (height + 1) / 2, (width + 1) / 2};
  const Result result = {whole.mutable_data_ptr<float>(), outputs, bias.const_data_ptr<float>(), bias.dim() == 2,
                         added.defined() ? added.const_data_ptr<float>() : nullptr};
  const float* filters = panels.const_data_ptr<float>();

  const std::int64_t all_panels = panels.size(0), across = parts_of(all_panels, panels_at_once);
  const std::int64_t tiles = x.size(0) * images.tiles(), tiles_a_task = std::min(tiles, tiles_at_once);
  const std::int64_t down = parts_of(tiles, tiles_a_task), depth = std::min(channels, depth_at_once);
  const MultiplyPanels multiply = multiply_panels();
  at::parallel_for(0, down * across, 1, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t most_panels = std::min(all_panels, panels_at_once);
    const std::int64_t tile_step = part_step(tiles_a_task * depth),
                       filter_step = part_step(most_panels * depth * panel_width),
                       product_step = part_step(tiles_a_task * most_panels * panel_width);
    const at::Tensor room = at::empty({products * (tile_step + filter_step + product_step)}, at::kFloat);
    float* of_tiles = room.mutable_data_ptr<float>();
    float* of_filters = of_tiles + products * tile_step;
    float* of_products = of_filters + products * filter_step;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t part = task % across, panel = part * all_panels / across,
                         count = (part + 1) * all_panels / across - panel;
      const std::int64_t tile = task / across * tiles / down, rows = (task / across + 1) * tiles / down - tile;
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
  return whole;
}

}  // namespace assay
