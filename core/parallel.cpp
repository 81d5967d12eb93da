#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

#include "core/interrupt.h"

namespace assay {

int worker_count(std::int64_t count, int threads) {
  if (threads <= 0) threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return static_cast<int>(std::clamp<std::int64_t>(count, 1, threads));
}

int threads_worth(double nanoseconds, int threads) {
  // A thread takes 20 to 100 us to start, more where its core sleeps.
  constexpr double share = 2e5;
  const double most = worker_count(std::numeric_limits<std::int64_t>::max(), threads);
  return static_cast<int>(std::clamp(nanoseconds / share, 1.0, most));
}

void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t, int)>& body) {
  const int workers = worker_count(count, threads);
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&](int worker) {
    for (std::int64_t i = next++; i < count; i = next++) {
      try {
        stop_if_interrupted();
        body(i, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> pool;
    pool.reserve(static_cast<std::size_t>(workers));
    for (int w = 1; w < workers; ++w) pool.emplace_back(work, w);
    work(0);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace assay
