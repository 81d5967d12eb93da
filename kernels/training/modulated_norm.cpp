#include "kernels/training/modulated_norm.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "core/error.h"
#include "kernels/inference/lanes.h"
#include "kernels/parallel_for.h"

namespace assay {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t positions_at_once = 64;

struct Shape {
  std::int64_t images, positions, channels, groups;

  std::int64_t width() const { return channels / groups; }
  std::int64_t values() const { return positions * width(); }  // of a group of an image
};

Shape shape_of(const at::Tensor& x, std::int64_t groups) {
  return {x.size(0), x.size(2) * x.size(3), x.size(1), groups};
}

/// Adds to `sums` what `put(offset, channel, value)` puts for each position of an image, eight channels at a time.
template <class Put>
void add_positions(const Shape& s, double* sums, const Put& put) {
  for (std::int64_t first = 0; first < s.positions; first += positions_at_once) {
    const std::int64_t end = std::min(s.positions, first + positions_at_once);
    for (std::int64_t c = 0; c < s.channels; c += lane_count) {
      Lanes even{}, odd{}, value{};
      std::int64_t p = first;
      for (; p + 2 <= end; p += 2) {
        put(p * s.channels + c, c, value);
        even += value;
        put((p + 1) * s.channels + c, c, value);
        odd += value;
      }
      if (p < end) {
        put(p * s.channels + c, c, value);
        even += value;
      }
      even += odd;
      for (std::int64_t lane = 0; lane < lane_count; ++lane) sums[c + lane] += even[lane];
    }
  }
}

double sum_of_group(const double* of_channels, const Shape& s, std::int64_t group) {
  double sum = 0;
  for (std::int64_t c = group * s.width(); c < (group + 1) * s.width(); ++c) sum += of_channels[c];
  return sum;
}

/// What the norm multiplies the channels of an image with: z = (x - mean) * gain + shift.
struct Factors {
  explicit Factors(std::int64_t channels)
      : mean(static_cast<std::size_t>(channels)), gain(mean.size()), shift(mean.size()) {}

  /// From mean and 1 / deviation of each group.
  void set(const Shape& s, const float* statistics, const float* weight, const float* bias, const float* modulation) {
    for (std::int64_t c = 0; c < s.channels; ++c) {
      const auto i = static_cast<std::size_t>(c);
      const float scale = modulation ? 1.0f + modulation[c] : 1.0f;
      mean[i] = statistics[c / s.width() * 2];
      gain[i] = statistics[c / s.width() * 2 + 1] * weight[c] * scale;
      shift[i] = bias[c] * scale + (modulation ? modulation[s.channels + c] : 0.0f);
    }
  }

  [[gnu::always_inline]] inline Lanes at(const float* x, std::int64_t c) const {
    return (lanes_at(x) - lanes_at(mean.data() + c)) * lanes_at(gain.data() + c) + lanes_at(shift.data() + c);
  }

