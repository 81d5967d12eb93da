#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace assay {

/// An 8-bit RGB image, row-major, channels interleaved.
struct RgbPixels {
  const std::uint8_t* data = nullptr;
  int width = 0, height = 0;
};

/// How an image gets to a feature network's size. The same images resized by two of these give scores that differ in
/// the second digit, so each is a choice of a protocol.
enum class Resize {
  tensorflow1,           // bilinear of TensorFlow 1.x: source = i * in / out, no half pixel, nothing averaged
  half_pixel,            // bilinear of F.interpolate(align_corners=False): source = (i + 1/2) * in / out - 1/2
  pillow_bicubic,        // Pillow's antialiased bicubic on float channels, clipped to [0, 255] (clean-fid)
  antialiased_bilinear,  // F.interpolate(bilinear, antialias=True) on floats (torchmetrics 1.8 and later)
  antialiased_bicubic    // F.interpolate(bicubic, antialias=True) on floats; may leave [0, 255] (EDM2's DINOv2)
};

/// "tensorflow1", ...
std::string_view name_of(Resize resize);

/// Writes `side` x `side` x 3 floats, rows of interleaved channels, in [0, 255] (cubic overshoot aside). Not rounded
/// to bytes. Throws Error when `out` has another size and InputError for an empty image.
///
/// tensorflow1 has the bits of torch-fidelity's on the CPU and pillow_bicubic those of Pillow. half_pixel and
/// antialiased_bilinear are within 5e-5 grey levels of PyTorch's kernels, antialiased_bicubic within 2e-4.
void resize_to_square(const RgbPixels& image, int side, Resize resize, std::span<float> out);

}  // namespace assay
