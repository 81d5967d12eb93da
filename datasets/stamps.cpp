#include "datasets/stamps.h"

#include <algorithm>
#include <filesystem>

#include "core/file.h"
#include "core/nearest.h"
#include "datasets/captions.h"
#include "datasets/picture_set.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// "de.utf8=...", "ca@valencia.utf8=...": a line of another language.
bool is_translation(const std::string& line) {
  const auto end = line.find(".utf8=");
  if (end == std::string::npos || end < 2) return false;
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@'; });
}

/// The caption in the file, or an empty string where there is none.
std::string caption_in(const fs::path& file) {
  std::error_code code;
  if (!fs::is_regular_file(file, code)) return "";
  const std::string text = read_file(file);
  const std::string line = clean_caption(std::string_view(text).substr(0, text.find('\n')));
  return is_translation(line) ? "" : line;
}

PictureText text_of(const fs::path& folder, const TreePicture& picture) {
  const std::string name = picture.path.substr(picture.path.rfind('/') + 1);
  PictureText text{caption_in(folder / (picture.path + ".txt")), words_of_name(name)};
  const std::string mirror = "_mirror";
  if (text.caption.empty() && picture.path.ends_with(mirror))
    text.caption = caption_in(folder / (picture.path.substr(0, picture.path.size() - mirror.size()) + ".txt"));
  if (text.caption.empty()) text.caption = clean_caption(join(text.words, " "));
  if (text.caption.empty()) text.caption = "picture";
  return text;
}

const PictureSet& stamps() {
  static const PictureSet set{"stamps", "the stamps of Tux Paint; install the Debian package tuxpaint-stamps-default",
                              stamps_places(), text_of};
  return set;
}

}  // namespace

const std::vector<std::string>& stamps_places() {
  static const std::vector<std::string> places{"/usr/share/tuxpaint/stamps", "/usr/local/share/tuxpaint/stamps"};
  return places;
}

std::unique_ptr<Dataset> open_stamps(const DatasetSpec& spec) {
  return open_picture_set(stamps(), spec,
                          spec.symbols ? std::vector<std::string>{} : std::vector<std::string>{"symbols"});
}

std::string stamps_missing() { return picture_set_missing(stamps()); }

}  // namespace assay
