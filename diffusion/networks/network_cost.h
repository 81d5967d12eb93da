#pragma once
#include <algorithm>
#include <cstdint>

namespace assay {

/// What a network asks of a machine, from its configuration alone; each figure is for one image of the configured size.
/// Bytes are those of float32.
struct NetworkCost {
  std::int64_t parameters = 0;        // values, frozen ones and buffers included
  std::int64_t castable = 0;          // of them, what convert_to() keeps in half precision; 0 where there is none
  double flops = 0;                   // of a forward pass: convolutions, linear layers and attention products; a
                                      // multiply-add counts two, normalisations and activations nothing
  std::int64_t activation_bytes = 0;  // most held at once by a forward pass without gradients
  std::int64_t gradient_bytes = 0;    // what a forward pass keeps for the gradient by its input
  std::int64_t workspace_bytes = 0;   // blocked copies that a convolution library makes of the largest layer's weights

  /// Memory of a network with `batch` images in it, without gradients: in float32, or with its torso in half precision.
  std::int64_t predict_bytes(std::int64_t batch, bool half = false) const {
    const std::int64_t rest = workspace_bytes + batch * activation_bytes;
    return with_allowance(4 * parameters + rest - (half ? 2 * castable + rest / 2 : 0));
  }
  /// In float32, with the gradient by the input, as classifier guidance takes it.
  std::int64_t gradient_pass_bytes(std::int64_t batch) const {
    return with_allowance(4 * parameters + workspace_bytes + batch * (activation_bytes + gradient_bytes));
  }
  /// 5 % more, for what the allocator and the libraries keep.
  static std::int64_t with_allowance(std::int64_t bytes) { return bytes + bytes / 20; }
};

/// Follows the shape of one image through the layers of a network and adds up what they cost. Counts are of values.
class CostWalk {
 public:
  CostWalk(std::int64_t channels, std::int64_t height, std::int64_t width)
      : channels_(channels), height_(height), width_(width) {}

  std::int64_t channels() const { return channels_; }
  std::int64_t positions() const { return height_ * width_; }
  std::int64_t values() const { return channels_ * positions(); }

  void set_channels(std::int64_t channels) { channels_ = channels; }
  void halve() { height_ /= 2, width_ /= 2; }
  void twice() { height_ *= 2, width_ *= 2; }

  /// A square convolution of the current activation, which changes its shape.
  void convolve(std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    const std::int64_t before = values(), weights = channels_ * out * kernel * kernel;
    height_ = (height_ + stride - 1) / stride;
    width_ = (width_ + stride - 1) / stride;
    channels_ = out;
    flops_ += 2.0 * static_cast<double>(weights) * static_cast<double>(positions());
    // Libraries convolve blocked copies of input, output and weights.
    work(2 * (before + values()));
    keep(before);
    largest_weights_ = std::max(largest_weights_, weights);
  }
  /// `rows` vectors through a matrix, or any product of a [rows, in] and an [in, out] matrix.
  void multiply(std::int64_t rows, std::int64_t in, std::int64_t out) {
    flops_ += 2.0 * static_cast<double>(rows) * static_cast<double>(in) * static_cast<double>(out);
  }
  /// Values held at the same time by the step at hand.
  void work(std::int64_t count) { peak_ = std::max(peak_, held_ + count); }
  /// Values held aside from here on, such as a skip connection; negative when given up.
  void hold(std::int64_t count) { held_ += count; }
  /// Values that a later gradient needs.
  void keep(std::int64_t count) { kept_ += count; }

  NetworkCost cost(std::int64_t parameters, std::int64_t castable = 0) const {
    return {parameters, castable, flops_, 4 * peak_, 4 * kept_, 4 * largest_weights_};
  }

 private:
  std::int64_t channels_, height_, width_;
  std::int64_t held_ = 0, peak_ = 0, kept_ = 0, largest_weights_ = 0;
  double flops_ = 0;
};

}  // namespace assay
