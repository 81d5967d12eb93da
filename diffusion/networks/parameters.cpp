#include "diffusion/networks/parameters.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/philox.h"
#include "core/safetensors.h"
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

std::int64_t product(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const std::int64_t side : shape) n *= side;
  return n;
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

void Parameters::refuse_after_cast(const char* what) const {
  if (cast_) throw Error(fmt::format("Parameters: {} after a cast to half precision", what));
}

void Parameters::cast(at::ScalarType type, const std::set<std::string>& names) {
  refuse_after_cast("cast");
  at::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    // A copy even in float32: a view would keep the flat buffer alive.
    const at::Tensor value = parameter.value.detach();
    parameter.value = names.contains(parameter.name) ? value.to(type) : value.clone();
  }
  flat_ = at::Tensor();
  flat_gradient_ = at::Tensor();
  cast_ = true;
}

void Parameters::require_gradients() {
  refuse_after_cast("gradients asked for");
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
  std::vector<std::string> different, missing, unexpected;
  for (const Parameter& parameter : parameters_) {
    const std::string key = prefix + parameter.name;
    if (!file.has(key)) {
      missing.push_back("missing " + key);
      continue;
    }
    const TensorView& view = file.at(key);
    if (view.shape != parameter.shape)
      different.push_back(
          fmt::format("{} is [{}], expected [{}]", key, fmt::join(view.shape, ", "), fmt::join(parameter.shape, ", ")));
    else if (view.type != DType::f32)
      different.push_back(fmt::format("{} is {}, expected F32", key, view.type_name()));
  }
  for (const auto& [key, view] : file.tensors()) {
    if (can_be_network_state(view.type) && key.starts_with(prefix) && !by_name_.contains(key.substr(prefix.size())))
      unexpected.push_back("unknown key " + key);
  }
  const std::size_t total = different.size() + missing.size() + unexpected.size();
  if (total == 0) return "";
  std::vector<std::string> first;
  for (std::size_t i = 0; first.size() < std::min<std::size_t>(total, 10); ++i)
    for (const auto* kind : {&different, &missing, &unexpected})
      if (i < kind->size() && first.size() < 10) first.push_back((*kind)[i]);
  return fmt::format("{} wrong keys ({} of another shape or type, {} missing, {} unknown): {}{}", total,
                     different.size(), missing.size(), unexpected.size(), fmt::join(first, "; "),
                     total > first.size() ? "; ..." : "");
}

void Parameters::load_under(const SafetensorsFile& file, const std::string& prefix) {
  refuse_after_cast("loaded");
  const std::string fault = misfit(file, prefix);
  if (!fault.empty()) {
    const std::string hint = conversion_hint(file);
    throw InputError(
        fmt::format("{}: does not fit this network: {}{}{}", file.path(), fault, hint.empty() ? "" : ". ", hint));
  }
  at::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_) {
    const auto values = file.at(prefix + parameter.name).f32(parameter.name);
    parameter.value.detach().copy_(host_tensor(values).view(parameter.shape));
  }
}

void Parameters::save(SafetensorsWriter& writer, const std::string& prefix, const at::Tensor& flat) const {
  refuse_after_cast("saved");
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
  refuse_after_cast("assigned");
  at::NoGradGuard no_grad;
  flat_.copy_(flat);
}

}  // namespace assay
