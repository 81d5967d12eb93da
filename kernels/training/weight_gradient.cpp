#include "kernels/training/weight_gradient.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/parallel_for.h"
#include "kernels/training/column_tile.h"

namespace assay {
namespace {

constexpr std::int64_t products = 16;
constexpr std::int64_t tiles_at_once = 32;        // of a block: with the channels below, both factors stay in the cache
constexpr std::int64_t rows_at_once = 256;        // of a block of matrix_gradient()
constexpr std::int64_t outputs_at_once = 64;      // of a task, at most
constexpr std::int64_t inputs_at_once = 128;      // of a task, at most
constexpr std::int64_t parts_at_most = 8;         // of a batch
constexpr std::int64_t partial_values = 1 << 22;  // of all parts together, at most, where that is more than one's

std::int64_t parts_of(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

/// The innermost loop for this processor.
MultiplyColumns multiply_columns() {
#if defined(__x86_64__)
  static const MultiplyColumns best = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                                              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
                                          ? multiply_columns_v4
                                          : multiply_columns_v3;
  return best;
#else
  return multiply_columns_v3;
#endif
}

/// How a sum over `count` things that gives `values` is divided: into parts of the batch, outputs and inputs.
struct Division {
  Division(std::int64_t count, std::int64_t at_once, std::int64_t values, std::int64_t outputs, std::int64_t inputs)
      : parts(std::clamp<std::int64_t>(partial_values / values, 1, std::min(parts_at_most, parts_of(count, at_once)))),
        down(parts_of(outputs, outputs_at_once)),
        across(parts_of(inputs, inputs_at_once)) {}

  struct Task {
    std::int64_t part, begin, end, first_output, outputs, first_input, inputs;
  };
  std::int64_t tasks() const { return parts * down * across; }
  Task task(std::int64_t number, std::int64_t count, std::int64_t outputs, std::int64_t inputs) const {
    const std::int64_t part = number / (down * across), row = number / across % down, column = number % across;
    const std::int64_t first_output = row * outputs_at_once, first_input = column * inputs_at_once;
    return {part,
            part * count / parts,
            (part + 1) * count / parts,
            first_output,
            std::min(outputs_at_once, outputs - first_output),
            first_input,
            std::min(inputs_at_once, inputs - first_input)};
  }

  std::int64_t parts, down, across;
};

struct Images {
  const float* data;
  std::int64_t channels, height, width;

  std::int64_t tiles_down() const { return (height + 1) / 2; }
  std::int64_t tiles_across() const { return (width + 1) / 2; }
};

/// The pixels of a square of `side` whose corner lies at `offset` from that of the tile, where pixels outside of the
/// image are `zeros`.
template <std::int64_t side>
void find_pixels(const Images& images, std::int64_t tile, std::int64_t offset, std::int64_t channel, const float* zeros,
                 const float* (&pixels)[side * side]) {
  const std::int64_t across = images.tiles_across(), down = images.tiles_down();
  const std::int64_t b = tile / (across * down), y0 = tile / across % down * 2 + offset,
                     x0 = tile % across * 2 + offset;
  for (std::int64_t i = 0; i < side * side; ++i) {
    const std::int64_t y = y0 + i / side, x = x0 + i % side;
    const bool inside = y >= 0 && y < images.height && x >= 0 && x < images.width;
    pixels[i] = inside ? images.data + ((b * images.height + y) * images.width + x) * images.channels + channel : zeros;
  }
}

/// B^T d B of the 4x4 pixels of each tile: part i of tile t at to + i * step + t * values.
void transform_inputs(const Images& images, std::int64_t tile, std::int64_t count, std::int64_t channel,
                      std::int64_t values, const float* zeros, float* to, std::int64_t step) {
  for (std::int64_t t = 0; t < count; ++t) {
    const float* pixels[16];
    find_pixels<4>(images, tile + t, -1, channel, zeros, pixels);
    for (std::int64_t c = 0; c < values; c += lane_count) {
      float* out = to + t * values + c;
      Lanes rows[4][4];
#pragma GCC unroll 4
      for (int x = 0; x < 4; ++x) {
        const Lanes d1 = lanes_at(pixels[4 + x] + c), d2 = lanes_at(pixels[8 + x] + c);
        rows[0][x] = lanes_at(pixels[x] + c) - d2;
        rows[1][x] = d1 + d2;
        rows[2][x] = d2 - d1;
        rows[3][x] = d1 - lanes_at(pixels[12 + x] + c);
      }
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        put_lanes(out + (4 * y) * step, rows[y][0] - rows[y][2]);
        put_lanes(out + (4 * y + 1) * step, rows[y][1] + rows[y][2]);
        put_lanes(out + (4 * y + 2) * step, rows[y][2] - rows[y][1]);
        put_lanes(out + (4 * y + 3) * step, rows[y][1] - rows[y][3]);
      }
    }
  }
}

/// A d A^T of the 2x2 values of each tile, as above.
void transform_gradients(const Images& images, std::int64_t tile, std::int64_t count, std::int64_t channel,
                         std::int64_t values, const float* zeros, float* to, std::int64_t step) {
  for (std::int64_t t = 0; t < count; ++t) {
    const float* pixels[4];
    find_pixels<2>(images, tile + t, 0, channel, zeros, pixels);
    for (std::int64_t c = 0; c < values; c += lane_count) {
      float* out = to + t * values + c;
      const Lanes d0 = lanes_at(pixels[0] + c), d1 = lanes_at(pixels[1] + c), d2 = lanes_at(pixels[2] + c),
                  d3 = lanes_at(pixels[3] + c);
      const Lanes rows[4][2] = {{d0, d1}, {d0 + d2, d1 + d3}, {d0 - d2, d1 - d3}, {-d2, -d3}};
#pragma GCC unroll 4
      for (int y = 0; y < 4; ++y) {
        put_lanes(out + (4 * y) * step, rows[y][0]);
        put_lanes(out + (4 * y + 1) * step, rows[y][0] + rows[y][1]);
        put_lanes(out + (4 * y + 2) * step, rows[y][0] - rows[y][1]);
        put_lanes(out + (4 * y + 3) * step, -rows[y][1]);
      }
    }
  }
}

/// G^T u G of the sums over the parts, as [out, in, 3, 3]. `partial` is [parts, 16, out, in].
void transform_back(const float* partial, std::int64_t parts, std::int64_t outputs, std::int64_t inputs, float* to) {
  const std::int64_t step = outputs * inputs;
  at::parallel_for(0, outputs, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t output = begin; output < end; ++output)
      for (std::int64_t input = 0; input < inputs; input += lane_count) {
        const float* from = partial + output * inputs + input;
        Lanes u[4][4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; ++i) {
          Lanes sum = lanes_at(from + i * step);
          for (std::int64_t part = 1; part < parts; ++part) sum += lanes_at(from + (part * products + i) * step);
          u[i / 4][i % 4] = sum;
        }
        Lanes rows[3][4];
#pragma GCC unroll 4
        for (int x = 0; x < 4; ++x) {
          rows[0][x] = u[0][x] + (u[1][x] + u[2][x]) * 0.5f;
          rows[1][x] = (u[1][x] - u[2][x]) * 0.5f;
          rows[2][x] = (u[1][x] + u[2][x]) * 0.5f + u[3][x];
        }
        float filters[9][lane_count];
#pragma GCC unroll 3
        for (int y = 0; y < 3; ++y) {
          put_lanes(filters[3 * y], rows[y][0] + (rows[y][1] + rows[y][2]) * 0.5f);
          put_lanes(filters[3 * y + 1], (rows[y][1] - rows[y][2]) * 0.5f);
          put_lanes(filters[3 * y + 2], (rows[y][1] + rows[y][2]) * 0.5f + rows[y][3]);
        }
        float* out = to + (output * inputs + input) * 9;
        for (std::int64_t lane = 0; lane < lane_count; ++lane)
          for (int i = 0; i < 9; ++i) out[lane * 9 + i] = filters[i][lane];
      }
  });
}

