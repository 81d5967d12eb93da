#pragma once
#include <filesystem>
#include <memory>

#include "images/image_source.h"

namespace assay {

/// True for an .npz, .npy or .safetensors file whose samples are images (images/set_layout.h). Throws InputError
/// naming the file where it is none of these, damaged, or says of no array which are the samples.
bool is_image_batch(const std::filesystem::path& path);

/// The images of a batch, U8 [images, height, width, channels] or another layout of images/image_array.h, read as a
/// stream, with labels where there are any (images/label_array.h). Throws InputError naming the file when it is of
/// another kind.
std::unique_ptr<ImageSource> open_image_batch(const std::filesystem::path& path);

}  // namespace assay
