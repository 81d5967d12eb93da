#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/record_function.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "kernels/thread_count.h"

namespace assay::test {

/// Counts multiply-adds of the operators that LibTorch runs, twice each, from their tensors alone.
class OperatorFlops {
 public:
  OperatorFlops() {
    total() = 0;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& f) -> std::unique_ptr<at::ObserverContext> {
          count(f.name(), f.inputs());
          return nullptr;
        })
            .needsInputs(true)
            .scopes({at::RecordScope::FUNCTION}));
  }
  ~OperatorFlops() { at::removeCallback(handle_); }
  OperatorFlops(const OperatorFlops&) = delete;
  OperatorFlops& operator=(const OperatorFlops&) = delete;
  static double& total() {
    static double flops = 0;
    return flops;
  }

 private:
  static void count(const std::string& name, c10::ArrayRef<const c10::IValue> inputs) {
    const auto size = [&](std::size_t input, std::int64_t axis) {
      return static_cast<double>(inputs[input].toTensor().size(axis));
    };
    if (name == "aten::convolution") {
      const at::Tensor &x = inputs[0].toTensor(), &w = inputs[1].toTensor();
      const double stride = static_cast<double>(inputs[3].toIntVector()[0]);
      total() += 2 * static_cast<double>(w.numel()) * static_cast<double>(x.size(0)) *
                 static_cast<double>(x.size(2) * x.size(3)) / (stride * stride);
    } else if (name == "aten::addmm") {
      total() += 2 * size(1, 0) * size(1, 1) * size(2, 1);
    } else if (name == "aten::mm") {
      total() += 2 * size(0, 0) * size(0, 1) * size(1, 1);
    } else if (name == "aten::bmm") {
      total() += 2 * size(0, 0) * size(0, 1) * size(0, 2) * size(1, 2);
    }
  }
  at::CallbackHandle handle_;
};

/// Follows the tensor memory of this thread's allocations.
class TensorMemory : public c10::MemoryReportingInfoBase {
 public:
  void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override {
    held += size;
    peak = std::max(peak, held);
  }
  void reportOutOfMemory(std::int64_t, std::size_t, std::size_t, c10::Device) override {}
  bool memoryProfilingEnabled() const override { return true; }
  std::int64_t held = 0, peak = 0;
};

struct Observed {
  double flops = 0;
  std::int64_t peak = 0, kept = 0;  // bytes
};

/// Runs `pass`, whose result is kept alive while the memory it holds is read.
template <typename Pass>
Observed observe(const Pass& pass) {
  const ThreadCount one(1);
  const auto memory = std::make_shared<TensorMemory>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, memory);
  const OperatorFlops flops;
  const at::Tensor result = pass();
  return {OperatorFlops::total(), memory->peak, memory->held};
}

}  // namespace assay::test
