#pragma once
#include <filesystem>
#include <memory>

#include "app/metric/image_source.h"

namespace assay {

/// True for an .npz whose `arr_0` has four dimensions (OpenAI's batches).
bool is_image_batch(const std::filesystem::path& path);

/// The images of a batch, `arr_0` U8 [images, height, width, 3], read as a stream, with labels where `labels` or
/// `arr_1` has them. Throws InputError naming the file when it is of another kind.
std::unique_ptr<ImageSource> open_image_batch(const std::filesystem::path& path);

}  // namespace assay
