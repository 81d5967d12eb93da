#include "kernels/inference/channel_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/inference/large_block.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

constexpr std::int64_t positions_at_once = 64;

/// Sums over the positions of a block, channel by channel: of x - mean, or of its square.
template <bool Squared>
void sum_block(const float* x, std::int64_t positions, std::int64_t channels, const float* mean, float* sums) {
  std::fill_n(sums, channels, 0.0f);
  for (std::int64_t p = 0; p < positions; ++p) {
    const float* __restrict__ row = x + p * channels;
    float* __restrict__ to = sums;
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = Squared ? row[c] - mean[c] : row[c];
      to[c] += Squared ? value * value : value;
    }
  }
}

struct Shape {
  std::int64_t images, positions, channels, groups;

  std::int64_t blocks() const { return (positions + positions_at_once - 1) / positions_at_once; }  // of an image
};

/// Means over the positions and channels of each group, [images * groups].
template <bool Squared>
std::vector<double> group_means(const float* x, const Shape& s, const float* means) {
  const std::int64_t blocks = s.blocks();
  std::vector<float> sums(static_cast<std::size_t>(s.images * blocks * s.channels));
  at::parallel_for(0, s.images * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t image = block / blocks, first = block % blocks * positions_at_once;
      sum_block<Squared>(x + (image * s.positions + first) * s.channels,
                         std::min(positions_at_once, s.positions - first), s.channels, means + image * s.channels,
                         sums.data() + block * s.channels);
    }
  });
  const std::int64_t width = s.channels / s.groups;
  std::vector<double> of_groups(static_cast<std::size_t>(s.images * s.groups));
  for (std::int64_t image = 0; image < s.images; ++image)
    for (std::int64_t group = 0; group < s.groups; ++group) {
      double sum = 0;
      for (std::int64_t block = 0; block < blocks; ++block)
        for (std::int64_t c = 0; c < width; ++c)
          sum += sums[static_cast<std::size_t>((image * blocks + block) * s.channels + group * width + c)];
      of_groups[static_cast<std::size_t>(image * s.groups + group)] = sum / static_cast<double>(s.positions * width);
    }
  return of_groups;
}

template <bool Silu>
void normalise(const float* x, float* to, std::int64_t positions, std::int64_t channels, const float* mean,
               const float* scale, const float* bias) {
  for (std::int64_t p = 0; p < positions; ++p) {
    const float* row = x + p * channels;
    float* out = to + p * channels;
    std::int64_t c = 0;
    for (; c + lane_count <= channels; c += lane_count) {
      Lanes value = (lanes_at(row + c) - lanes_at(mean + c)) * lanes_at(scale + c) + lanes_at(bias + c);
      if (Silu) value = value / (exponential(-value) + 1.0f);
      put_lanes(out + c, value);
    }
    if (c == channels) continue;
    float last[3][lane_count] = {};
    for (std::int64_t lane = 0; lane < channels - c; ++lane) {
      last[0][lane] = row[c + lane] - mean[c + lane];
      last[1][lane] = scale[c + lane];
      last[2][lane] = bias[c + lane];
    }
    Lanes value = lanes_at(last[0]) * lanes_at(last[1]) + lanes_at(last[2]);
    if (Silu) value = value / (exponential(-value) + 1.0f);
    for (std::int64_t lane = 0; lane < channels - c; ++lane) out[c + lane] = value[lane];
  }
}

}  // namespace

at::Tensor channel_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                        double eps, AfterNorm after) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || !x.is_contiguous(at::MemoryFormat::ChannelsLast))
    throw Error("channel_norm: images must be channels-last, float32 on the CPU");
  const Shape s = {x.size(0), x.size(2) * x.size(3), x.size(1), groups};
  if (s.channels % groups != 0) throw Error("channel_norm: the groups do not divide the channels");
  at::Tensor result = large_block(x.sizes(), at::MemoryFormat::ChannelsLast);
  if (x.numel() == 0) return result;
  const float *from = x.const_data_ptr<float>(), *gain = weight.const_data_ptr<float>(),
              *shift = bias.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();

  const auto values = static_cast<std::size_t>(s.images * s.channels);
  std::vector<float> mean(values), scale(values);
  const std::vector<double> means = group_means<false>(from, s, mean.data());
  const std::int64_t width = s.channels / groups;
  for (std::size_t i = 0; i < values; ++i) mean[i] = static_cast<float>(means[i / static_cast<std::size_t>(width)]);
  const std::vector<double> variances = group_means<true>(from, s, mean.data());
  for (std::size_t i = 0; i < values; ++i)
    scale[i] = static_cast<float>(gain[i % static_cast<std::size_t>(s.channels)] /
                                  std::sqrt(variances[i / static_cast<std::size_t>(width)] + eps));

  const std::int64_t blocks = s.blocks();
  at::parallel_for(0, s.images * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t image = block / blocks, first = block % blocks * positions_at_once;
      const std::int64_t at = (image * s.positions + first) * s.channels;
      const auto run = after == AfterNorm::silu ? normalise<true> : normalise<false>;
      run(from + at, to + at, std::min(positions_at_once, s.positions - first), s.channels,
          mean.data() + image * s.channels, scale.data() + image * s.channels, shift);
    }
  });
  return result;
}

}  // namespace assay
