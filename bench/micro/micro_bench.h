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

/// Registers one benchmark named op/variant/shape/dtype/device with counters bytes, flops and items (per iteration).
/// `body` is called once before timing. On CUDA each iteration is timed by events around it (manual time).
void add(const std::string& op, const std::string& variant, const std::string& shape, const std::string& dtype,
         at::DeviceType device, const Work& work, std::function<void()> body);

/// The CPU, and CUDA where a device is present.
std::vector<at::DeviceType> devices();

/// float32 standard normal values, the same in every run.
at::Tensor normal(at::IntArrayRef shape, at::DeviceType device, std::uint64_t seed);

}  // namespace assay::micro
