#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "images/image.h"

namespace assay {

/// A kind of image file.
struct ImageFormat {
  std::string_view name;                     // as messages show it: "WebP"
  std::vector<std::string_view> extensions;  // in lower case with the dot, the usual one first
  std::string_view package;                  // which Debian package has its library, where a build may lack it
  bool is_built = false;                     // whether this build reads it
};

/// All kinds that are recognised, the most frequent first.
std::vector<ImageFormat> image_formats();

/// Whether the name ends as image files do, in any case. True also for kinds that this build cannot read: such a file
/// is an image, and reading it says what is missing.
bool has_image_extension(const std::filesystem::path& path);

/// Of the kinds that this build reads, for messages: ".png, .jpg, ..." and "PNG, JPEG, ...".
std::string accepted_image_extensions();
std::string accepted_image_formats();

/// An image of a kind that this build cannot read, since its library was not there. The image is not damaged.
class FormatNotBuilt : public InputError {
 public:
  using InputError::InputError;
};

/// Reads an image; of which kind, the first bytes say, not the name. Channels come as stored, 8 bits each: grey -> 1;
/// palette -> RGB, or RGBA with transparency; grey with alpha -> RGBA; 16 bits -> round(v / 257); CMYK -> RGB. Of
/// several frames or pages the first is read. The header of each format (images/png.h, jpeg.h, webp.h, tiff.h, bmp.h,
/// gif.h, pnm.h) has the details. Throws InputError naming the file when it is missing, of an unknown kind, damaged
/// or truncated, and FormatNotBuilt. May be called from several threads at once.
Image read_image_file(const std::filesystem::path& file);

/// The same from memory; `where` stands for the file name in messages.
Image decode_image(std::string_view bytes, const std::string& where);

/// 3 channels: grey is repeated, alpha is dropped without compositing, as Pillow's convert("RGB") does.
Image as_rgb(Image image);

/// 1 channel: RGB becomes luma (19595 R + 38470 G + 7471 B + 32768) >> 16, which leaves grey values stored as RGB as
/// they are; alpha is dropped. As Pillow's convert("L").
Image as_grey(Image image);

/// A map of class labels, 1 channel: the palette indices of a PNG, TIFF, BMP or GIF, or the stored values of grey of at
/// most 8 bits of a PNG, TIFF or PNM (1-bit grey gives 0 and 1, not 0 and 255). Throws InputError naming the file for
/// other kinds, lossy ones among them, and as read_image_file() does.
Image read_label_map(const std::filesystem::path& file);

}  // namespace assay
