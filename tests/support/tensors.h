#pragma once
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace assay::test {

/// float32 [n] on `device`.
at::Tensor values(const std::vector<float>& numbers, at::Device device = at::kCPU);
/// float32 of the given shape on `device`.
at::Tensor values(const std::vector<float>& numbers, at::IntArrayRef shape, at::Device device = at::kCPU);
/// int64 [n] on `device`.
at::Tensor indices(const std::vector<std::int64_t>& numbers, at::Device device = at::kCPU);
/// Standard normal float32 values: the same numbers for a seed and an element count on every device.
at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed, at::Device device = at::kCPU);

/// Same shape, element type and bits (so NaN equals itself and 0 differs from -0). Prints the first difference.
::testing::AssertionResult same_bits(const at::Tensor& a, const at::Tensor& b);
/// Largest absolute difference of two tensors of one shape, worked out in double; 0 for no elements.
/// NaN where any difference is NaN.
double max_abs_difference(const at::Tensor& a, const at::Tensor& b);

/// A fixture whose cases run on the CPU and on CUDA; the latter skips with a reason where there is no device.
class OnEachDevice : public ::testing::TestWithParam<at::DeviceType> {
 protected:
  void SetUp() override;
  at::Device device{GetParam()};
};

std::string device_name(const ::testing::TestParamInfo<at::DeviceType>& info);

}  // namespace assay::test

/// Instantiates a fixture derived from OnEachDevice. Tests of such a file carry the label `gpu` beside `smoke`.
#define ASSAY_TEST_ON_EACH_DEVICE(fixture)                                                          \
  INSTANTIATE_TEST_SUITE_P(, fixture, ::testing::Values(at::DeviceType::CPU, at::DeviceType::CUDA), \
                           ::assay::test::device_name)
