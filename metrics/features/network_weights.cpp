#include "metrics/features/network_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "core/convertible_weights.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/safetensors.h"
#include "kernels/host_tensor.h"

namespace assay {

std::map<std::string, at::Tensor> load_network_weights(const std::filesystem::path& file,
                                                       const std::vector<WeightShape>& expected,
                                                       const std::string& conversion) {
  const SafetensorsFile stored(file);
  constexpr std::size_t listed = 10;
  std::vector<std::string> faults;
  std::size_t count = 0;
  const auto fault = [&](std::string what) {
    if (++count <= listed) faults.push_back(std::move(what));
  };
  std::set<std::string> known;
  for (const WeightShape& weight : expected) {
    known.insert(weight.name);
    if (!stored.has(weight.name)) {
      if (!weight.optional) fault("missing " + weight.name);
      continue;
    }
    const TensorView& view = stored.at(weight.name);
    if (view.shape != weight.shape)
      fault(fmt::format("{} is [{}], expected [{}]", weight.name, fmt::join(view.shape, ", "),
                        fmt::join(weight.shape, ", ")));
    else if (!weight.optional && view.type != DType::f32)
      fault(fmt::format("{} is {}, expected F32", weight.name, view.type_name()));
  }
  for (const auto& [name, view] : stored.tensors())
    if (can_be_network_state(view.type) && !known.contains(name)) fault("unknown key " + name);
  if (count > 0) {
    const std::string hint = conversion_hint(stored);
    throw InputError(fmt::format("{}: does not fit this network: {}{}. {}", file.string(), fmt::join(faults, "; "),
                                 count > listed ? fmt::format("; and {} more", count - listed) : "",
                                 hint.empty() ? conversion : hint));
  }

  std::map<std::string, at::Tensor> weights;
  for (const WeightShape& weight : expected) {
    if (weight.optional) continue;
    const auto values = stored.at(weight.name).f32(weight.name);
    weights.emplace(weight.name, host_tensor(values).view(weight.shape));
  }
  return weights;
}

}  // namespace assay
