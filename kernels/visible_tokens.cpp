#include "kernels/visible_tokens.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/autograd_not_implemented_fallback.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>

#include "kernels/parallel_for.h"
#include "kernels/visible_index.h"
#include "kernels/visible_tokens_math.h"

namespace assay {
namespace {

using OptionalTensor = std::optional<at::Tensor>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t grain = 1 << 14;  // values a thread adds at least

const std::int64_t* numbers_or_null(const OptionalTensor& visible) {
  return visible.has_value() ? visible->const_data_ptr<std::int64_t>() : nullptr;
}

OptionalTensor slots_of(const OptionalTensor& visible, std::int64_t patches) {
  return visible.has_value() ? OptionalTensor(visible_slots(*visible, patches)) : std::nullopt;
}

at::Tensor visible_tokens_cpu(const at::Tensor& first, const at::Tensor& patches, const at::Tensor& positions,
                              const OptionalTensor& visible) {
  const std::int64_t batch = first.size(0), before = first.size(1), shown = patches.size(1), width = first.size(2);
  const std::int64_t length = before + shown;
  at::Tensor out = at::empty({batch, length, width}, first.options());
  const float* first_rows = first.const_data_ptr<float>();
  const float* patch_rows = patches.const_data_ptr<float>();
  const float* table = positions.const_data_ptr<float>();
  const std::int64_t* numbers = numbers_or_null(visible);
  float* tokens = out.mutable_data_ptr<float>();
  at::parallel_for(0, batch * length, std::max<std::int64_t>(1, grain / std::max<std::int64_t>(1, width)),
                   [=](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t i = begin; i < end; ++i) {
                       const std::int64_t image = i / length, row = i % length;
                       const std::int64_t* seen = numbers ? numbers + image * shown : nullptr;
                       const float* __restrict__ value = row < before
                                                             ? first_rows + (image * before + row) * width
                                                             : patch_rows + (image * shown + row - before) * width;
                       const float* __restrict__ place = table + position_row(row, before, seen) * width;
                       float* __restrict__ token = tokens + i * width;
                       for (std::int64_t c = 0; c < width; ++c) token[c] = value[c] + place[c];
                     }
                   });
  return out;
}

at::Tensor position_sums_cpu(const at::Tensor& tokens, const OptionalTensor& visible, std::int64_t first,
                             std::int64_t patches) {
  const std::int64_t batch = tokens.size(0), length = tokens.size(1), width = tokens.size(2);
  at::Tensor out = at::empty({first + patches, width}, tokens.options());
  const OptionalTensor slots = slots_of(visible, patches);
  const float* values = tokens.const_data_ptr<float>();
  const std::int64_t* slot = numbers_or_null(slots);
  float* sums = out.mutable_data_ptr<float>();
  const std::int64_t rows = std::max<std::int64_t>(1, grain / std::max<std::int64_t>(1, batch * width));
  at::parallel_for(0, first + patches, rows, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* __restrict__ sum = sums + row * width;
      std::fill_n(sum, width, 0.0f);
      for (std::int64_t image = 0; image < batch; ++image) {
        const std::int64_t token = token_row(row, first, slot ? slot + image * patches : nullptr);
        if (token < 0) continue;
        const float* __restrict__ value = values + (image * length + token) * width;
        for (std::int64_t c = 0; c < width; ++c) sum[c] += value[c];
      }
    }
  });
  return out;
}

at::Tensor call_tokens(const at::Tensor& first, const at::Tensor& patches, const at::Tensor& positions,
                       const OptionalTensor& visible) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("assay::visible_tokens", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const OptionalTensor&)>();
  return op.call(first, patches, positions, visible);
}

at::Tensor call_position_sums(const at::Tensor& tokens, const OptionalTensor& visible, std::int64_t first,
                              std::int64_t patches) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("assay::position_sums", "")
                             .typed<at::Tensor(const at::Tensor&, const OptionalTensor&, std::int64_t, std::int64_t)>();
  return op.call(tokens, visible, first, patches);
}

