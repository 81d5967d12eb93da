#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace assay {

class RandomStream;
class SafetensorsFile;
class SafetensorsWriter;

/// Draws the time steps of training examples (guided-diffusion resample.py). A step drawn with probability p has the
/// importance weight 1 / (T p), so that the expected loss is the uniform one's.
class TimestepSampler {
 public:
  virtual ~TimestepSampler() = default;
  struct Draw {
    std::int64_t step;
    double weight;
  };
  virtual Draw draw(RandomStream& random) const = 0;
  /// Tells the losses [n] of the steps [n] of one batch, in the order of the examples and before weighting.
  virtual void update(const std::vector<std::int64_t>& steps, const std::vector<double>& losses) = 0;
  /// Adds and restores the state that draws depend on. Loading throws InputError for the state of another process.
  virtual void save(SafetensorsWriter& writer) const = 0;
  virtual void load(const SafetensorsFile& file) = 0;
};

const std::vector<std::string>& timestep_sampler_names();

/// "uniform" or "loss-second-moment". The latter draws in proportion to the root of the mean of the last 10 squared
/// losses of each step, mixed with 0.1 % of uniform; it is uniform until every step has seen 10 losses.
/// Throws InputError for another name.
std::unique_ptr<TimestepSampler> make_timestep_sampler(const std::string& name, std::int64_t steps);

}  // namespace assay
