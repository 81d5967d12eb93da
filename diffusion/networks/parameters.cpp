#include "diffusion/networks/parameters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/philox.h"
#include "core/safetensors.h"
#include "diffusion/networks/computing_type.h"
#include "diffusion/networks/state_match.h"
#include "kernels/host_tensor.h"

namespace assay {
namespace {

void initialise(const Parameter& parameter, std::uint64_t seed, std::uint64_t index, float* out, std::int64_t n) {
  RandomStream random(seed, Purpose::initialise, index);
  switch (parameter.initial) {
    case Initial::zeros:
      std::fill_n(out, n, 0.0f);
      return;
    case Initial::ones:
      std::fill_n(out, n, 1.0f);
      return;
    case Initial::normal:
      random.fill_normal({out, static_cast<std::size_t>(n)});
      return;
    case Initial::normal_fan_in:
    case Initial::normal_002: {
      const auto deviation = parameter.initial == Initial::normal_002
                                 ? 0.02f
                                 : static_cast<float>(1.0 / std::sqrt(static_cast<double>(parameter.fan_in)));
      random.fill_normal({out, static_cast<std::size_t>(n)});
      for (std::int64_t i = 0; i < n; ++i) out[i] *= deviation;
      return;
    }
    case Initial::uniform_fan_in: {
      const double bound = 1.0 / std::sqrt(static_cast<double>(parameter.fan_in));
      for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>((2.0 * random.uniform() - 1.0) * bound);
      return;
    }
  }
}

at::ScalarType scalar_type_of(DType type) {
  return type == DType::f16 ? at::kHalf : type == DType::bf16 ? at::kBFloat16 : at::kFloat;
}

/// The tensor in the file's own memory, which it keeps alive and gives back in the end. Nothing may write to it.
at::Tensor view_of(const std::shared_ptr<const SafetensorsFile>& file, const TensorView& view, at::IntArrayRef shape) {
  return at::from_blob(
      const_cast<std::byte*>(view.data.data()), shape, [file, view](void*) { file->release(view); },
      scalar_type_of(view.type));
}

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t side : shape) n *= side;
  return n;
}

/// Whether a weight that is not arranged stays as it is, and what multiplies it or looks rows up in it makes float32 of
/// what it needs: matrices of layers that have no panels, as those of a text encoder, where they are worth it.
bool widened_at_use(const Parameter& parameter) {
  constexpr std::int64_t least = 1 << 19;  // values: two bytes saved of each
  return parameter.use.kind == WeightUse::Kind::other && parameter.shape.size() == 2 &&
         product(parameter.shape) >= least;
}

}  // namespace

const Parameter* Parameters::declare(Parameter parameter) {
  if (flat_.defined()) throw Error("Parameters: declared after materialise");
  parameters_.push_back(std::move(parameter));
  const Parameter* declared = &parameters_.back();
  if (!by_name_.emplace(declared->name, declared).second)
    throw Error(fmt::format("Parameters: '{}' declared twice", declared->name));
  return declared;
}

std::int64_t Parameters::trainable_count() const {
  std::int64_t n = 0;
  for (const Parameter& parameter : parameters_)
    if (parameter.trainable) n += product(parameter.shape);
  return n;
}

std::int64_t Parameters::count() const {
  std::int64_t n = 0;
  for (const Parameter& parameter : parameters_) n += product(parameter.shape);
  return n;
}

std::int64_t Parameters::count(const std::set<std::string>& names) const {
  std::int64_t n = 0;
  for (const std::string& name : names) n += product(by_name_.at(name)->shape);
  return n;
}

void Parameters::materialise(std::uint64_t seed, at::Device device) {
  at::Tensor host = at::empty({trainable_count()}, at::kFloat);
  std::vector<at::Tensor> frozen;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Parameter& parameter = parameters_[i];
    const std::int64_t n = product(parameter.shape);
    if (parameter.trainable) {
      initialise(parameter, seed, i, host.mutable_data_ptr<float>() + offset, n);
      offset += n;
    } else {
      at::Tensor value = at::empty(parameter.shape, at::kFloat);
      initialise(parameter, seed, i, value.mutable_data_ptr<float>(), n);
      parameter.value = value.to(device);
    }
  }
  flat_ = host.to(device);
  offset = 0;
  for (Parameter& parameter : parameters_) {
    if (!parameter.trainable) continue;
    const std::int64_t n = product(parameter.shape);
    parameter.value = flat_.narrow(0, offset, n).view(parameter.shape);
    offset += n;
  }
}

void Parameters::pack() {
#if defined(__GLIBC__)
  // What a network holds beside its weights has many sizes. glibc soon serves blocks of up to 32 MiB from a heap, whose
  // holes stay resident: 70 MiB beside the UNet of Stable Diffusion 1.5. Blocks of a mapping of their own are given
  // back. glibc knows no narrower limit than one of the whole process, and what is allocated is allocated by LibTorch
  // during predictions long after this call: it stays. Other work of the process then pays system calls and fresh pages
  // for each block of 1 to 32 MiB.
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
  if (!only_predicts_) cast(at::kFloat, {});
  for (Parameter& parameter : parameters_) {
    at::Tensor& value = parameter.value;
    if (const at::Tensor arranged = packed(value, parameter.use); arranged.defined())
      value = arranged;
    else if (!widened_at_use(parameter))
      value = value.to(computing_type(value.scalar_type(), value.device()));
  }
}