struct VisibleTokens : torch::autograd::Function<VisibleTokens> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& first, const at::Tensor& patches,
                            const at::Tensor& positions, const OptionalTensor& visible) {
    context->save_for_backward({visible.value_or(at::Tensor())});
    context->saved_data["first"] = first.size(1);
    context->saved_data["patches"] = positions.size(0) - first.size(1);
    const at::AutoDispatchBelowADInplaceOrView below;
    return call_tokens(first, patches, positions, visible);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor visible = context->get_saved_variables()[0], gradient = gradients[0].contiguous();
    const std::int64_t first = context->saved_data["first"].toInt();
    at::Tensor of_positions;
    if (context->needs_input_grad(2))
      of_positions = call_position_sums(gradient, visible.defined() ? OptionalTensor(visible) : std::nullopt, first,
                                        context->saved_data["patches"].toInt());
    return {gradient.narrow(1, 0, first), gradient.narrow(1, first, gradient.size(1) - first), of_positions, {}};
  }
};

at::Tensor visible_tokens_autograd(const at::Tensor& first, const at::Tensor& patches, const at::Tensor& positions,
                                   const OptionalTensor& visible) {
  return VisibleTokens::apply(first, patches, positions, visible);
}

void check_rows(const at::Tensor& first, const at::Tensor& other, const char* name) {
  TORCH_CHECK(other.scalar_type() == at::kFloat, "visible_tokens: ", name, " needs float32, got ", other.scalar_type());
  TORCH_CHECK(other.device() == first.device(), "visible_tokens: first is on ", first.device(), ", ", name, " on ",
              other.device());
}

}  // namespace

at::Tensor visible_tokens(const at::Tensor& first, const at::Tensor& patches, const at::Tensor& positions,
                          const at::Tensor& visible) {
  TORCH_CHECK(
      first.dim() == 3 && patches.dim() == 3 && first.size(0) == patches.size(0) && first.size(2) == patches.size(2),
      "visible_tokens: first is ", first.sizes(), ", patches is ", patches.sizes(),
      "; needed are [B, E, d] and [B, V, d]");
  TORCH_CHECK(positions.dim() == 2 && positions.size(1) == first.size(2) && positions.size(0) >= first.size(1),
              "visible_tokens: positions is ", positions.sizes(), ", first is ", first.sizes(),
              "; needed are [E + N, d] and [B, E, d]");
  check_rows(first, first, "first");
  check_rows(first, patches, "patches");
  check_rows(first, positions, "positions");
  const std::int64_t all = positions.size(0) - first.size(1);
  OptionalTensor numbers;
  if (visible.defined()) {
    const std::string fault = visible_fault(visible, first.size(0), all, first.device());
    TORCH_CHECK(fault.empty(), "visible_tokens: ", fault);
    numbers = visible.contiguous();
  }
  const std::int64_t shown = numbers.has_value() ? numbers->size(1) : all;
  TORCH_CHECK(patches.size(1) == shown, "visible_tokens: ", patches.size(1), " patches an image, expected ", shown);
  return call_tokens(first.contiguous(), patches.contiguous(), positions.contiguous(), numbers);
}

TORCH_LIBRARY_FRAGMENT(assay, m) {
  m.def("visible_tokens(Tensor first, Tensor patches, Tensor positions, Tensor? visible) -> Tensor");
  m.def("position_sums(Tensor tokens, Tensor? visible, int first, int patches) -> Tensor");
}
TORCH_LIBRARY_IMPL(assay, CPU, m) {
  m.impl("visible_tokens", visible_tokens_cpu);
  m.impl("position_sums", position_sums_cpu);
}
TORCH_LIBRARY_IMPL(assay, Autograd, m) {
  m.impl("visible_tokens", visible_tokens_autograd);
  m.impl("position_sums", torch::autograd::autogradNotImplementedFallback());
}

}  // namespace assay
