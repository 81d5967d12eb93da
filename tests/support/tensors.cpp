#include "tests/support/tensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "core/philox.h"
#include "kernels/cuda_library.h"

namespace assay::test {

at::Tensor values(const std::vector<float>& numbers, at::IntArrayRef shape, at::Device device) {
  const at::Tensor view = at::from_blob(const_cast<float*>(numbers.data()), shape, at::kFloat);
  return view.clone().to(device);
}

at::Tensor values(const std::vector<float>& numbers, at::Device device) {
  return values(numbers, {static_cast<std::int64_t>(numbers.size())}, device);
}

at::Tensor indices(const std::vector<std::int64_t>& numbers, at::Device device) {
  const auto count = static_cast<std::int64_t>(numbers.size());
  return at::from_blob(const_cast<std::int64_t*>(numbers.data()), {count}, at::kLong).clone().to(device);
}

at::Tensor normal(at::IntArrayRef shape, std::uint64_t seed, at::Device device) {
  at::Tensor out = at::empty(shape, at::kFloat);
  RandomStream random(seed, Purpose::noise, 0);
  random.fill_normal(std::span<float>(out.mutable_data_ptr<float>(), static_cast<std::size_t>(out.numel())));
  return out.to(device);
}

::testing::AssertionResult same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) {
    return ::testing::AssertionFailure() << "shapes differ: " << a.sizes() << " and " << b.sizes();
  }
  if (a.scalar_type() != b.scalar_type()) {
    return ::testing::AssertionFailure() << "types differ: " << a.scalar_type() << " and " << b.scalar_type();
  }
  const at::Tensor x = a.detach().cpu().contiguous(), y = b.detach().cpu().contiguous();
  const auto* px = static_cast<const char*>(x.const_data_ptr());
  const auto* py = static_cast<const char*>(y.const_data_ptr());
  const std::size_t size = x.element_size();
  const at::Tensor fx = x.flatten().to(at::kDouble), fy = y.flatten().to(at::kDouble);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::size_t at = static_cast<std::size_t>(i) * size;
    if (std::memcmp(px + at, py + at, size) != 0) {
      return ::testing::AssertionFailure()
             << "element " << i << " of " << x.numel() << " differs: " << fx.const_data_ptr<double>()[i] << " and "
             << fy.const_data_ptr<double>()[i];
    }
  }
  return ::testing::AssertionSuccess();
}

double max_abs_difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return std::numeric_limits<double>::quiet_NaN();
  const at::Tensor x = a.detach().cpu().to(at::kDouble).contiguous(), y = b.detach().cpu().to(at::kDouble).contiguous();
  double largest = 0.0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double difference = std::abs(x.const_data_ptr<double>()[i] - y.const_data_ptr<double>()[i]);
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  return largest;
}

void OnEachDevice::SetUp() {
  if (GetParam() != at::DeviceType::CUDA) return;
  if (const std::string fault = open_cuda_library(); !fault.empty()) GTEST_SKIP() << fault;
}

std::string device_name(const ::testing::TestParamInfo<at::DeviceType>& info) {
  return info.param == at::DeviceType::CUDA ? "cuda" : "cpu";
}

}  // namespace assay::test
