#include "kernels/one_thread_each.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "core/parallel.h"
#include "kernels/thread_count.h"

namespace assay {

void one_thread_each(at::Device device, std::int64_t count, const std::function<void(std::int64_t)>& body,
                     std::int64_t at_once) {
  if (!device.is_cpu()) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  const std::int64_t threads = at::get_num_threads();
  const bool gradients = at::GradMode::is_enabled();
  parallel_for(count, static_cast<int>(at_once > 0 ? std::min(at_once, threads) : threads), [&](std::int64_t i, int) {
    const ThreadCount one(1);
    const at::AutoGradMode as_in_the_caller(gradients);
    body(i);
  });
}

}  // namespace assay
