#include "diffusion/sampling/diffusers/sigma_ladder.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "diffusion/sampling/diffusers/scheduler.h"

namespace assay {

std::vector<double> sigma_table(const NoiseSchedule& schedule) {
  std::vector<double> table;
  table.reserve(schedule.alpha_bar.size());
  for (const double a : schedule.alpha_bar) {
    const auto alpha_bar = static_cast<float>(a);
    table.push_back(static_cast<double>(std::sqrt((1.0f - alpha_bar) / alpha_bar)));
  }
  return table;
}

std::vector<double> place_sigmas(SigmaSpacing spacing, double largest, double smallest, std::int64_t count) {
  std::vector<double> sigmas;
  sigmas.reserve(static_cast<std::size_t>(count));
  if (spacing == SigmaSpacing::karras) {
    constexpr double rho = 7.0;
    const double from = std::pow(largest, 1 / rho), to = std::pow(smallest, 1 / rho);
    for (const double share : even_numbers(1.0, count)) sigmas.push_back(std::pow(from + share * (to - from), rho));
    return sigmas;
  }
  if (spacing == SigmaSpacing::table) throw Error("place_sigmas: the table places its own");
  // diffusers takes lu's ends from its table of logarithms, in float32.
  const auto log_of = [&](double s) {
    return spacing == SigmaSpacing::lu ? static_cast<double>(std::log(static_cast<float>(s))) : std::log(s);
  };
  const double from = log_of(largest);
  for (const double down : even_numbers(log_of(smallest) - from, count)) sigmas.push_back(std::exp(from + down));
  return sigmas;
}

double sigma_at(const std::vector<double>& table, double timestep) {
  const double last = static_cast<double>(table.size() - 1);
  if (timestep <= 0) return table.front();
  if (timestep >= last) return table.back();
  const auto low = static_cast<std::size_t>(timestep);
  return table[low] + (timestep - static_cast<double>(low)) * (table[low + 1] - table[low]);
}

double timestep_of_sigma(const std::vector<double>& table, double sigma) {
  if (table.size() < 2) return 0.0;
  // diffusers holds the table's logarithms in float32 and takes their differences there.
  const auto log_of = [](double s) { return std::log(static_cast<float>(s)); };
  const double wanted = std::log(std::max(sigma, 1e-10));
  // The last entry not above the sigma; the first where there is none.
  std::size_t low = 0;
  for (std::size_t i = 0; i < table.size(); ++i)
    if (wanted >= static_cast<double>(log_of(table[i]))) low = i;
  low = std::min(low, table.size() - 2);
  const float a = log_of(table[low]), b = log_of(table[low + 1]);
  const double share = std::clamp((static_cast<double>(a) - wanted) / static_cast<double>(a - b), 0.0, 1.0);
  return (1 - share) * static_cast<double>(low) + share * static_cast<double>(low + 1);
}

}  // namespace assay
