#include "diffusion/prediction.h"

#include <ATen/TensorOperators.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace assay {

Prediction read_prediction(const nlohmann::json& scheduler, const std::string& where) {
  if (!scheduler.is_object()) throw InputError(where + ": accepted: an object of arguments");
  const auto found = scheduler.find("prediction_type");
  if (found == scheduler.end() || found->is_null()) return Prediction::epsilon;
  if (!found->is_string()) throw InputError(where + ".prediction_type: expected a text, got " + found->dump());
  if (const auto known = find_value(found->get<std::string>(), prediction_names)) return *known;
  throw InputError(where + ": " +
                   unknown_name_message("prediction_type", found->get<std::string>(), listed(prediction_names)));
}

Predicted split(Prediction prediction, const at::Tensor& output, const at::Tensor& x, double root, double rest) {
  switch (prediction) {
    case Prediction::epsilon:
      return {(x - rest * output) / root, output};
    case Prediction::sample:
      return {output, (x - root * output) / rest};
    case Prediction::v_prediction:
      return {root * x - rest * output, root * output + rest * x};
  }
  throw Error("unreachable");
}

at::Tensor prediction_target(Prediction prediction, const at::Tensor& x0, const at::Tensor& eps, const at::Tensor& root,
                             const at::Tensor& rest) {
  switch (prediction) {
    case Prediction::epsilon:
      return eps;
    case Prediction::sample:
      return x0;
    case Prediction::v_prediction:
      return root * eps - rest * x0;
  }
  throw Error("unreachable");
}

}  // namespace assay
