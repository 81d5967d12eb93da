#include "diffusion/training/checkpoint.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <span>

#include "core/elapsed.h"
#include "core/error.h"
#include "kernels/host_tensor.h"

namespace assay {
namespace {

constexpr std::int64_t loss_points = 100;

}  // namespace

std::string checkpoint_metadata(const SafetensorsFile& file, const std::string& key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end())
    throw InputError(fmt::format("{}: not a checkpoint of ours: no '{}'", file.path(), key));
  return it->second;
}

void check_checkpoint_identity(const SafetensorsFile& file, const std::string& identity) {
  if (!identity.empty() && checkpoint_metadata(file, "identity") != identity)
    throw InputError(
        fmt::format("{}: was trained with another configuration; remove it or choose another place", file.path()));
}

at::Tensor checkpoint_vector(const SafetensorsFile& file, const std::string& name, const at::Tensor& like) {
  const auto values = file.at(name).f32(name);
  if (static_cast<std::int64_t>(values.size()) != like.numel())
    throw InputError(
        fmt::format("{}: '{}' has {} values, expected {}", file.path(), name, values.size(), like.numel()));
  return host_tensor(values).to(like.device());
}

void add_checkpoint_vector(SafetensorsWriter& writer, const std::string& name, const at::Tensor& vector) {
  const at::Tensor host = vector.to(at::kCPU);
  writer.add(name, {host.numel()}, std::span(host.const_data_ptr<float>(), static_cast<std::size_t>(host.numel())));
}

LossCurve::LossCurve(std::int64_t steps) : steps_(steps), sums_(loss_points, 0.0) {}

std::size_t LossCurve::point(std::int64_t step) const { return static_cast<std::size_t>(step * loss_points / steps_); }

void LossCurve::add(std::int64_t step, double loss) { sums_[point(step)] += loss; }

std::vector<double> LossCurve::means() const {
  std::vector<std::int64_t> counts(loss_points, 0);
  for (std::int64_t step = 0; step < steps_; ++step) ++counts[point(step)];
  std::vector<double> means;
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) means.push_back(sums_[i] / static_cast<double>(counts[i]));
  return means;
}

std::vector<double> finished_loss(const SafetensorsFile& file) {
  const auto it = file.metadata().find("loss");
  if (it == file.metadata().end()) return {};
  try {
    return nlohmann::json::parse(it->second).get<std::vector<double>>();
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("{}: its loss is unreadable; remove it to train anew", file.path()));
  }
}

void add_progress(SafetensorsWriter& writer, std::int64_t step, const LossCurve& loss) {
  writer.add_metadata("step", std::to_string(step));
  writer.add_metadata("loss", nlohmann::json(loss.sums_).dump());
}

std::int64_t read_progress(const SafetensorsFile& file, LossCurve& loss) {
  std::int64_t step = -1;
  try {
    step = nlohmann::json::parse(checkpoint_metadata(file, "step")).get<std::int64_t>();
    loss.sums_ = nlohmann::json::parse(checkpoint_metadata(file, "loss")).get<std::vector<double>>();
  } catch (const nlohmann::json::exception&) {
    throw InputError(fmt::format("{}: its step or loss is unreadable; remove it to train anew", file.path()));
  }
  if (step < 0 || loss.sums_.size() != loss_points)
    throw InputError(fmt::format("{}: its step or loss is out of range; remove it to train anew", file.path()));
  return step;
}

bool CheckpointTimer::due() const { return seconds_since(last_) >= seconds_; }

}  // namespace assay
