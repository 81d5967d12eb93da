#include <ATen/Version.h>
#include <fmt/format.h>
#include <torch/version.h>

#include <cstdio>
#include <string>

#include "app/program.h"
#include "app/torch_actions.h"

namespace {

constexpr assay::TorchActions actions = {.run = assay::run_action,
                                         .study = assay::study_action,
                                         .parity = assay::parity_action,
                                         .draw = assay::draw_action,
                                         .generative = assay::generative_action,
                                         .compare = assay::compare_action,
                                         .explain = assay::explain_action,
                                         .features = assay::features_action,
                                         .merge = assay::merge_action};

/// What LibTorch says of itself: "2.11.0".
std::string loaded_version() {
  const std::string config = at::show_config(), key = "TORCH_VERSION=";
  const auto begin = config.find(key);
  return begin == std::string::npos
             ? "unknown"
             : config.substr(begin + key.size(), config.find_first_of(", \n", begin) - begin - key.size());
}

}  // namespace

/// The one name that the program `assay` looks up in this library.
extern "C" int assay_torch_program(int argc, char** argv) {
  const std::string loaded = loaded_version();
  if (loaded != TORCH_VERSION) {
    fmt::print(stderr, "assay: LibTorch {} was loaded, and this program was built with {}; build again with it: make\n",
               loaded, TORCH_VERSION);
    return 1;
  }
  return assay::program(argc, argv, &actions);
}
