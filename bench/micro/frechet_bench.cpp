#include <ATen/ops/linalg_eigvals.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sqrt.h>
#include <benchmark/benchmark.h>

#include <span>

#include "bench/micro/micro_bench.h"
#include "metrics/bootstrap.h"
#include "metrics/frechet.h"

namespace assay {
namespace {

std::vector<float> features(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  const at::Tensor x = micro::normal({n, width}, at::DeviceType::CPU, seed);
  return {x.const_data_ptr<float>(), x.const_data_ptr<float>() + x.numel()};
}

/// General eigenvalues of S1 S2, as torch-fidelity does it.
double in_eager_operators(const at::Tensor& m1, const at::Tensor& s1, const at::Tensor& m2, const at::Tensor& s2) {
  const at::Tensor roots = at::sqrt(at::linalg_eigvals(at::mm(s1, s2)));
  return (m1 - m2).square().sum().item<double>() + (s1 + s2).trace().item<double>() -
         2.0 * at::real(roots).sum().item<double>();
}

at::Tensor mean_of(const at::Tensor& x) { return x.mean(0); }

at::Tensor covariance_of(const at::Tensor& x) {
  const at::Tensor centred = x - x.mean(0);
  return at::mm(centred.t(), centred) / static_cast<double>(x.size(0) - 1);
}

const bool registered = [] {
  struct Shape {
    const char* name;
    std::int64_t generated, reference, width;
  };
  for (const Shape& s : {Shape{"2000x2000x64", 2000, 2000, 64}, Shape{"4000x4000x512", 4000, 4000, 512},
                         Shape{"256x4000x512", 256, 4000, 512}}) {
    const auto g = gaussian(features(s.generated, s.width, 1), s.width),
               r = gaussian(features(s.reference, s.width, 2), s.width);
    const at::Tensor x = micro::normal({s.generated, s.width}, at::DeviceType::CPU, 1).to(at::kDouble);
    const at::Tensor y = micro::normal({s.reference, s.width}, at::DeviceType::CPU, 2).to(at::kDouble);
    const at::Tensor m1 = mean_of(x), s1 = covariance_of(x), m2 = mean_of(y), s2 = covariance_of(y);
    const auto d = static_cast<double>(s.width);
    // Cholesky, two triangular products, tridiagonalisation.
    const micro::Work work{.bytes = 16 * d * d, .flops = (1.0 / 3 + 2 + 4.0 / 3) * d * d * d, .items = 1};
    micro::add("frechet", "symmetric", s.name, "f64", at::DeviceType::CPU, work,
               [=] { benchmark::DoNotOptimize(frechet(g, r).value); });
    micro::add("frechet", "eager", s.name, "f64", at::DeviceType::CPU, work,
               [=] { benchmark::DoNotOptimize(in_eager_operators(m1, s1, m2, s2)); });
  }
  const auto x = features(2000, 64, 1);
  const auto r = gaussian(features(2000, 64, 2), 64);
  const micro::Work work{.bytes = 8.0 * 200 * 2000 * 64, .flops = 200.0 * 2000 * 64 * 65 * 0.632, .items = 200};
  micro::add("frechet_bootstrap", "weighted", "2000x64,200", "f64", at::DeviceType::CPU, work,
             [=] { benchmark::DoNotOptimize(frechet_bootstrap(x, 64, r, 200, 1).front()); });
  micro::add("frechet_bootstrap", "weighted_1_thread", "2000x64,200", "f64", at::DeviceType::CPU, work,
             [=] { benchmark::DoNotOptimize(frechet_bootstrap(x, 64, r, 200, 1, Divisor::n_minus_1, 1).front()); });
  return true;
}();

}  // namespace
}  // namespace assay
