#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "diffusion/classifier.h"
#include "diffusion/guidance/score_guidance.h"

namespace assay {

struct ClassifierGuidanceOptions {
  double scale = 1.0;                      // gamma, finite; 0 turns the guidance off but still counts and reports
  bool entropy_scaling = false;            // EDS: times k = ln C / H for each sample (ED-DPM)
  double entropy_floor = 0.0;              // eps_H in [0, 1): floor of H / ln C; 0 is faithful to the published code
  std::optional<double> entropy_constant;  // in place of ln C; ln 1000 to follow the published code at other C
};

/// What happened while guiding, counted over samples and steps ("sample steps").
struct GuidanceEvents {
  std::int64_t steps = 0;              // calls
  std::int64_t samples = 0;            // sample steps
  std::int64_t clamped = 0;            // of these, where the entropy floor decided k
  std::int64_t non_finite = 0;         // where the guidance was not finite; zero was used in its place
  std::int64_t above_1e4 = 0;          // where k > 1e4
  std::int64_t confidently_wrong = 0;  // where a class other than y had p > 0.9
  double largest_k = 0.0;              // 0 without EDS
  struct Place {
    std::int64_t step, timestep, sample;
  };
  std::optional<Place> first_non_finite;

  /// Adds what happened in another batch.
  GuidanceEvents& operator+=(const GuidanceEvents& other);
};

nlohmann::json to_json(const GuidanceEvents& events);
/// What to_json wrote. Throws InputError for another object.
GuidanceEvents read_guidance_events(const nlohmann::json& object);

/// One call seen from inside, a value for each sample.
struct GuidanceStep {
  std::int64_t step, timestep;           // call number from 0; of the original process
  std::vector<double> relative_entropy;  // H / ln C
  std::vector<double> log_probability;   // ln p(y | x_t)
  std::vector<double> gradient_norm;     // |g|, L2 over the sample, before any scale
  std::vector<double> scaled_norm;       // |k g|, before gamma; |g| without EDS
};

/// Classifier guidance (Dhariwal and Nichol, arXiv:2105.05233): gamma * k * grad_x ln p(y | x_t), the gradient taken at
/// the current x_t; k = 1, or ED-DPM's entropy scale.
///
/// Faithful mode (entropy_floor 0) throws assay::Error where the guidance of a sample is not finite, naming step,
/// timestep and sample. Safe mode (entropy_floor > 0) uses zero for that sample, counts it and goes on.
class ClassifierGuidance : public ScoreGuidance {
 public:
  using Observer = std::function<void(const GuidanceStep&)>;

  /// `labels`: [B] int64, the class of each row of x. `first_sample` is added to the row in messages and events. The
  /// classifier must outlive this object. Throws InputError for a label out of range and options out of range.
  ClassifierGuidance(const Classifier& classifier, at::Tensor labels, const ClassifierGuidanceOptions& options,
                     std::int64_t first_sample = 0);

  using ScoreGuidance::gradient;
  at::Tensor gradient(const at::Tensor& x, const at::Tensor& timesteps) override;

  const GuidanceEvents& events() const { return events_; }
  void observe(Observer observer) { observer_ = std::move(observer); }
  /// Only the first `rows` of a batch are counted, and throw; the others fill it up.
  void count_only(std::int64_t rows) { counted_ = rows; }

 private:
  const Classifier& classifier_;
  at::Tensor labels_;
  ClassifierGuidanceOptions options_;
  std::int64_t first_sample_;
  std::int64_t counted_;
  GuidanceEvents events_;
  Observer observer_;
};

}  // namespace assay
