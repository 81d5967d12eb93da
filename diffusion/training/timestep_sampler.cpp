#include "diffusion/training/timestep_sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "core/error.h"
#include "core/nearest.h"
#include "core/philox.h"
#include "core/safetensors.h"

namespace assay {
namespace {

class Uniform : public TimestepSampler {
 public:
  explicit Uniform(std::int64_t steps) : steps_(steps) {}
  Draw draw(RandomStream& random) const override {
    return {static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(steps_))), 1.0};
  }
  void update(const std::vector<std::int64_t>& /*steps*/, const std::vector<double>& /*losses*/) override {}
  void save(SafetensorsWriter& /*writer*/) const override {}
  void load(const SafetensorsFile& /*file*/) override {}

 private:
  std::int64_t steps_;
};

class LossSecondMoment : public TimestepSampler {
 public:
  explicit LossSecondMoment(std::int64_t steps)
      : history_(static_cast<std::size_t>(steps * kept)), counts_(static_cast<std::size_t>(steps)) {
    renew();
  }

  Draw draw(RandomStream& random) const override {
    const double u = random.uniform() * cumulative_.back();
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), u) - cumulative_.begin();
    const std::int64_t step = std::min<std::int64_t>(found, static_cast<std::int64_t>(counts_.size()) - 1);
    return {step, 1.0 / (probability_[static_cast<std::size_t>(step)] * static_cast<double>(counts_.size()))};
  }

  void update(const std::vector<std::int64_t>& steps, const std::vector<double>& losses) override {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto step = static_cast<std::size_t>(steps[i]);
      float* row = history_.data() + step * kept;
      if (counts_[step] == kept) {
        std::copy(row + 1, row + kept, row);
        row[kept - 1] = static_cast<float>(losses[i]);
      } else {
        row[counts_[step]++] = static_cast<float>(losses[i]);
      }
    }
    renew();
  }

  void save(SafetensorsWriter& writer) const override {
    writer.add(history_name, {static_cast<std::int64_t>(counts_.size()), kept}, std::span<const float>(history_));
    writer.add(counts_name, {static_cast<std::int64_t>(counts_.size())}, std::span<const std::int64_t>(counts_));
  }

  void load(const SafetensorsFile& file) override {
    const auto history = file.at(history_name).f32(history_name);
    const auto counts = file.at(counts_name).i64(counts_name);
    if (history.size() != history_.size() || counts.size() != counts_.size())
      throw InputError(
          fmt::format("{}: its loss history is of {} steps, expected {}", file.path(), counts.size(), counts_.size()));
    for (const std::int64_t count : counts)
      if (count < 0 || count > kept)
        throw InputError(fmt::format("{}: its loss history counts {} losses of a step; accepted: 0 to {}", file.path(),
                                     count, kept));
    history_.assign(history.begin(), history.end());
    counts_.assign(counts.begin(), counts.end());
    renew();
  }

 private:
  static constexpr std::int64_t kept = 10;
  static constexpr double uniform_share = 0.001;
  static constexpr const char* history_name = "step_sampler.losses";
  static constexpr const char* counts_name = "step_sampler.counts";

  void renew() {
    const std::size_t n = counts_.size();
    probability_.assign(n, 1.0 / static_cast<double>(n));
    const bool warm = std::all_of(counts_.begin(), counts_.end(), [](std::int64_t count) { return count == kept; });
    if (warm) {
      for (std::size_t step = 0; step < n; ++step) {
        double squares = 0;
        for (std::int64_t i = 0; i < kept; ++i) {
          const double loss = history_[step * kept + static_cast<std::size_t>(i)];
          squares += loss * loss;
        }
        probability_[step] = std::sqrt(squares / kept);
      }
      const double sum = std::accumulate(probability_.begin(), probability_.end(), 0.0);
      const double rest = uniform_share / static_cast<double>(n);
      for (double& p : probability_) p = sum > 0 ? p / sum * (1 - uniform_share) + rest : 1.0 / static_cast<double>(n);
    }
    cumulative_.resize(n);
    std::partial_sum(probability_.begin(), probability_.end(), cumulative_.begin());
  }

  std::vector<float> history_;                    // [steps, kept], oldest first
  std::vector<std::int64_t> counts_;              // [steps]
  std::vector<double> probability_, cumulative_;  // [steps]
};

}  // namespace

const std::vector<std::string>& timestep_sampler_names() {
  static const std::vector<std::string> names = {"uniform", "loss-second-moment"};
  return names;
}

std::unique_ptr<TimestepSampler> make_timestep_sampler(const std::string& name, std::int64_t steps) {
  if (name == "uniform") return std::make_unique<Uniform>(steps);
  if (name == "loss-second-moment") return std::make_unique<LossSecondMoment>(steps);
  throw InputError(unknown_name_message("step sampler", name, timestep_sampler_names()));
}

}  // namespace assay
