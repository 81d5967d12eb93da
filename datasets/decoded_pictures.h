#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "images/image.h"

namespace assay {

/// What a picture file is once it is decoded and shrunk.
struct DecodedPicture {
  Image cutout;         // RGBA, size x size; empty where `missing` is not
  std::string missing;  // why there is no cut-out
  std::string pixels;   // content id of the picture in its own size; empty where it was not decoded
};

/// A PNG file that is to be decoded.
struct PictureFile {
  std::filesystem::path file;
  std::string bytes;  // hash_text() of its content
};

/// Where decoded pictures are kept, so that only the first opening of a large tree decodes it.
struct PictureCache {
  std::filesystem::path folder;       // empty: nothing is kept
  std::uint64_t least = 16ULL << 20;  // bytes of files from which on it is worth it: a second of decoding
  std::uint64_t most = 256ULL << 20;  // bytes of cut-outs up to which they are kept
};

/// The user's: ${ASSAY_CACHE:-${XDG_CACHE_HOME:-~/.cache}/assay}/pictures. Its files are named by all that decides
/// their content, and may be deleted at any time.
PictureCache user_picture_cache();

/// Decodes each file as decode_picture() does, in up to 16 threads, or takes what the cache has of just these files and
/// this size. `bytes`: of all files together. A cache that cannot be read or written only costs time.
std::vector<DecodedPicture> decode_pictures(const std::vector<PictureFile>& files, std::uint64_t bytes, int size,
                                            const PictureCache& cache);

/// The picture of a PNG file, made square as centred_square() says and shrunk to `size` by area average; a grey or
/// coloured picture without transparency is opaque all over. It is missing when the file is damaged, when its square is
/// smaller than `size` and when it is transparent all over.
DecodedPicture decode_picture(const std::string& content, const std::string& where, int size);

}  // namespace assay
