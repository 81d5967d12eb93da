#include "reproductions/objects/tokencut.h"

#include <ATen/ops/scalar_tensor.h>
#include <fmt/format.h>

#include <span>
#include <utility>
#include <vector>

#include "bench/parity/modules.h"
#include "kernels/host_tensor.h"

namespace assay::parity {
namespace {

at::Tensor on_grid(const std::vector<std::int64_t>& values, std::int64_t rows, std::int64_t columns) {
  return host_tensor(std::span<const std::int64_t>(values)).view({rows, columns});
}

Outputs cut(const Case& c) {
  if (c.call() != "ncut") throw unknown_call(c, "ncut");
  const at::Tensor tokens = c.tensor("features");  // the class token first
  const std::int64_t rows = c.integer("feat_h"), columns = c.integer("feat_w");
  if (tokens.dim() != 3 || tokens.size(0) != 1 || tokens.size(1) != 1 + rows * columns)
    throw InputError(fmt::format("features: accepted: [1, {}, D]", 1 + rows * columns));
  TokenCutOptions options;
  options.patch = c.integer("scale_h");
  if (c.integer("scale_w") != options.patch)
    throw InputError("scale_h and scale_w differ; accepted: patches that are square");
  options.tau = c.number_or("tau", 0);
  options.epsilon = c.number_or("eps", options.epsilon);
  options.binary = !c.is_on("no_binary_graph", false);
  const at::Tensor patches = tokens[0].narrow(0, 1, rows * columns).contiguous();
  const TokenCutObject found =
      tokencut({patches.const_data_ptr<float>(), static_cast<std::size_t>(patches.numel())}, rows, columns,
               patches.size(1), c.integer("image_h"), c.integer("image_w"), options);
  return {
      {"box_xyxy", host_tensor(std::span<const std::int64_t>(found.box))},
      {"mask", on_grid({found.mask.begin(), found.mask.end()}, rows, columns)},
      {"seed", at::scalar_tensor(found.seed, at::kLong)},
      {"components", on_grid(found.components, rows, columns)},
      {"eigenvector", host_tensor(std::span<const double>(found.eigenvector)).to(at::kFloat).view({rows, columns})}};
}

}  // namespace

Module tokencut_cut(nlohmann::json config, const SafetensorsFile* /*state*/) {
  return [config = std::move(config)](const Case& c) {
    if (!config.empty()) throw InputError(fmt::format("config {}; accepted: {{}}", config.dump()));
    return cut(c);
  };
}

}  // namespace assay::parity
