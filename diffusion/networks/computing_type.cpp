#include "diffusion/networks/computing_type.h"

#include <ATen/core/dispatch/Dispatcher.h>

namespace assay {
namespace {

/// oneDNN takes bfloat16 wherever there is AVX-512, but gains by it only with the instructions.
bool multiplies_bfloat16() {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512bf16")) return false;
#endif
  return c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_is_mkldnn_bf16_supported", "").typed<bool()>().call();
}

}  // namespace

at::ScalarType computing_type(at::ScalarType kept, at::Device device) {
  if (!device.is_cpu()) return kept;
  static const bool native = multiplies_bfloat16();
  return kept == at::kHalf || (kept == at::kBFloat16 && !native) ? at::kFloat : kept;
}

}  // namespace assay
