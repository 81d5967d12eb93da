#pragma once
#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/names.h"

namespace assay {

/// What a network's output is taken for, where x = sqrt(a) x0 + sqrt(1 - a) eps with a = alpha_bar: the noise eps, the
/// image x0, or v = sqrt(a) eps - sqrt(1 - a) x0 (Salimans and Ho, arXiv:2202.00512), which says what the image is even
/// where a is 0 (zero terminal SNR, Lin et al., arXiv:2305.08891).
enum class Prediction { epsilon, sample, v_prediction };
inline constexpr Names<Prediction> prediction_names = {
    {"epsilon", Prediction::epsilon}, {"sample", Prediction::sample}, {"v_prediction", Prediction::v_prediction}};

/// The `prediction_type` of a scheduler_config.json; epsilon where it is not given. Throws InputError.
Prediction read_prediction(const nlohmann::json& scheduler, const std::string& where);

struct Predicted {
  at::Tensor x0, eps;
};
/// Both halves of x = root x0 + rest eps from the network's output. `root` = sqrt(alpha_bar), `rest` = sqrt(1 -
/// alpha_bar).
Predicted split(Prediction prediction, const at::Tensor& output, const at::Tensor& x, double root, double rest);

/// What a network that predicts so is to give for x = root x0 + rest eps. `root` and `rest` [B, 1, 1, 1].
at::Tensor prediction_target(Prediction prediction, const at::Tensor& x0, const at::Tensor& eps, const at::Tensor& root,
                             const at::Tensor& rest);

}  // namespace assay
