#include "reproductions/samples/sample_passes.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <mutex>

#include "kernels/one_thread_each.h"

namespace assay {
namespace {

std::int64_t parts_of(std::int64_t whole, std::int64_t part) { return (whole + part - 1) / part; }

}  // namespace

PassShape passes_of_small_network(at::Device device, std::int64_t batch) {
  constexpr std::int64_t rows = 10;
  if (!device.is_cpu()) return {batch, false, 0};
  return {rows, true, parts_of(batch, rows)};
}

PassShape passes_of_published_network(at::Device device, std::int64_t batch) {
  if (!device.is_cpu()) return {batch, false, 0};
  return {1, true, 0};
}

std::vector<std::int64_t> SamplePass::of(const std::vector<std::int64_t>& values) const {
  std::vector<std::int64_t> some(values.begin() + begin, values.begin() + begin + kept);
  some.resize(static_cast<std::size_t>(rows), some.back());
  return some;
}

at::Tensor draw_in_passes(std::int64_t count, const PassShape& shape,
                          const std::function<at::Tensor(const SamplePass&)>& draw,
                          const std::function<void(std::int64_t)>& progress) {
  const at::NoGradGuard no_grad;
  const std::int64_t passes = parts_of(count, shape.rows);
  std::vector<at::Tensor> parts(static_cast<std::size_t>(passes));
  std::mutex lock;
  std::int64_t done = 0;
  const auto take = [&](std::int64_t index) {
    const std::int64_t begin = index * shape.rows, kept = std::min(shape.rows, count - begin);
    const SamplePass pass{index, begin, shape.filled ? shape.rows : kept, kept};
    parts[static_cast<std::size_t>(index)] = draw(pass).narrow(0, 0, kept).to(at::kCPU);
    const std::lock_guard one_at_a_time(lock);
    done += kept;
    progress(done);
  };
  if (shape.side_by_side > 0)
    one_thread_each(at::kCPU, passes, take, shape.side_by_side);
  else
    for (std::int64_t index = 0; index < passes; ++index) take(index);
  return at::cat(parts);
}

}  // namespace assay