void require_float(const at::Tensor& x, const at::Tensor& gradient, const char* what) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || !gradient.device().is_cpu() ||
      gradient.scalar_type() != at::kFloat)
    throw Error(std::string(what) + ": values must be float32 on the CPU");
}

}  // namespace

bool gradient_takes(std::int64_t channels) { return channels % lane_count == 0; }

at::Tensor matrix_gradient(const at::Tensor& x, const at::Tensor& gradient) {
  require_float(x, gradient, "matrix_gradient");
  const std::int64_t rows = x.size(0), inputs = x.size(1), outputs = gradient.size(1);
  if (gradient.size(0) != rows || !gradient_takes(inputs))
    throw Error("matrix_gradient: rows and their gradient do not fit");
  const at::Tensor of_x = x.contiguous(), of_gradient = gradient.contiguous();
  const float *from = of_x.const_data_ptr<float>(), *slope = of_gradient.const_data_ptr<float>();
  const Division division(rows, rows_at_once, outputs * inputs, outputs, inputs);
  at::Tensor result = at::empty({outputs, inputs}, x.options());
  const at::Tensor partial = division.parts == 1 ? result : at::empty({division.parts, outputs, inputs}, x.options());
  if (rows == 0) return result.zero_();
  auto* sums = partial.mutable_data_ptr<float>();
  const MultiplyColumns multiply = multiply_columns();
  at::parallel_for(0, division.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t number = begin; number < end; ++number) {
      const Division::Task task = division.task(number, rows, outputs, inputs);
      for (std::int64_t row = task.begin; row < task.end; row += rows_at_once)
        multiply({slope + row * outputs + task.first_output, outputs, task.outputs,
                  from + row * inputs + task.first_input, inputs, task.inputs,
                  sums + (task.part * outputs + task.first_output) * inputs + task.first_input, inputs,
                  std::min(rows_at_once, task.end - row), row > task.begin});
    }
  });
  if (division.parts == 1) return result;
  auto* to = result.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < outputs * inputs; i += lane_count) {
    Lanes sum = lanes_at(sums + i);
    for (std::int64_t part = 1; part < division.parts; ++part) sum += lanes_at(sums + part * outputs * inputs + i);
    put_lanes(to + i, sum);
  }
  return result;
}

