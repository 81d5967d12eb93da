#include "kernels/inference/large_block.h"

#include <ATen/ops/empty.h>

#if defined(__linux__)
#include <ATen/ops/from_blob.h>
#include <c10/util/accumulate.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#endif

namespace assay {

at::Tensor large_block(at::IntArrayRef sizes, at::MemoryFormat format, at::ScalarType type) {
#if defined(__linux__)
  constexpr std::size_t large_page = std::size_t{1} << 21;
  const std::int64_t values = c10::multiply_integers(sizes);
  const std::size_t bytes = static_cast<std::size_t>(values) * c10::elementSize(type);
  if (bytes >= large_page) {
    void* memory = nullptr;
    if (::posix_memalign(&memory, large_page, bytes) != 0) throw std::bad_alloc();
    ::madvise(memory, bytes / large_page * large_page, MADV_HUGEPAGE);
    const at::Tensor block = at::from_blob(
        memory, {values}, [](void* given) { std::free(given); }, type);
    if (format == at::MemoryFormat::ChannelsLast)
      return block.view({sizes[0], sizes[2], sizes[3], sizes[1]}).permute({0, 3, 1, 2});
    return block.view(sizes);
  }
#endif
  return at::empty(sizes, type, format);
}

}  // namespace assay
