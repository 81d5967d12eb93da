#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace assay {

/// Everything that decides a score's value besides the data: a score without its protocol is not a score.
struct Protocol {
  std::string id;           // "fd-small"
  std::string description;  // two lines
  std::string origin;       // whose convention it is
  nlohmann::json choices;   // each choice by name: divisor, solver, averaging, ...
};

}  // namespace assay
