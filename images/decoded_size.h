#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace assay {

/// The most that a decoded image may take, so that a damaged or hostile header cannot ask for all memory: 2^30 bytes.
inline constexpr std::size_t max_decoded_bytes = std::size_t{1} << 30;

/// Throws InputError that starts with `where` when the image would take more, or has no pixels.
void check_decoded_size(std::uint64_t width, std::uint64_t height, std::uint64_t bytes_per_pixel,
                        const std::string& where);

/// Throws InputError that starts with `where` when a file of `file_bytes` cannot hold `stored_bytes` of pixels before
/// compression, so that a header which promises too much is refused before the memory is taken: run lengths, LZW,
/// deflate and JPEG make less than 4096 bytes of one.
void check_expansion(std::uint64_t stored_bytes, std::size_t file_bytes, const std::string& where);

}  // namespace assay
