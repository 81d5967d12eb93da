#pragma once
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>

namespace assay {

/// Runs body(0) ... body(count - 1), each once. On the CPU side by side, at most `at_once` (0: as many as this thread
/// may use threads), and each on one thread: what LibTorch's products and convolutions round to may depend on the
/// number of threads they are spread over, and so it does not. On a GPU one after another. Whether gradients are
/// recorded is as in the calling thread. The first exception stops the others after their item and is passed on.
void one_thread_each(at::Device device, std::int64_t count, const std::function<void(std::int64_t)>& body,
                     std::int64_t at_once = 0);

}  // namespace assay
