#include "kernels/cuda_library.h"

#include <ATen/Context.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include "kernels/gpu_driver.h"

namespace assay {
namespace {

std::string open_once() {
#ifdef ASSAY_WITH_CUDA
  if (!gpu_driver()) return "no CUDA device can be used on this machine";
  // Registers the kernels when it is loaded. It is found by the run path of the file that this is linked into.
  if (::dlopen("libassay_cuda.so", RTLD_LAZY | RTLD_LOCAL) == nullptr)
    return fmt::format("the CUDA side of this program cannot be loaded: {}", ::dlerror());
  return at::globalContext().hasCUDA() ? "" : "LibTorch finds no CUDA device on this machine";
#else
  return "this program was built without CUDA";
#endif
}

}  // namespace

std::string open_cuda_library() {
  static const std::string fault = open_once();
  return fault;
}

}  // namespace assay
