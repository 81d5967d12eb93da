#include "kernels/visible_patches.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <vector>

#include "kernels/parallel_for.h"
#include "kernels/visible_index.h"
#include "kernels/visible_patches_math.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Visible patches of an image, or all of them.
std::int64_t shown_patches(const OptionalTensor& visible, const PatchGrid& grid) {
  return visible.has_value() ? visible->size(1) : grid_patches(grid);
}

/// Where the values of a patch lie from its corner on, worked out once for all patches.
std::vector<std::int64_t> value_offsets(const PatchGrid& grid) {
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(patch_values(grid)));
  for (std::size_t k = 0; k < offsets.size(); ++k) offsets[k] = value_offset(grid, static_cast<std::int64_t>(k));
  return offsets;
}

constexpr std::int64_t grain = 1 << 14;  // values a thread moves at least

at::Tensor gather_patches_cpu(const at::Tensor& x, const OptionalTensor& visible, std::int64_t patch,
                              bool channel_last) {
  const PatchGrid grid{x.size(1), x.size(2), x.size(3), patch, channel_last};
  const std::int64_t shown = shown_patches(visible, grid), values = patch_values(grid);
  at::Tensor out = at::empty({x.size(0), shown, values}, x.options());
  const std::vector<std::int64_t> offsets = value_offsets(grid);
  const float* image = x.const_data_ptr<float>();
  const std::int64_t* numbers = visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr;
  float* to = out.mutable_data_ptr<float>();
  at::parallel_for(
      0, x.size(0) * shown, std::max<std::int64_t>(1, grain / values), [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t* __restrict__ offset = offsets.data();
        const std::int64_t count = values;
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t number = numbers ? numbers[row] : row % shown;
          const float* __restrict__ from = image + row / shown * image_values(grid) + patch_corner(grid, number);
          float* __restrict__ values_out = to + row * count;
          for (std::int64_t k = 0; k < count; ++k) values_out[k] = from[offset[k]];
        }
      });
  return out;
}

at::Tensor scatter_patches_cpu(const at::Tensor& patches, const OptionalTensor& visible, std::int64_t channels,
                               std::int64_t height, std::int64_t width, std::int64_t patch, bool channel_last,
                               double fill) {
  const PatchGrid grid{channels, height, width, patch, channel_last};
  const std::int64_t shown = patches.size(1), values = patch_values(grid);
  at::Tensor out = at::empty({patches.size(0), channels, height, width}, patches.options());
  const std::vector<std::int64_t> offsets = value_offsets(grid);
  const float* from = patches.const_data_ptr<float>();
  const std::int64_t* numbers = visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr;
  float* images = out.mutable_data_ptr<float>();
  const std::int64_t images_a_thread = std::max<std::int64_t>(1, grain / std::max<std::int64_t>(1, image_values(grid)));
  at::parallel_for(0, patches.size(0), images_a_thread, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t* __restrict__ offset = offsets.data();
    const std::int64_t count = values;
    for (std::int64_t b = begin; b < end; ++b) {
      float* image = images + b * image_values(grid);
      if (shown < grid_patches(grid)) std::fill_n(image, image_values(grid), static_cast<float>(fill));
      for (std::int64_t row = b * shown; row < (b + 1) * shown; ++row) {
        const std::int64_t number = numbers ? numbers[row] : row - b * shown;
        float* __restrict__ to = image + patch_corner(grid, number);
        const float* __restrict__ values_in = from + row * count;
        for (std::int64_t k = 0; k < count; ++k) to[offset[k]] = values_in[k];
      }
    }
  });
  return out;
}

at::Tensor call_gather(const at::Tensor& x, const OptionalTensor& visible, std::int64_t patch, bool channel_last) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("assay::gather_patches", "")
                             .typed<at::Tensor(const at::Tensor&, const OptionalTensor&, std::int64_t, bool)>();
  return op.call(x, visible, patch, channel_last);
}

at::Tensor call_scatter(const at::Tensor& patches, const OptionalTensor& visible, std::int64_t channels,
                        std::int64_t height, std::int64_t width, std::int64_t patch, bool channel_last, double fill) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("assay::scatter_patches", "")
                             .typed<at::Tensor(const at::Tensor&, const OptionalTensor&, std::int64_t, std::int64_t,
                                               std::int64_t, std::int64_t, bool, double)>();
  return op.call(patches, visible, channels, height, width, patch, channel_last, fill);
}

OptionalTensor saved_visible(const AutogradContext* context) {
  const at::Tensor visible = context->get_saved_variables()[0];
  return visible.defined() ? OptionalTensor(visible) : std::nullopt;
}

/// Each operator's gradient is the other, so gradients of gradients come with them.
struct GatherPatches : torch::autograd::Function<GatherPatches> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const OptionalTensor& visible,
                            std::int64_t patch, bool channel_last) {
    context->save_for_backward({visible.value_or(at::Tensor())});
    context->saved_data["image"] = x.sizes().vec();
    context->saved_data["patch"] = patch;
    context->saved_data["channel_last"] = channel_last;
    const at::AutoDispatchBelowADInplaceOrView below;
    return call_gather(x, visible, patch, channel_last);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const std::vector<std::int64_t> image = context->saved_data["image"].toIntVector();
    return {call_scatter(gradients[0].contiguous(), saved_visible(context), image[1], image[2], image[3],
                         context->saved_data["patch"].toInt(), context->saved_data["channel_last"].toBool(), 0.0),
            {},
            {},
            {}};
  }
};

