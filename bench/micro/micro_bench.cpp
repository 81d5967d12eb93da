#include "bench/micro/micro_bench.h"

#include <ATen/ops/empty.h>
#include <benchmark/benchmark.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

#include "kernels/cuda_library.h"

namespace assay::micro {

void add(const std::string& op, const std::string& variant, const std::string& shape, const std::string& dtype,
         at::DeviceType device, const Work& work, const Prepare& prepare) {
  const bool cuda = device == at::DeviceType::CUDA;
  const std::string name = op + "/" + variant + "/" + shape + "/" + dtype + "/" + (cuda ? "cuda" : "cpu");
  auto* registered = benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    const std::function<void()> body = prepare();
    body();
    if (cuda) {
      const c10::impl::VirtualGuardImpl guard(device);
      const c10::Stream stream = guard.getStream(c10::Device(device, 0));
      for ([[maybe_unused]] auto _ : state) {
        c10::Event start(device, c10::EventFlag::BACKEND_DEFAULT), stop(device, c10::EventFlag::BACKEND_DEFAULT);
        start.record(stream);
        body();
        stop.record(stream);
        stop.synchronize();
        state.SetIterationTime(start.elapsedTime(stop) * 1e-3);
      }
    } else {
      for ([[maybe_unused]] auto _ : state) body();
    }
    state.SetLabel(name);
    state.counters["bytes"] = work.bytes;
    state.counters["flops"] = work.flops;
    state.counters["items"] = work.items;
  });
  if (cuda) registered->UseManualTime();
  registered->Unit(benchmark::kMicrosecond);
}

std::vector<at::DeviceType> devices() {
  if (open_cuda_library().empty()) return {at::DeviceType::CPU, at::DeviceType::CUDA};
  return {at::DeviceType::CPU};
}

at::Tensor normal(at::IntArrayRef shape, at::DeviceType device, std::uint64_t seed) {
  // A cheap generator: the numbers only have to be of normal size and always the same.
  at::Tensor out = at::empty(shape, at::kFloat);
  float* values = out.mutable_data_ptr<float>();
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    float sum = 0.0f;
    for (int k = 0; k < 3; ++k) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      sum += static_cast<float>(state >> 40) * 0x1.0p-23f - 1.0f;  // three uniform values: variance 1
    }
    values[i] = sum;
  }
  return out.to(device);
}

}  // namespace assay::micro
