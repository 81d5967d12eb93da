#pragma once
#include <ATen/Parallel.h>

namespace assay {

/// Lets LibTorch compute with `threads` threads, on this thread and while it lives. Everything here that sets the
/// number goes through this class.
///
/// at::set_num_threads() sets the number of its own thread, and besides one of the whole process, which a thread takes
/// over with its first call of LibTorch: a number set before that call would give way to what another thread set
/// meanwhile. Asking for the number first is such a call.
class ThreadCount {
 public:
  explicit ThreadCount(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
  ~ThreadCount() { at::set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int before_;
};

}  // namespace assay
