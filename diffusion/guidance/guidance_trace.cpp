#include "diffusion/guidance/guidance_trace.h"

#include <algorithm>
#include <numeric>

namespace assay {
namespace {

GuidanceTrace::Summary summarise(std::vector<double> values) {
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return {mean, values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2};
}

void append(std::vector<double>& to, const std::vector<double>& from) { to.insert(to.end(), from.begin(), from.end()); }

}  // namespace

void GuidanceTrace::add(const GuidanceStep& step) {
  GuidanceStep& all = by_timestep_[step.timestep];
  append(all.relative_entropy, step.relative_entropy);
  append(all.log_probability, step.log_probability);
  append(all.gradient_norm, step.gradient_norm);
  append(all.scaled_norm, step.scaled_norm);
}

std::vector<GuidanceTrace::Row> GuidanceTrace::rows() const {
  std::vector<Row> rows;
  for (auto it = by_timestep_.rbegin(); it != by_timestep_.rend(); ++it) {
    const auto& [timestep, all] = *it;
    if (all.relative_entropy.empty()) continue;
    rows.push_back({timestep, static_cast<std::int64_t>(all.relative_entropy.size()), summarise(all.relative_entropy),
                    summarise(all.log_probability), summarise(all.gradient_norm), summarise(all.scaled_norm)});
  }
  return rows;
}

}  // namespace assay
