// Loaded before LibTorch, it makes LibTorch say that it is another version.
#include <string>

namespace at {

std::string show_config();
std::string show_config() { return "PyTorch built with:\n  - Build settings: TORCH_VERSION=2.4.0, USE_CUDA=0, "; }

}  // namespace at
