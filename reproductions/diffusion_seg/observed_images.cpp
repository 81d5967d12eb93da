#include "reproductions/diffusion_seg/observed_images.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/adaptive_avg_pool2d.h>

#include <algorithm>

#include "core/philox.h"
#include "reproductions/samples/prompt_drawing.h"

namespace assay::diffusion_seg {
namespace {

std::span<const float> values_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// The maps of image `row` of a pass.
KeptMaps maps_of(const AttentionRecorder& recorder, const at::Tensor& cross, const at::Tensor& self, std::int64_t row,
                 const ObjectPrompt& prompt) {
  const LatentGrid from = recorder.cross_grid(), to = recorder.self_grid();
  const at::Tensor own = cross[row].t().contiguous(), between = self[row].contiguous();
  KeptMaps maps{to.height, to.width, {}, {}};
  maps.cross = min_max(resize_bicubic(object_attention(values_of(own), own.size(1), prompt.places), from.height,
                                      from.width, to.height, to.width));
  const std::span<const float> values = values_of(between);
  maps.self.assign(values.begin(), values.end());
  return maps;
}

}  // namespace

std::span<const float> ObservedImages::colours_of(std::size_t image) const {
  const auto each = static_cast<std::size_t>(colours.size(1) * colours.size(2));
  return values_of(colours).subspan(image * each, each);
}

ObservedImages draw_observed(const ObservedDrawing& how, std::uint64_t seed, const std::vector<std::int64_t>& numbers,
                             const std::function<void(std::int64_t)>& progress) {
  ObservedImages observed;
  observed.numbers = numbers;
  observed.maps.resize(numbers.size());
  std::vector<PromptedSample> samples;
  samples.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    RandomStream random(seed, Purpose::condition, static_cast<std::uint64_t>(number));
    samples.push_back({static_cast<std::int64_t>(random.below(how.prompts.size())), number});
    observed.prompts.push_back(samples.back().prompt);
  }
  PromptDrawing drawing;
  drawing.prompts = how.states;
  drawing.weight = how.guidance;
  drawing.scheduler = how.scheduler;
  drawing.steps = how.steps;
  drawing.seed = seed;
  drawing.passes = how.passes;
  const AttentionRecording recording{
      .options = how.attention, .seen = [&](const SamplePass& pass, const AttentionRecorder& recorder) {
        const at::Tensor cross = recorder.cross().to(at::kCPU, at::kFloat),
                         self = recorder.self().to(at::kCPU, at::kFloat);
        for (std::int64_t row = 0; row < pass.kept; ++row) {
          const auto image = static_cast<std::size_t>(pass.begin + row);
          observed.maps[image] =
              maps_of(recorder, cross, self, row, how.prompts[static_cast<std::size_t>(observed.prompts[image])]);
        }
      }};
  const std::int64_t calls = calls_of_drawing(drawing, static_cast<std::int64_t>(numbers.size()));
  const auto images = static_cast<std::int64_t>(numbers.size());
  observed.images = draw_prompts(
      how.model, drawing, samples, [&](std::int64_t done) { progress(done * images / calls); }, &recording);
  const KeptMaps& first = observed.maps.front();
  observed.colours = at::adaptive_avg_pool2d(observed.images.to(at::kFloat) / 255, {first.height, first.width})
                         .flatten(2)
                         .transpose(1, 2)
                         .contiguous();
  return observed;
}

std::vector<std::vector<std::int64_t>> parts_of(std::int64_t first, std::int64_t count, std::int64_t most) {
  std::vector<std::vector<std::int64_t>> parts;
  for (std::int64_t begin = 0; begin < count; begin += most) {
    std::vector<std::int64_t>& part = parts.emplace_back();
    for (std::int64_t i = begin; i < std::min(count, begin + most); ++i) part.push_back(first + i);
  }
  return parts;
}

}  // namespace assay::diffusion_seg
