#include "bench/parity/case.h"

#include <fmt/format.h>

#include "kernels/host_tensor.h"

namespace assay::parity {

at::Tensor to_tensor(const TensorView& view, const std::string& name) {
  if (view.type == DType::f32) return host_tensor(view.f32(name)).view(view.shape);
  if (view.type == DType::i64) return host_tensor(view.i64(name)).view(view.shape);
  throw InputError(fmt::format("tensor '{}': packs hold F32 and I64", name));
}

bool Case::has(const std::string& input) const { return description_.at("inputs").contains(input); }

const nlohmann::json& Case::literal(const std::string& input) const {
  if (!has(input)) throw InputError(fmt::format("{}: no input '{}'", where_, input));
  return description_.at("inputs").at(input);
}

at::Tensor Case::tensor(const std::string& input) const {
  const nlohmann::json& value = literal(input);
  if (!value.is_string()) throw InputError(fmt::format("{}: input '{}' must name a tensor", where_, input));
  const auto name = value.get<std::string>();
  return to_tensor(tensors_.at(name), name);
}

double Case::number(const std::string& input) const {
  const nlohmann::json& value = literal(input);
  if (!value.is_number()) throw InputError(fmt::format("{}: input '{}' must be a number", where_, input));
  return value.get<double>();
}

std::int64_t Case::integer(const std::string& input) const {
  const nlohmann::json& value = literal(input);
  if (!value.is_number_integer()) throw InputError(fmt::format("{}: input '{}' must be an integer", where_, input));
  return value.get<std::int64_t>();
}

std::string Case::text(const std::string& input) const {
  const nlohmann::json& value = literal(input);
  if (!value.is_string()) throw InputError(fmt::format("{}: input '{}' must be a text", where_, input));
  return value.get<std::string>();
}

bool Case::is_on(const std::string& input, bool otherwise) const {
  if (!has(input)) return otherwise;
  const nlohmann::json& value = literal(input);
  return value.is_boolean() ? value.get<bool>() : integer(input) != 0;
}

InputError unknown_call(const Case& c, const std::string& known) {
  return InputError(fmt::format("unknown call '{}'; known: {}", c.call(), known));
}

}  // namespace assay::parity
