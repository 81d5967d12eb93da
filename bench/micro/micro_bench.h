#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace assay::micro {

/// The work of one call: what it must read and write at least, its arithmetic, and the items it makes.
struct Work {
  double bytes = 0.0;
  double flops = 0.0;
  double items = 0.0;
};

/// Makes the inputs of a benchmark and returns the call to time; runs when the benchmark does, not when it is
/// registered (operators may not be registered yet while globals are initialised, and a filtered benchmark costs no
/// memory).
using Prepare = std::function<std::function<void()>()>;

/// Registers one benchmark with label op/variant/shape/dtype/device and counters bytes, flops and items (per call).
/// The call runs once before timing. On the CPU the wall time counts (`real_time`); on CUDA each call is timed by
/// events around it, and Google Benchmark adds "/manual_time" to the name (not to the label).
void add(const std::string& op, const std::string& variant, const std::string& shape, const std::string& dtype,
         at::DeviceType device, const Work& work, const Prepare& prepare);

/// The CPU, and CUDA where a device is present.
std::vector<at::DeviceType> devices();

/// float32 standard normal values, the same in every run.
at::Tensor normal(at::IntArrayRef shape, at::DeviceType device, std::uint64_t seed);

}  // namespace assay::micro
