#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay {

/// A difference of two arms that is reported with a paired interval over seeds.
struct Contrast {
  std::string metric = {};
  std::string protocol = {};
  std::string arm_a = {}, arm_b = {};
  nlohmann::json params_a = nlohmann::json::object();  // which of the arm's scores
  nlohmann::json params_b = nlohmann::json::object();
};

/// What a configuration will compare, besides the differences that its claims are about
/// (reproductions/claims/claims.h).
struct MethodPlan {
  std::vector<Contrast> contrasts;
};

}  // namespace assay