void Parameters::refuse_where_only_predicting(const char* what) const {
  if (only_predicts_) throw Error(fmt::format("Parameters: {} where they only predict", what));
}

void Parameters::cast(at::ScalarType type, const std::set<std::string>& names) {
  refuse_where_only_predicting("cast");
  at::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    // A copy even in float32: a view would keep the flat buffer alive.
    const at::Tensor value = parameter.value.detach();
    parameter.value = names.contains(parameter.name) ? value.to(type) : value.clone();
  }
  flat_ = at::Tensor();
  flat_gradient_ = at::Tensor();
  only_predicts_ = true;
}

void Parameters::require_gradients() {
  refuse_where_only_predicting("gradients asked for");
  flat_gradient_ = at::zeros_like(flat_);
  std::int64_t offset = 0;
  for (Parameter& parameter : parameters_) {
    if (!parameter.trainable) continue;
    const std::int64_t n = product(parameter.shape);
    parameter.value = parameter.value.detach();
    parameter.value.set_requires_grad(true);
    parameter.value.mutable_grad() = flat_gradient_.narrow(0, offset, n).view(parameter.shape);
    offset += n;
  }
}

void Parameters::load(const SafetensorsFile& file) { load_under(file, ""); }

void Parameters::load_partly(const SafetensorsFile& file, const std::string& prefix) { load_under(file, prefix); }

std::string Parameters::misfit(const SafetensorsFile& file, const std::string& prefix) const {
  return StateMatch(parameters_, file, {prefix, ""}, {DType::f32}).fault;
}

void Parameters::load_under(const SafetensorsFile& file, const std::string& prefix) {
  refuse_where_only_predicting("loaded");
  const StateMatch match(parameters_, file, {prefix, ""}, {DType::f32});
  require_match(match, file);
  at::NoGradGuard no_grad;
  for (const auto& [parameter, view] : match.pairs)
    parameter->value.detach().copy_(host_tensor(view->f32(parameter->name)).view(parameter->shape));
}

void Parameters::materialise_to_predict(std::uint64_t seed, at::ScalarType type, at::Device device) {
  if (flat_.defined()) throw Error("Parameters: materialised twice");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor value = at::empty(parameters_[i].shape, at::kFloat);
    initialise(parameters_[i], seed, i, value.mutable_data_ptr<float>(), value.numel());
    parameters_[i].value = value.to(device, type);
  }
  only_predicts_ = true;
}

void Parameters::load_to_predict(const std::shared_ptr<const SafetensorsFile>& file, const StatePart& part,
                                 std::optional<at::ScalarType> type, at::Device device) {
  if (flat_.defined()) throw Error("Parameters: loaded to predict after materialise");
  const StateMatch match(parameters_, *file, part, {DType::f32, DType::f16, DType::bf16});
  require_match(match, *file);
  if (!type) {
    const std::string mixed = mixed_types(match);
    if (!mixed.empty())
      throw InputError(
          fmt::format("{}: mixed precision: {}; accepted: one type in all of the file, or a type to convert to",
                      file->path(), mixed));
  }
  for (Parameter& parameter : parameters_) {
    const auto found = std::find_if(match.pairs.begin(), match.pairs.end(),
                                    [&](const auto& pair) { return pair.first == &parameter; });
    if (found == match.pairs.end()) continue;
    const at::Tensor kept = view_of(file, *found->second, parameter.shape);
    parameter.value = kept.to(device, type.value_or(kept.scalar_type()));
  }
  only_predicts_ = true;
}

void Parameters::save(SafetensorsWriter& writer, const std::string& prefix, const at::Tensor& flat) const {
  refuse_where_only_predicting("saved");
  const at::Tensor host = (flat.defined() ? flat : flat_).detach().to(at::kCPU);
  const float* data = host.const_data_ptr<float>();
  std::int64_t offset = 0;
  for (const Parameter& parameter : parameters_) {
    const std::int64_t n = product(parameter.shape);
    if (parameter.trainable) {
      writer.add(prefix + parameter.name, parameter.shape, std::span(data + offset, static_cast<std::size_t>(n)));
      offset += n;
    } else {
      const at::Tensor value = parameter.value.to(at::kCPU).contiguous();
      writer.add(prefix + parameter.name, parameter.shape,
                 std::span(value.const_data_ptr<float>(), static_cast<std::size_t>(n)));
    }
  }
}

void Parameters::assign(const at::Tensor& flat) {
  refuse_where_only_predicting("assigned");
  at::NoGradGuard no_grad;
  flat_.copy_(flat);
}

}  // namespace assay
