#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay {

/// The variance schedule of a forward process with T steps; t = 0 is the least noisy. All in double.
struct NoiseSchedule {
  std::string name;
  std::vector<double> beta;       // [T], in (0, 1)
  std::vector<double> alpha_bar;  // [T], cumulative product of 1 - beta

  std::int64_t steps() const { return static_cast<std::int64_t>(beta.size()); }
};

/// The first and the last beta.
struct BetaRange {
  double first = 1e-4, last = 0.02;
};

/// Names that make_noise_schedule takes.
///   linear       beta linear over the range, scaled by 1000 / T (DDPM, ADM)
///   sqrt-linear  sqrt(beta) linear over the roots of the range: what SGDM's published code calls "linear"
///   cosine       beta from the ratio of f(u) = cos^2((u + 0.008) / 1.008 * pi / 2), at most 0.999 (ADM); no range
const std::vector<std::string>& noise_schedule_names();

/// Throws InputError for an unknown name, T < 1 or a range outside (0, 1).
NoiseSchedule make_noise_schedule(const std::string& name, std::int64_t steps, BetaRange range = {});

}  // namespace assay