  std::vector<float> mean, gain, shift;
};

[[gnu::always_inline]] inline Lanes sigmoid(const Lanes& z) { return 1.0f / (exponential(-z) + 1.0f); }

template <bool Silu>
void norm_image(const Shape& s, const float* x, const float* weight, const float* bias, const float* modulation,
                double eps, float* statistics, float* to) {
  std::vector<double> sums(static_cast<std::size_t>(s.channels), 0.0);
  add_positions(s, sums.data(), [&](std::int64_t at, std::int64_t, Lanes& value) { value = lanes_at(x + at); });
  Factors factors(s.channels);
  for (std::int64_t group = 0; group < s.groups; ++group)
    statistics[2 * group] = static_cast<float>(sum_of_group(sums.data(), s, group) / static_cast<double>(s.values()));
  factors.set(s, statistics, weight, bias, modulation);
  std::fill(sums.begin(), sums.end(), 0.0);
  add_positions(s, sums.data(), [&](std::int64_t at, std::int64_t c, Lanes& value) {
    const Lanes centred = lanes_at(x + at) - lanes_at(factors.mean.data() + c);
    value = centred * centred;
  });
  for (std::int64_t group = 0; group < s.groups; ++group)
    statistics[2 * group + 1] = static_cast<float>(
        1.0 / std::sqrt(sum_of_group(sums.data(), s, group) / static_cast<double>(s.values()) + eps));
  factors.set(s, statistics, weight, bias, modulation);
  for (std::int64_t p = 0; p < s.positions; ++p)
    for (std::int64_t c = 0; c < s.channels; c += lane_count) {
      const std::int64_t at = p * s.channels + c;
      const Lanes z = factors.at(x + at, c);
      put_lanes(to + at, Silu ? z * sigmoid(z) : z);
    }
}

/// The gradient of an image; `sums` [2, C] gets the sums over its positions of the gradient behind the norm, and of
/// that times what is normalised.
template <bool Silu>
void gradient_of_image(const Shape& s, const float* x, const float* weight, const float* bias, const float* modulation,
                       const float* statistics, const float* gradient, double* sums, float* to) {
  Factors factors(s.channels);
  factors.set(s, statistics, weight, bias, modulation);
  const float* mean = factors.mean.data();
  std::fill_n(sums, 2 * s.channels, 0.0);
  // Behind the norm first, kept where the result will lie.
  add_positions(s, sums, [&](std::int64_t at, std::int64_t c, Lanes& slope) {
    slope = lanes_at(gradient + at);
    if (Silu) {
      const Lanes z = factors.at(x + at, c), share = sigmoid(z);
      slope *= share * (1.0f + z * (1.0f - share));
    }
    put_lanes(to + at, slope);
  });
  add_positions(s, sums + s.channels, [&](std::int64_t at, std::int64_t c, Lanes& value) {
    value = lanes_at(to + at) * (lanes_at(x + at) - lanes_at(mean + c));
  });
  for (std::int64_t c = 0; c < s.channels; ++c) sums[s.channels + c] *= statistics[c / s.width() * 2 + 1];

  std::vector<float> constant(static_cast<std::size_t>(s.channels)), slope_of_x(constant.size());
  for (std::int64_t group = 0; group < s.groups; ++group) {
    double of_sum = 0, of_product = 0;
    for (std::int64_t c = group * s.width(); c < (group + 1) * s.width(); ++c) {
      const double gain = weight[c] * (modulation ? 1.0 + static_cast<double>(modulation[c]) : 1.0);
      of_sum += gain * sums[c];
      of_product += gain * sums[s.channels + c];
    }
    const double inverse = statistics[2 * group + 1], values = static_cast<double>(s.values());
    for (std::int64_t c = group * s.width(); c < (group + 1) * s.width(); ++c) {
      constant[static_cast<std::size_t>(c)] = static_cast<float>(inverse * of_sum / values);
      slope_of_x[static_cast<std::size_t>(c)] = static_cast<float>(inverse * inverse * of_product / values);
    }
  }
  for (std::int64_t p = 0; p < s.positions; ++p)
    for (std::int64_t c = 0; c < s.channels; c += lane_count) {
      const std::int64_t at = p * s.channels + c;
      put_lanes(to + at, lanes_at(to + at) * lanes_at(factors.gain.data() + c) - lanes_at(constant.data() + c) -
                             (lanes_at(x + at) - lanes_at(mean + c)) * lanes_at(slope_of_x.data() + c));
    }
}

struct ModulatedNorm : torch::autograd::Function<ModulatedNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const std::optional<at::Tensor>& modulation, std::int64_t groups,
                            double eps, bool silu) {
    const at::Tensor images = x.contiguous(at::MemoryFormat::ChannelsLast),
                     factors = modulation ? modulation->contiguous() : at::Tensor();
    const Shape s = shape_of(x, groups);
    at::Tensor result = at::empty_like(images);
    const at::Tensor statistics = at::empty({s.images, groups, 2}, x.options());
    const float *from = images.const_data_ptr<float>(), *gain = weight.const_data_ptr<float>(),
                *shift = bias.const_data_ptr<float>(),
                *modulating = modulation ? factors.const_data_ptr<float>() : nullptr;
    auto *to = result.mutable_data_ptr<float>(), *of_groups = statistics.mutable_data_ptr<float>();
    const auto run = silu ? norm_image<true> : norm_image<false>;
    at::parallel_for(0, s.images, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t image = begin; image < end; ++image) {
        const std::int64_t at = image * s.positions * s.channels;
        run(s, from + at, gain, shift, modulating ? modulating + image * 2 * s.channels : nullptr, eps,
            of_groups + image * 2 * groups, to + at);
      }
    });
    context->save_for_backward({images, weight, bias, factors, statistics});
    context->saved_data["groups"] = groups;
    context->saved_data["silu"] = silu;
    return result;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    if (at::GradMode::is_enabled()) throw Error("modulated_norm: differentiable once");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &images = saved[0], &weight = saved[1], &bias = saved[2], &factors = saved[3];
    const at::Tensor gradient = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const Shape s = shape_of(images, context->saved_data["groups"].toInt());
    at::Tensor of_x = at::empty_like(images);
    const float *from = images.const_data_ptr<float>(), *gain = weight.const_data_ptr<float>(),
                *shift = bias.const_data_ptr<float>(), *statistics = saved[4].const_data_ptr<float>(),
                *slope = gradient.const_data_ptr<float>(),
                *modulating = factors.defined() ? factors.const_data_ptr<float>() : nullptr;
    auto* to = of_x.mutable_data_ptr<float>();
    std::vector<double> sums(static_cast<std::size_t>(s.images * 2 * s.channels));
    const auto run = context->saved_data["silu"].toBool() ? gradient_of_image<true> : gradient_of_image<false>;
    at::parallel_for(0, s.images, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t image = begin; image < end; ++image) {
        const std::int64_t at = image * s.positions * s.channels;
        run(s, from + at, gain, shift, modulating ? modulating + image * 2 * s.channels : nullptr,
            statistics + image * 2 * s.groups, slope + at, sums.data() + image * 2 * s.channels, to + at);
      }
    });

    at::Tensor of_weight = at::empty_like(weight), of_bias = at::empty_like(bias), of_modulation;
    if (modulating) of_modulation = at::empty({s.images, 2 * s.channels}, images.options());
    for (std::int64_t c = 0; c < s.channels; ++c) {
      double weight_sum = 0, bias_sum = 0;
      for (std::int64_t image = 0; image < s.images; ++image) {
        const double *of_image = sums.data() + image * 2 * s.channels, plain = of_image[c],
                     normed = of_image[s.channels + c];
        const double scale = modulating ? 1.0 + static_cast<double>(modulating[image * 2 * s.channels + c]) : 1.0;
        weight_sum += scale * normed;
        bias_sum += scale * plain;
        if (!modulating) continue;
        float* row = of_modulation.mutable_data_ptr<float>() + image * 2 * s.channels;
        row[c] = static_cast<float>(gain[c] * normed + shift[c] * plain);
        row[s.channels + c] = static_cast<float>(plain);
      }
      of_weight.mutable_data_ptr<float>()[c] = static_cast<float>(weight_sum);
      of_bias.mutable_data_ptr<float>()[c] = static_cast<float>(bias_sum);
    }
    return {of_x, of_weight, of_bias, of_modulation, {}, {}, {}};
  }
};

}  // namespace

bool modulated_norm_takes(std::int64_t channels) { return channels % lane_count == 0; }

at::Tensor modulated_norm(const at::Tensor& x, std::int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                          const at::Tensor& modulation, double eps, AfterNorm after) {
  if (!x.device().is_cpu() || x.scalar_type() != at::kFloat || x.dim() != 4 || !modulated_norm_takes(x.size(1)) ||
      x.size(1) % groups != 0)
    throw Error("modulated_norm: images must be float32 on the CPU, of 8 n channels that the groups divide");
  if (modulation.defined() && (modulation.dim() != 2 || modulation.size(0) != x.size(0) ||
                               modulation.size(1) != 2 * x.size(1) || modulation.scalar_type() != at::kFloat))
    throw Error("modulated_norm: the modulation must be [B, 2C], in float32");
  return ModulatedNorm::apply(x, weight, bias, modulation.defined() ? std::optional(modulation) : std::nullopt, groups,
                              eps, after == AfterNorm::silu);
}

}  // namespace assay
