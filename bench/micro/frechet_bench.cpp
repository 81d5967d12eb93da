#include <ATen/ops/linalg_eigvals.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/real.h>
#include <ATen/ops/sqrt.h>
#include <benchmark/benchmark.h>

#include "bench/micro/micro_bench.h"
#include "metrics/generative/frechet.h"
#include "metrics/generative/frechet_bootstrap.h"
#include "metrics/statistics/bootstrap.h"

namespace assay {
namespace {

std::vector<float> features(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  const at::Tensor x = micro::normal({n, width}, at::DeviceType::CPU, seed);
  return {x.const_data_ptr<float>(), x.const_data_ptr<float>() + x.numel()};
}

struct Fit {
  at::Tensor mean, covariance;
};

Fit eager_fit(std::int64_t n, std::int64_t width, std::uint64_t seed) {
  const at::Tensor x = micro::normal({n, width}, at::DeviceType::CPU, seed).to(at::kDouble);
  const at::Tensor centred = x.sub(x.mean(0));
  return {x.mean(0), at::mm(centred.t(), centred).div(static_cast<double>(n - 1))};
}

/// General eigenvalues of S1 S2, the way of torch-fidelity.
double eager(const Fit& a, const Fit& b) {
  const at::Tensor roots = at::sqrt(at::linalg_eigvals(at::mm(a.covariance, b.covariance)));
  return a.mean.sub(b.mean).square().sum().item<double>() + a.covariance.add(b.covariance).trace().item<double>() -
         2.0 * at::real(roots).sum().item<double>();
}

void add(const char* shape, std::int64_t generated, std::int64_t reference, std::int64_t width) {
  const auto d = static_cast<double>(width);
  // Cholesky, two triangular products, tridiagonalisation.
  const micro::Work work{.bytes = 16 * d * d, .flops = (1.0 / 3 + 2 + 4.0 / 3) * d * d * d, .items = 1};
  micro::add("frechet", "symmetric", shape, "f64", at::DeviceType::CPU, work, [=] {
    const Gaussian a = gaussian(features(generated, width, 1), width),
                   b = gaussian(features(reference, width, 2), width);
    return [=] { benchmark::DoNotOptimize(frechet(a, b).value); };
  });
  micro::add("frechet", "eager", shape, "f64", at::DeviceType::CPU, work, [=] {
    const Fit a = eager_fit(generated, width, 1), b = eager_fit(reference, width, 2);
    return [=] { benchmark::DoNotOptimize(eager(a, b)); };
  });
}

void add_bootstrap(const char* variant, int threads) {
  // The weighted moments of the 63.2 % of rows that a replicate holds.
  const micro::Work work{.bytes = 8.0 * 200 * 2000 * 64, .flops = 200.0 * 0.632 * 2000 * 64 * 65, .items = 200};
  micro::add("frechet_bootstrap", variant, "2000x64:200", "f64", at::DeviceType::CPU, work, [=] {
    const auto x = features(2000, 64, 1);
    const Gaussian reference = gaussian(features(2000, 64, 2), 64);
    return [=] {
      benchmark::DoNotOptimize(frechet_bootstrap(x, 64, reference, 200, 1, Divisor::n_minus_1, threads).front());
    };
  });
}

const bool registered = [] {
  add("2000x2000x64", 2000, 2000, 64);
  add("4000x4000x512", 4000, 4000, 512);
  add("256x4000x512", 256, 4000, 512);
  add("256x256x2048", 256, 256, 2048);
  add("10000x10000x2048", 10000, 10000, 2048);
  add_bootstrap("all_threads", 0);
  add_bootstrap("one_thread", 1);
  return true;
}();

}  // namespace
}  // namespace assay
