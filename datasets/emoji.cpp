#include "datasets/emoji.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/nearest.h"
#include "core/parallel.h"
#include "datasets/background.h"
#include "datasets/colour_font.h"
#include "datasets/cutout_set.h"
#include "datasets/emoji_list.h"
#include "images/area_resize.h"

namespace assay {
namespace {

const std::string font_help = "the colour emoji font; install the Debian package fonts-noto-color-emoji";
const std::string list_help = "Unicode's emoji-test.txt; install the Debian package unicode-data";

/// The first place that exists, or an empty string.
std::string first_of(const std::vector<std::string>& places) {
  const auto it = std::find_if(places.begin(), places.end(), [](const std::string& place) {
    std::error_code code;
    return std::filesystem::exists(place, code);
  });
  return it == places.end() ? "" : *it;
}

std::string file_for(const std::string& asked, const std::vector<std::string>& places, const std::string& setting,
                     const std::string& help) {
  std::error_code code;
  if (!asked.empty() && !std::filesystem::exists(asked, code))
    throw InputError(fmt::format("emoji.{}: {}: no such file; expected {}", setting, asked, help));
  std::string file = asked.empty() ? first_of(places) : asked;
  if (file.empty())
    throw InputError(
        fmt::format("emoji: missing {}, or give its file as `{}` (looked for {})", help, setting, join(places)));
  return file;
}

/// A decoded glyph, or why there is none.
struct Glyph {
  Image image;
  std::string missing;
};

Glyph load_glyph(const ColourFont& font, const EmojiEntry& entry, int size) {
  const ColourFont::Shaped shaped = font.shape(entry.code_points);
  if (!shaped.missing.empty()) return {{}, shaped.missing};
  try {
    const Image bitmap = font.bitmap(shaped.glyph);
    if (bitmap.width < size)
      return {{}, fmt::format("the bitmap is {} pixels wide, less than the {} asked for", bitmap.width, size)};
    Glyph glyph{area_resize(bitmap, size, size), ""};
    if (mask_box(take_channel(glyph.image, 3)) == Box{}) glyph.missing = "the bitmap is fully transparent";
    return glyph;
  } catch (const InputError& error) {
    return {{}, error.what()};
  }
}

/// One font object per thread over the same bytes; the result does not depend on the number of threads.
std::vector<Glyph> load_glyphs(const std::shared_ptr<const FontFile>& file, const std::vector<EmojiEntry>& entries,
                               int size) {
  std::vector<Glyph> glyphs(entries.size());
  const auto count = static_cast<std::int64_t>(entries.size());
  const int workers = std::min(worker_count(count, 0), 16);
  std::vector<std::unique_ptr<const ColourFont>> fonts(static_cast<std::size_t>(workers));
  parallel_for(count, workers, [&](std::int64_t i, int worker) {
    auto& font = fonts[static_cast<std::size_t>(worker)];
    if (!font) font = std::make_unique<const ColourFont>(file);
    const auto at = static_cast<std::size_t>(i);
    glyphs[at] = load_glyph(*font, entries[at], size);
  });
  return glyphs;
}

}  // namespace

const std::vector<std::string>& emoji_font_places() {
  static const std::vector<std::string> places{
      "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf",
      "/usr/share/fonts/noto/NotoColorEmoji.ttf",
      "/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf",
      "/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf",
  };
  return places;
}

const std::vector<std::string>& emoji_list_places() {
  static const std::vector<std::string> places{
      "/usr/share/unicode/emoji/emoji-test.txt",
      "/usr/share/unicode/ucd/emoji/emoji-test.txt",
  };
  return places;
}

std::string emoji_missing() {
  std::vector<std::string> missing;
  if (first_of(emoji_font_places()).empty()) missing.push_back(font_help);
  if (first_of(emoji_list_places()).empty()) missing.push_back(list_help);
  return join(missing, "; ");
}

std::unique_ptr<Dataset> open_emoji(const DatasetSpec& spec) {
  Cutouts cutouts("emoji", spec);
  const std::string font_path = file_for(spec.font, emoji_font_places(), "font", font_help);
  const std::string list_path = file_for(spec.emoji_list, emoji_list_places(), "emoji_list", list_help);
  const std::string list_text = read_file(list_path);
  EmojiList list = parse_emoji_list(list_text, list_path);
  const auto font = std::make_shared<const FontFile>(FontFile{font_path, read_file(font_path)});
  std::vector<Glyph> glyphs = load_glyphs(font, list.entries, spec.size);
  cutouts.groups = std::move(list.groups);
  cutouts.subgroups = std::move(list.subgroups);

  Hasher hasher;
  hasher.text("emoji/1").text(hash_text(font->bytes)).text(hash_text(list_text)).number(std::int64_t{spec.size});
  hasher.text(background_names()[static_cast<std::size_t>(cutouts.background)]);
  hasher.number(static_cast<std::int64_t>(spec.seed));
  for (std::size_t i = 0; i < glyphs.size(); ++i) {
    const EmojiEntry& entry = list.entries[i];
    const std::string stem = hex_name(entry.code_points);
    if (!glyphs[i].missing.empty()) {
      cutouts.problems.push_back({fmt::format("{} ({})", stem, entry.name), glyphs[i].missing});
      continue;
    }
    cutouts.items.push_back(
        {stem, entry.name, entry.group, entry.subgroup, split_by_hash(emoji_split_key(entry.code_points))});
    cutouts.images.push_back(std::move(glyphs[i].image));
    // The position in the list: a missing neighbour does not move a background.
    cutouts.streams.push_back(i);
    // The decoded pixels themselves, so that another decoder or another resize gives another id.
    hasher.text(stem).values(std::span<const std::uint8_t>(cutouts.images.back().pixels));
  }
  if (cutouts.items.empty())
    throw InputError(fmt::format("{}: the font shows none of the {} entries of {}; the first: {}", font_path,
                                 glyphs.size(), list_path, cutouts.problems.front().what));
  cutouts.hash = hasher.hex();
  return make_cutout_set(std::move(cutouts));
}

}  // namespace assay
