// One sampling step of a published network at its real size, with random weights: minutes of a CPU and gigabytes, hence
// labelled slow.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <string>

#include "core/process_memory.h"
#include "diffusion/networks/adm/adm_configurations.h"
#include "tests/diffusion/observed_cost.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

TEST(RealSize, Adm64TakesAStepWithinItsMemoryEstimate) {
  if (!peak_memory_bytes()) GTEST_SKIP() << "/proc/self/status does not tell memory here";
  at::NoGradGuard no_grad;
  const at::Tensor x = test::normal({1, 3, 64, 64}, 1);
  at::Tensor row = at::zeros({1, 1000});
  row[0][207] = 1;
  // The first product starts libraries whose memory is not the network's.
  x.flatten(1).matmul(x.flatten(1).t());

  const std::int64_t before = process_memory("VmRSS").value(), libraries = process_memory("RssFile").value();
  UNet network(std::get<UNetConfig>(adm_configuration("adm_unet_64_cond").network));
  ASSERT_EQ(network.parameters().trainable_count(), 295'904'454);
  network.parameters().materialise(1);
  // One DDIM step from the noisiest time; the official start would predict exactly zero.
  for (const Parameter& parameter : network.parameters().all())
    if (parameter.name.starts_with("out.2.")) parameter.value.copy_(0.01 * test::normal(parameter.shape, 2));
  at::Tensor eps;
  const test::Observed observed =
      test::observe([&] { return eps = predict_eps(network, x, test::indices({999}), row); });
  const at::Tensor previous = x - 0.1 * eps;
  // Pages of programs and libraries that were first touched meanwhile are not the network's either.
  const std::int64_t used = *peak_memory_bytes() - before - (process_memory("RssFile").value() - libraries),
                     estimate = network.cost().predict_bytes(1);

  EXPECT_EQ(previous.sizes(), x.sizes());
  EXPECT_TRUE(eps.isfinite().all().item<bool>());
  EXPECT_GT(eps.abs().max().item<double>(), 0);
  RecordProperty("bytes_used", std::to_string(used));
  RecordProperty("bytes_estimated", std::to_string(estimate));
  EXPECT_NEAR(observed.flops, network.cost().flops, 0.02 * network.cost().flops);
  EXPECT_LE(observed.peak, network.cost().activation_bytes + network.cost().workspace_bytes);
  EXPECT_LE(used, estimate);
  EXPECT_GE(used, 0.8 * static_cast<double>(estimate));
}

}  // namespace
}  // namespace assay