at::Tensor filter_gradient(const at::Tensor& x, const at::Tensor& gradient) {
  require_float(x, gradient, "filter_gradient");
  const std::int64_t inputs = x.size(1), outputs = gradient.size(1), height = x.size(2), width = x.size(3);
  if (!gradient_takes(inputs) || !gradient_takes(outputs) || gradient.size(0) != x.size(0) ||
      gradient.size(2) != height || gradient.size(3) != width)
    throw Error("filter_gradient: images and their gradient do not fit");
  const at::Tensor of_x = x.contiguous(at::MemoryFormat::ChannelsLast),
                   of_gradient = gradient.contiguous(at::MemoryFormat::ChannelsLast);
  const Images images = {of_x.const_data_ptr<float>(), inputs, height, width},
               slopes = {of_gradient.const_data_ptr<float>(), outputs, height, width};
  const std::int64_t tiles = x.size(0) * images.tiles_down() * images.tiles_across();
  at::Tensor result = at::empty({outputs, inputs, 3, 3}, x.options());
  if (tiles == 0) return result.zero_();
  const Division division(tiles, tiles_at_once, products * outputs * inputs, outputs, inputs);
  const at::Tensor partial = at::empty({division.parts, products, outputs, inputs}, x.options());
  auto* sums = partial.mutable_data_ptr<float>();
  const MultiplyColumns multiply = multiply_columns();
  at::parallel_for(0, division.tasks(), 1, [&](std::int64_t begin, std::int64_t end) {
    // The step between parts is no power of two, in which all parts would share their places in the cache.
    const std::int64_t x_step = tiles_at_once * std::min(inputs, inputs_at_once) + 2 * lane_count,
                       g_step = tiles_at_once * std::min(outputs, outputs_at_once) + 2 * lane_count;
    const at::Tensor room = at::empty({products * (x_step + g_step)}, at::kFloat);
    float* of_inputs = room.mutable_data_ptr<float>();
    float* of_outputs = of_inputs + products * x_step;
    const std::vector<float> zeros(static_cast<std::size_t>(std::max(inputs_at_once, outputs_at_once)), 0.0f);
    for (std::int64_t number = begin; number < end; ++number) {
      const Division::Task task = division.task(number, tiles, outputs, inputs);
      for (std::int64_t tile = task.begin; tile < task.end; tile += tiles_at_once) {
        const std::int64_t count = std::min(tiles_at_once, task.end - tile);
        transform_inputs(images, tile, count, task.first_input, task.inputs, zeros.data(), of_inputs, x_step);
        transform_gradients(slopes, tile, count, task.first_output, task.outputs, zeros.data(), of_outputs, g_step);
        for (std::int64_t i = 0; i < products; ++i)
          multiply({of_outputs + i * g_step, task.outputs, task.outputs, of_inputs + i * x_step, task.inputs,
                    task.inputs,
                    sums + ((task.part * products + i) * outputs + task.first_output) * inputs + task.first_input,
                    inputs, count, tile > task.begin});
      }
    }
  });
  transform_back(sums, division.parts, outputs, inputs, result.mutable_data_ptr<float>());
  return result;
}

at::Tensor row_sums(const at::Tensor& rows, std::int64_t groups) {
  if (!rows.device().is_cpu() || rows.scalar_type() != at::kFloat || !rows.is_contiguous() ||
      rows.size(0) % groups != 0)
    throw Error("row_sums: rows must be contiguous, float32 on the CPU, as many in each group");
  const std::int64_t columns = rows.size(1), count = rows.size(0) / groups;
  at::Tensor result = at::empty({groups, columns}, rows.options());
  const float* from = rows.const_data_ptr<float>();
  auto* to = result.mutable_data_ptr<float>();
  // Blocks are summed in float32, and these in double.
  const std::int64_t blocks = parts_of(count, rows_at_once);
  std::vector<float> sums(static_cast<std::size_t>(groups * blocks * columns), 0.0f);
  at::parallel_for(0, groups * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      float* __restrict__ sum = sums.data() + block * columns;
      const std::int64_t first = block / blocks * count, row = block % blocks * rows_at_once;
      for (std::int64_t r = row; r < std::min(count, row + rows_at_once); ++r) {
        const float* __restrict__ values = from + (first + r) * columns;
        for (std::int64_t c = 0; c < columns; ++c) sum[c] += values[c];
      }
    }
  });
  for (std::int64_t group = 0; group < groups; ++group)
    for (std::int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (std::int64_t block = 0; block < blocks; ++block)
        sum += sums[static_cast<std::size_t>((group * blocks + block) * columns + c)];
      to[group * columns + c] = static_cast<float>(sum);
    }
  return result;
}

}  // namespace assay
