#include "app/torch_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "bench/harness/machine.h"
#include "core/error.h"

namespace assay {
namespace {

// Found by the run path of the program: lib/ beside its folder.
constexpr const char* library_name = "libassay_torch.so";

/// Why the library was not opened; empty where `library` was set.
std::string open_library(void*& library) {
  // What it names itself is looked up now (it is linked with -z now), what LibTorch's own parts name when they are
  // called.
  library = ::dlopen(library_name, RTLD_LAZY | RTLD_LOCAL);
  return library != nullptr ? "" : ::dlerror();
}

/// LibTorch's CPU library of a build for CUDA names CUDA's runtime and its profiler, although nothing of them is called
/// where there is no device. Where they are not installed, libraries of ours under their names let it be loaded.
void open_stand_ins() {
  constexpr std::string_view names = ASSAY_CUDA_STAND_INS;
  for (std::size_t begin = 0; begin < names.size();) {
    const std::size_t end = std::min(names.find(':', begin), names.size());
    ::dlopen(std::string(names.substr(begin, end - begin)).c_str(), RTLD_LAZY | RTLD_LOCAL);
    begin = end + 1;
  }
}

}  // namespace

std::string why_no_torch(const nlohmann::json& installation, const std::string& fault) {
  if (const std::string missing = installation["missing"]; !missing.empty())
    return "this command needs LibTorch: " + missing;
  return fmt::format("this command needs LibTorch {}, which cannot be loaded: {}; `make` sets it up and builds again",
                     installation["built_with"].get<std::string>(), fault);
}

int run_in_torch_library(int argc, char** argv) {
  void* library = nullptr;
  std::string fault = open_library(library);
  if (fault.find("libcudart") != std::string::npos || fault.find("libcupti") != std::string::npos) {
    open_stand_ins();
    fault = open_library(library);
  }
  using Program = int (*)(int, char**);
  const auto program =
      library == nullptr ? nullptr : reinterpret_cast<Program>(::dlsym(library, "assay_torch_program"));
  if (program == nullptr)
    throw Error(why_no_torch(libtorch_installation(), library == nullptr ? fault : std::string(::dlerror())));
  return program(argc, argv);
}

}  // namespace assay
