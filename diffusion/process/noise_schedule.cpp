#include "diffusion/process/noise_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {
namespace {

double linear(double first, double last, std::int64_t i, std::int64_t steps) {
  return steps == 1 ? first : first + (last - first) * static_cast<double>(i) / static_cast<double>(steps - 1);
}

double cosine_alpha_bar(double u) {
  const double c = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
  return c * c;
}

}  // namespace

const std::vector<std::string>& noise_schedule_names() {
  static const std::vector<std::string> names = {"linear", "sqrt-linear", "cosine"};
  return names;
}

NoiseSchedule make_noise_schedule(const std::string& name, std::int64_t steps, BetaRange range) {
  if (steps < 1) throw InputError(fmt::format("noise schedule: {} steps; accepted: at least 1", steps));
  if (!(range.first > 0 && range.first < 1 && range.last > 0 && range.last < 1))
    throw InputError(
        fmt::format("noise schedule: beta from {} to {}; accepted: between 0 and 1", range.first, range.last));
  const auto& names = noise_schedule_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    throw InputError(unknown_name_message("noise schedule", name, names));

  NoiseSchedule schedule{name, {}, {}};
  double alpha_bar = 1.0;
  const double scale = 1000.0 / static_cast<double>(steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    double beta = 0;
    if (name == "linear") {
      beta = std::min(linear(scale * range.first, scale * range.last, i, steps), 0.999);
    } else if (name == "sqrt-linear") {
      const double root = linear(std::sqrt(range.first), std::sqrt(range.last), i, steps);
      beta = root * root;
    } else {
      const double t = static_cast<double>(steps);
      beta = std::min(
          1 - cosine_alpha_bar(static_cast<double>(i + 1) / t) / cosine_alpha_bar(static_cast<double>(i) / t), 0.999);
    }
    alpha_bar *= 1 - beta;
    schedule.beta.push_back(beta);
    schedule.alpha_bar.push_back(alpha_bar);
  }
  return schedule;
}

}  // namespace assay
