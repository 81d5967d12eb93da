#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "images/image_source.h"

/// Images of one size: an array of them in a file, or in memory.
namespace assay {

/// True for an .npz, .npy or .safetensors file whose samples are images (images/set_layout.h). Throws InputError
/// naming the file where it is none of these, damaged, or says of no array which are the samples.
bool is_image_batch(const std::filesystem::path& path);

/// The images of a batch, U8 [images, height, width, channels] or another layout of images/image_array.h, read as a
/// stream, with labels where there are any (images/label_array.h). Throws InputError naming the file when it is of
/// another kind.
std::unique_ptr<ImageSource> open_image_batch(const std::filesystem::path& path);

/// RGB images [count, 3, height, width] in memory, as networks draw them; they must outlive the source. Their hash is
/// that of a batch file with the same images. Throws Error where `planes` is not a whole number of images, or empty.
std::unique_ptr<ImageSource> images_in_memory(std::span<const std::uint8_t> planes, int height, int width);

}  // namespace assay
