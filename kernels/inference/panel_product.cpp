#include "kernels/inference/panel_product.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "kernels/inference/large_block.h"
#include "kernels/inference/panels.h"
#include "kernels/inference/stored_weights.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t depth_at_once = 256;  // of a panel, so that those of a task stay in the cache: 256 KiB
constexpr std::int64_t panels_at_once = 16;  // of a task, at most
constexpr std::int64_t rows_at_once = 384;   // of a task, at most

std::int64_t parts_of(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

/// What is multiplied and where it goes. `row` values of depth `begin` on are at rows.at(first row, begin, ...).
template <class Weight>
struct Product {
  std::int64_t rows, depth, outputs;
  const Weight* panels;
  const float* bias;         // null: none
  std::int64_t rows_a_bias;  // how many rows share one
  const float* other;        // null: none
  float* result;
};

/// Rows that lie in memory one after the other.
struct PlainRows {
  const float* data;
  std::int64_t depth;

  const float* at(std::int64_t row, std::int64_t /*count*/, std::int64_t begin, std::int64_t /*values*/,
                  float* /*room*/, std::int64_t& stride) const {
    stride = depth;
    return data + row * depth + begin;
  }
  static constexpr bool gathered = false;
};

/// Windows of channels-last images: a row is what a position of the result sees, position of the window by position.
struct WindowRows {
  const float* image;
  std::int64_t channels, height, width, out_height, out_width, kernel, stride, padding;

  const float* at(std::int64_t row, std::int64_t count, std::int64_t begin, std::int64_t values, float* room,
                  std::int64_t& row_stride) const {
    row_stride = values;
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t position = row + r, b = position / (out_height * out_width);
      const std::int64_t y0 = position / out_width % out_height * stride - padding,
                         x0 = position % out_width * stride - padding;
      float* to = room + r * values;
      for (std::int64_t value = begin; value < begin + values;) {
        const std::int64_t window = value / channels, channel = value % channels;
        const std::int64_t run = std::min(channels - channel, begin + values - value);
        const std::int64_t y = y0 + window / kernel, x = x0 + window % kernel;
        if (y < 0 || y >= height || x < 0 || x >= width)
          std::fill_n(to, run, 0.0f);
        else
          std::copy_n(image + ((b * height + y) * width + x) * channels + channel, run, to);
        to += run;
        value += run;
      }
    }
    return room;
  }
  static constexpr bool gathered = true;
};

/// What the tasks of a thread write to one after the other.
struct Room {
  std::vector<float> rows, widened, beside;
};

/// `values` of the depth of `panels` panels, from `begin` on, as the innermost loop takes them.
template <class Weight>
const float* panels_at(const Product<Weight>& p, std::int64_t panel, std::int64_t panels, std::int64_t begin,
                       std::int64_t values, std::vector<float>& widened, std::int64_t& stride) {
  const Weight* first = p.panels + (panel * p.depth + begin) * panel_width;
  if constexpr (std::is_same_v<Weight, float>) {
    stride = p.depth * panel_width;
    return first;
  } else {
    widened.resize(static_cast<std::size_t>(panels_at_once * depth_at_once * panel_width));
    stride = values * panel_width;
    for (std::int64_t i = 0; i < panels; ++i)
      widen(first + i * p.depth * panel_width, stride, widened.data() + i * stride);
    return widened.data();
  }
}

/// A task: some rows of the result and some panels of its columns.
template <class Weight, class Rows>
void multiply_part(const Product<Weight>& p, const Rows& rows, std::int64_t row, std::int64_t count, std::int64_t panel,
                   std::int64_t panels, Room& room) {
  const std::int64_t first = panel * panel_width, columns = std::min(panels * panel_width, p.outputs - first);
  const bool whole = columns == panels * panel_width;
  if (!whole) room.beside.resize(static_cast<std::size_t>(count * panels * panel_width));
  if (Rows::gathered) room.rows.resize(static_cast<std::size_t>(rows_at_once * depth_at_once));
  float* to = whole ? p.result + row * p.outputs + first : room.beside.data();
  const std::int64_t to_stride = whole ? p.outputs : panels * panel_width;

  static const MultiplyPanels multiply = multiply_panels();
  for (std::int64_t begin = 0; begin < p.depth; begin += depth_at_once) {
    const std::int64_t values = std::min(depth_at_once, p.depth - begin);
    std::int64_t a_stride = 0, b_stride = 0;
    const float* a = rows.at(row, count, begin, values, room.rows.data(), a_stride);
    const float* b = panels_at(p, panel, panels, begin, values, room.widened, b_stride);
    multiply({a, a_stride, count, b, b_stride, panels, to, to_stride, values, begin > 0});
  }

  if (whole && !p.bias && !p.other) return;
  for (std::int64_t r = 0; r < count; ++r) {
    const float* from = to + r * to_stride;
    float* out = p.result + (row + r) * p.outputs + first;
    const float* bias = p.bias ? p.bias + (row + r) / p.rows_a_bias * p.outputs + first : nullptr;
    const float* other = p.other ? p.other + (row + r) * p.outputs + first : nullptr;
    if (bias && other)
      for (std::int64_t i = 0; i < columns; ++i) out[i] = from[i] + bias[i] + other[i];
    else if (bias)
      for (std::int64_t i = 0; i < columns; ++i) out[i] = from[i] + bias[i];
    else if (other)
      for (std::int64_t i = 0; i < columns; ++i) out[i] = from[i] + other[i];
    else
      std::copy_n(from, columns, out);
  }
}

