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

/// Names that make_noise_schedule takes.
///   linear       beta linear from 1e-4 to 0.02, scaled by 1000 / T (DDPM, ADM)
///   sqrt-linear  sqrt(beta) linear from sqrt(1e-4) to sqrt(0.02): what SGDM's code calls "linear" (SGDM's published
///   code) cosine       beta from the ratio of f(u) = cos^2((u + 0.008) / 1.008 * pi / 2), at most 0.999 (ADM)
const std::vector<std::string>& noise_schedule_names();

/// Throws InputError for an unknown name or T < 1.
NoiseSchedule make_noise_schedule(const std::string& name, std::int64_t steps);

}  // namespace assay