struct ScatterPatches : torch::autograd::Function<ScatterPatches> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& patches, const OptionalTensor& visible,
                            std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t patch,
                            bool channel_last, double fill) {
    context->save_for_backward({visible.value_or(at::Tensor())});
    context->saved_data["patch"] = patch;
    context->saved_data["channel_last"] = channel_last;
    const at::AutoDispatchBelowADInplaceOrView below;
    return call_scatter(patches, visible, channels, height, width, patch, channel_last, fill);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {call_gather(gradients[0].contiguous(), saved_visible(context), context->saved_data["patch"].toInt(),
                        context->saved_data["channel_last"].toBool()),
            {},
            {},
            {},
            {},
            {},
            {},
            {}};
  }
};

at::Tensor gather_patches_autograd(const at::Tensor& x, const OptionalTensor& visible, std::int64_t patch,
                                   bool channel_last) {
  return GatherPatches::apply(x, visible, patch, channel_last);
}

at::Tensor scatter_patches_autograd(const at::Tensor& patches, const OptionalTensor& visible, std::int64_t channels,
                                    std::int64_t height, std::int64_t width, std::int64_t patch, bool channel_last,
                                    double fill) {
  return ScatterPatches::apply(patches, visible, channels, height, width, patch, channel_last, fill);
}

OptionalTensor checked_visible(const char* op, const at::Tensor& visible, std::int64_t batch, const PatchGrid& grid,
                               at::Device device) {
  if (!visible.defined()) return std::nullopt;
  const std::string fault = visible_fault(visible, batch, grid_patches(grid), device);
  TORCH_CHECK(fault.empty(), op, ": ", fault);
  return visible.contiguous();
}

void check_sides(const char* op, std::int64_t height, std::int64_t width, std::int64_t patch) {
  TORCH_CHECK(patch >= 1 && height % patch == 0 && width % patch == 0, op, ": images of ", height, " x ", width,
              " pixels cannot be cut into patches of ", patch);
}

}  // namespace

at::Tensor gather_patches(const at::Tensor& x, const at::Tensor& visible, std::int64_t patch, PatchOrder order) {
  TORCH_CHECK(x.dim() == 4, "gather_patches: x must be [B, C, H, W], got ", x.sizes());
  TORCH_CHECK(x.scalar_type() == at::kFloat, "gather_patches: x needs float32, got ", x.scalar_type());
  check_sides("gather_patches", x.size(2), x.size(3), patch);
  const PatchGrid grid{x.size(1), x.size(2), x.size(3), patch, order == PatchOrder::channel_last};
  return call_gather(x.contiguous(), checked_visible("gather_patches", visible, x.size(0), grid, x.device()), patch,
                     grid.channel_last);
}

at::Tensor scatter_patches(const at::Tensor& patches, const at::Tensor& visible, std::int64_t height,
                           std::int64_t width, std::int64_t patch, PatchOrder order, double fill) {
  check_sides("scatter_patches", height, width, patch);
  TORCH_CHECK(patches.dim() == 3 && patches.size(2) % (patch * patch) == 0,
              "scatter_patches: patches must be [B, V, C * ", patch * patch, "], got ", patches.sizes());
  TORCH_CHECK(patches.scalar_type() == at::kFloat, "scatter_patches: patches needs float32, got ",
              patches.scalar_type());
  const PatchGrid grid{patches.size(2) / (patch * patch), height, width, patch, order == PatchOrder::channel_last};
  const OptionalTensor numbers = checked_visible("scatter_patches", visible, patches.size(0), grid, patches.device());
  const std::int64_t shown = shown_patches(numbers, grid);
  TORCH_CHECK(patches.size(1) == shown, "scatter_patches: ", patches.size(1), " patches an image, expected ", shown);
  return call_scatter(patches.contiguous(), numbers, grid.channels, height, width, patch, grid.channel_last, fill);
}

TORCH_LIBRARY_FRAGMENT(assay, m) {
  m.def("gather_patches(Tensor x, Tensor? visible, int patch, bool channel_last) -> Tensor");
  m.def(
      "scatter_patches(Tensor patches, Tensor? visible, int channels, int height, int width, int patch, "
      "bool channel_last, float fill) -> Tensor");
}
TORCH_LIBRARY_IMPL(assay, CPU, m) {
  m.impl("gather_patches", gather_patches_cpu);
  m.impl("scatter_patches", scatter_patches_cpu);
}
TORCH_LIBRARY_IMPL(assay, Autograd, m) {
  m.impl("gather_patches", gather_patches_autograd);
  m.impl("scatter_patches", scatter_patches_autograd);
}

}  // namespace assay
