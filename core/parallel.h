#pragma once
#include <cstdint>
#include <functional>

namespace assay {

/// Runs body(0, w) ... body(count - 1, w), each once, on up to `threads` threads (0: all cores); `w` in
/// [0, worker_count(count, threads)) names the thread, so that each may keep its own scratch memory. Items are handed
/// out in order. The first exception stops the others after their item and is passed on. Throws Interrupted
/// (core/interrupt.h) before an item once the user has asked to stop.
void parallel_for(std::int64_t count, int threads, const std::function<void(std::int64_t, int)>& body);

/// `threads` (0: all cores), or fewer, at least 1, where the whole work of about `nanoseconds` would not repay their
/// start. An estimate within a factor of a few will do.
int threads_worth(double nanoseconds, int threads);

/// How many threads parallel_for() uses: at least 1.
int worker_count(std::int64_t count, int threads);

}  // namespace assay