template <class Weight, class Rows>
void multiply_all(const Product<Weight>& p, const Rows& rows) {
  const std::int64_t panels = parts_of(p.outputs, panel_width), across = parts_of(panels, panels_at_once);
  const std::int64_t down = parts_of(p.rows, rows_at_once);
  at::parallel_for(0, down * across, 1, [&](std::int64_t begin, std::int64_t end) {
    Room room;
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t part = task % across, first = part * panels / across, last = (part + 1) * panels / across;
      const std::int64_t row = task / across * p.rows / down, end_row = (task / across + 1) * p.rows / down;
      multiply_part(p, rows, row, end_row - row, first, last - first, room);
    }
  });
}

const float* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

void require_float(const at::Tensor& x, const char* what) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat)
    throw Error(std::string(what) + ": values must be float32 on the CPU");
}

}  // namespace

at::Tensor panel_product(const at::Tensor& x, const at::Tensor& panels, const at::Tensor& bias,
                         const at::Tensor& other) {
  require_float(x, "panel_product");
  const std::int64_t depth = panels.size(1), outputs = bias.defined() ? bias.size(-1) : panels.size(0) * panel_width;
  if (x.size(-1) != depth) throw Error("panel_product: rows and weights are of other lengths");
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = outputs;
  at::Tensor result = large_block(sizes);
  if (other.defined() && other.sizes() != result.sizes()) throw Error("panel_product: what is added has another shape");
  const at::Tensor in = x.contiguous(), added = other.defined() ? other.contiguous() : other;
  const std::int64_t rows = depth > 0 ? x.numel() / depth : 0;
  if (rows == 0) return result;
  with_stored(panels, [&](const auto* weights) {
    const Product product = {
        rows, depth, outputs, weights, data_or_null(bias), rows, data_or_null(added), result.mutable_data_ptr<float>()};
    multiply_all(product, PlainRows{in.const_data_ptr<float>(), depth});
  });
  return result;
}

at::Tensor window_product(const at::Tensor& x, const at::Tensor& panels, std::int64_t kernel, std::int64_t stride,
                          std::int64_t padding, const at::Tensor& bias, const at::Tensor& other) {
  require_float(x, "window_product");
  const std::int64_t channels = x.size(1), height = x.size(2), width = x.size(3), outputs = bias.size(-1);
  if (panels.size(1) != kernel * kernel * channels) throw Error("window_product: images and weights do not fit");
  const std::int64_t out_height = (height + 2 * padding - kernel) / stride + 1,
                     out_width = (width + 2 * padding - kernel) / stride + 1;
  at::Tensor result = large_block({x.size(0), outputs, out_height, out_width}, at::MemoryFormat::ChannelsLast);
  if (other.defined() && other.sizes() != result.sizes())
    throw Error("window_product: what is added has another shape");
  const at::Tensor in = x.contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor added = other.defined() ? other.contiguous(at::MemoryFormat::ChannelsLast) : other;
  const std::int64_t positions = out_height * out_width, rows = x.size(0) * positions;
  if (rows == 0) return result;
  const float* image = in.const_data_ptr<float>();
  with_stored(panels, [&](const auto* weights) {
    const Product product = {rows,
                             panels.size(1),
                             outputs,
                             weights,
                             data_or_null(bias),
                             bias.dim() == 2 ? positions : rows,
                             data_or_null(added),
                             result.mutable_data_ptr<float>()};
    if (kernel == 1 && stride == 1 && padding == 0)
      multiply_all(product, PlainRows{image, channels});
    else
      multiply_all(product, WindowRows{image, channels, height, width, out_height, out_width, kernel, stride, padding});
  });
  return result;
}

}  // namespace assay
