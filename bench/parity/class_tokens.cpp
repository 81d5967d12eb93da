#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <utility>

#include "bench/parity/modules.h"
#include "reproductions/class_tokens/algorithm/classifier_input.h"

namespace assay::parity {

Module class_token_input(nlohmann::json config, const SafetensorsFile* /*state*/) {
  return [config = std::move(config)](const Case& c) -> Outputs {
    if (c.call() != "transform") throw unknown_call(c, "transform");
    class_tokens::ClassifierInput options = class_tokens::classifier_input_of(
        value_of("classifier", c.text("classifier"), class_tokens::published_classifier_names));
    options.crop = config.value("crop", options.crop);
    const std::int64_t stride = c.integer_or("stride", 1);
    const at::Tensor seen = class_tokens::classifier_input(c.tensor("image"), options);
    return {{"classifier_input", seen.slice(2, 0, {}, stride).slice(3, 0, {}, stride)}};
  };
}

}  // namespace assay::parity
