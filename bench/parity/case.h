#pragma once
#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/safetensors.h"

namespace assay::parity {

/// Throws InputError for another type than F32 and I64.
at::Tensor to_tensor(const TensorView& view, const std::string& name);

/// One case of a pack: its inputs, tensors or literals, read by name. Each reader throws InputError when the input is
/// absent or of another kind.
class Case {
 public:
  Case(const nlohmann::json& description, const SafetensorsFile& tensors, std::string where)
      : description_(description), tensors_(tensors), where_(std::move(where)) {}

  bool has(const std::string& input) const;
  at::Tensor tensor(const std::string& input) const;
  at::Tensor tensor_or_undefined(const std::string& input) const { return has(input) ? tensor(input) : at::Tensor(); }
  double number(const std::string& input) const;
  std::int64_t integer(const std::string& input) const;
  std::string text(const std::string& input) const;
  /// What a case may leave out: the official default is the caller's.
  double number_or(const std::string& input, double otherwise) const { return has(input) ? number(input) : otherwise; }
  std::int64_t integer_or(const std::string& input, std::int64_t otherwise) const {
    return has(input) ? integer(input) : otherwise;
  }
  std::string text_or(const std::string& input, const std::string& otherwise) const {
    return has(input) ? text(input) : otherwise;
  }
  /// A boolean, or an integer that is not 0.
  bool is_on(const std::string& input, bool otherwise) const;
  const nlohmann::json& literal(const std::string& input) const;
  /// What to do, "(none)" where the pack has one thing to do.
  std::string call() const { return description_.value("call", "(none)"); }

 private:
  const nlohmann::json& description_;
  const SafetensorsFile& tensors_;
  std::string where_;
};

using Outputs = std::map<std::string, at::Tensor>;
/// Runs one case.
using Module = std::function<Outputs(const Case&)>;

InputError unknown_call(const Case& c, const std::string& known);

}  // namespace assay::parity
