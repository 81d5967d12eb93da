#include "images/decoded_size.h"

#include <fmt/format.h>

#include "core/error.h"

namespace assay {

void check_decoded_size(std::uint64_t width, std::uint64_t height, std::uint64_t bytes_per_pixel,
                        const std::string& where) {
  if (width == 0 || height == 0)
    throw InputError(fmt::format("{}: {} x {} pixels; accepted: at least 1 x 1", where, width, height));
  // Divided instead of multiplied: the product of three 32-bit numbers of a header may not fit 64 bits.
  if (width > max_decoded_bytes / bytes_per_pixel || height > max_decoded_bytes / bytes_per_pixel / width)
    throw InputError(fmt::format("{}: {} x {} pixels are more than the {} MiB accepted", where, width, height,
                                 max_decoded_bytes >> 20));
}

void check_expansion(std::uint64_t stored_bytes, std::size_t file_bytes, const std::string& where) {
  if (stored_bytes / 4096 > file_bytes)
    throw InputError(
        fmt::format("{}: truncated image: {} bytes cannot hold {} bytes of pixels", where, file_bytes, stored_bytes));
}

}  // namespace assay
