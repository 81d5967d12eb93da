#include "datasets/colour_font.h"

#include <fmt/format.h>
#include <ft2build.h>
#include <hb.h>

#include <algorithm>
#include <utility>
#include FT_FREETYPE_H

#include "core/error.h"
#include "images/centred_square.h"

namespace assay {
namespace {

/// FreeType hands out colours multiplied by alpha.
std::uint8_t straight(int colour, int alpha) {
  if (alpha == 255) return static_cast<std::uint8_t>(colour);
  return alpha == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min(255, (colour * 255 + alpha / 2) / alpha));
}

}  // namespace

struct ColourFont::Handles {
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  hb_face_t* shaper_face = nullptr;
  hb_font_t* shaper = nullptr;
  hb_buffer_t* buffer = nullptr;

  ~Handles() {
    hb_buffer_destroy(buffer);
    hb_font_destroy(shaper);
    hb_face_destroy(shaper_face);
    if (face) FT_Done_Face(face);
    if (library) FT_Done_FreeType(library);
  }
};

ColourFont::ColourFont(std::shared_ptr<const FontFile> file)
    : file_(std::move(file)), handles_(std::make_unique<Handles>()) {
  if (FT_Init_FreeType(&handles_->library) != 0) throw Error("FreeType cannot be started");
  const auto* data = reinterpret_cast<const FT_Byte*>(file_->bytes.data());
  if (FT_New_Memory_Face(handles_->library, data, static_cast<FT_Long>(file_->bytes.size()), 0, &handles_->face) != 0)
    throw InputError(
        fmt::format("{}: not a font that FreeType can read; accepted: a TrueType font with colour bitmaps "
                    "(CBDT), as in the Debian package fonts-noto-color-emoji",
                    file_->path));
  FT_Face face = handles_->face;
  int largest = -1;
  for (int i = 0; i < face->num_fixed_sizes; ++i)
    if (largest < 0 || face->available_sizes[i].y_ppem > face->available_sizes[largest].y_ppem) largest = i;
  if (!FT_HAS_COLOR(face) || largest < 0 || FT_Select_Size(face, largest) != 0)
    throw InputError(
        fmt::format("{}: the font has no colour bitmaps; accepted: a TrueType font with colour bitmaps "
                    "(CBDT), as in the Debian package fonts-noto-color-emoji",
                    file_->path));
  hb_blob_t* blob = hb_blob_create(file_->bytes.data(), static_cast<unsigned>(file_->bytes.size()),
                                   HB_MEMORY_MODE_READONLY, nullptr, nullptr);
  handles_->shaper_face = hb_face_create(blob, 0);
  hb_blob_destroy(blob);
  handles_->shaper = hb_font_create(handles_->shaper_face);
  handles_->buffer = hb_buffer_create();
  // No region has the code XX, nor will have: it is left to private use.
  unknown_flag_ = shape_plainly({0x1F1FD, 0x1F1FD}).glyph;
}

ColourFont::~ColourFont() = default;

ColourFont::Shaped ColourFont::shape(const std::vector<char32_t>& code_points) const {
  Shaped shaped = shape_plainly(code_points);
  if (shaped.glyph == 0) return shaped;
  if (shaped.glyph == unknown_flag_) return {0, "the font shows it as an unknown flag"};
  const auto visible = std::count_if(code_points.begin(), code_points.end(), [](char32_t c) { return c != 0xFE0F; });
  if (visible > 1 && shape_plainly({code_points.front()}).glyph == shaped.glyph)
    return {0, fmt::format("the font shows it as U+{:04X} alone", static_cast<std::uint32_t>(code_points.front()))};
  return shaped;
}

ColourFont::Shaped ColourFont::shape_plainly(const std::vector<char32_t>& code_points) const {
  static_assert(sizeof(char32_t) == sizeof(std::uint32_t));
  hb_buffer_t* buffer = handles_->buffer;
  hb_buffer_clear_contents(buffer);
  hb_buffer_add_codepoints(buffer, reinterpret_cast<const hb_codepoint_t*>(code_points.data()),
                           static_cast<int>(code_points.size()), 0, static_cast<int>(code_points.size()));
  hb_buffer_set_direction(buffer, HB_DIRECTION_LTR);
  hb_buffer_set_script(buffer, HB_SCRIPT_COMMON);
  hb_buffer_set_cluster_level(buffer, HB_BUFFER_CLUSTER_LEVEL_CHARACTERS);
  // HarfBuzz would make left-over joiners and tags invisible, and a flag the font lacks would pass as a plain one.
  hb_buffer_set_flags(buffer, HB_BUFFER_FLAG_PRESERVE_DEFAULT_IGNORABLES);
  hb_shape(handles_->shaper, buffer, nullptr, 0);

  unsigned count = 0;
  const hb_glyph_info_t* glyphs = hb_buffer_get_glyph_infos(buffer, &count);
  Shaped shaped;
  int visible = 0;
  for (unsigned i = 0; i < count; ++i) {
    const char32_t first = code_points[glyphs[i].cluster];
    if (first == 0xFE0F) continue;
    if (glyphs[i].codepoint == 0) {
      shaped.missing = fmt::format("the font has no glyph for U+{:04X}", static_cast<std::uint32_t>(first));
      break;
    }
    shaped.glyph = glyphs[i].codepoint;
    ++visible;
  }
  if (shaped.missing.empty() && visible != 1)
    shaped.missing = fmt::format("the font shows the sequence as {} glyphs, not as one", visible);
  if (!shaped.missing.empty()) shaped.glyph = 0;
  return shaped;
}

Image ColourFont::bitmap(std::uint32_t glyph) const {
  FT_Face face = handles_->face;
  const FT_Error error = FT_Load_Glyph(face, glyph, FT_LOAD_COLOR);
  if (error != 0)
    throw InputError(
        fmt::format("{}: the bitmap of glyph {} cannot be read (FreeType error {})", file_->path, glyph, error));
  const FT_Bitmap& bitmap = face->glyph->bitmap;
  if (bitmap.pixel_mode != FT_PIXEL_MODE_BGRA || bitmap.width == 0 || bitmap.rows == 0)
    throw InputError(fmt::format("{}: glyph {} has no colour bitmap", file_->path, glyph));
  Image image(static_cast<int>(bitmap.width), static_cast<int>(bitmap.rows), 4);
  for (int y = 0; y < image.height; ++y) {
    const unsigned char* source = bitmap.buffer + static_cast<std::ptrdiff_t>(y) * bitmap.pitch;
    for (int x = 0; x < image.width; ++x, source += 4) {
      const int alpha = source[3];
      std::uint8_t* target = image.at(x, y);
      target[0] = straight(source[2], alpha);
      target[1] = straight(source[1], alpha);
      target[2] = straight(source[0], alpha);
      target[3] = static_cast<std::uint8_t>(alpha);
    }
  }
  return centred_square(std::move(image));
}

}  // namespace assay
