#include "datasets/clipart.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/nearest.h"
#include "datasets/captions.h"
#include "datasets/picture_set.h"

namespace assay {
namespace {

/// Letters and digits alone, in small letters.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string text_in(const TreePicture& picture, const std::string& keyword) {
  const auto it = picture.texts.find(keyword);
  return it == picture.texts.end() ? "" : it->second;
}

int shared_words(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const std::set<std::string> words(a.begin(), a.end());
  return static_cast<int>(std::count_if(words.begin(), words.end(), [&](const std::string& word) {
    return word.size() >= 3 && std::find(b.begin(), b.end(), word) != b.end();
  }));
}

bool is_own_title(const std::string& title, const std::string& name) {
  const std::string short_title = squeezed(title), whole = squeezed(name),
                    root = squeezed(name.substr(0, name.find_last_not_of("0123456789") + 1));
  if (short_title.empty()) return false;
  // Names are cut off after some twenty letters: a long one may be the beginning of its title.
  constexpr std::size_t long_name = 12;
  if (whole.starts_with(short_title) || (root.size() >= long_name && short_title.starts_with(root))) return true;
  return shared_words(words_of_name(title), words_of_name(name)) >= 2;
}

/// Names of files carry the author's behind the title, cut off after some letters. One signs otherwise than he is
/// named.
void drop_author(std::vector<std::string>& words, const std::string& author) {
  std::vector<std::string> names = words_of_name(author);
  names.emplace_back("ganson");
  const auto is_authors = [&](const std::string& word) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return name.starts_with(word); });
  };
  while (words.size() > 1 && is_authors(words.back())) words.pop_back();
}

/// A title without underscores and without the number of the picture among those of its name.
std::string caption_of_title(std::string title) {
  std::replace(title.begin(), title.end(), '_', ' ');
  title = clean_caption(title);
  const auto end = title.find_last_not_of("0123456789# ");
  if (end == std::string::npos || end + 1 == title.size() || end < 2) return title;
  const bool after_space = title[end + 1] == ' ' || title[end + 1] == '#';
  const bool after_word = words_of_name(title.substr(0, end + 1)).back().size() >= 3;
  return after_space || after_word ? title.substr(0, end + 1) : title;
}

PictureText text_of(const std::filesystem::path&, const TreePicture& picture) {
  const std::string name = picture.path.substr(picture.path.rfind('/') + 1);
  std::string author = text_in(picture, "Author");
  std::string title = text_in(picture, "Title");
  const std::string signature = fmt::format("Clipart by {} - ", author);
  if (title.starts_with(signature)) title.erase(0, signature.size());
  title = decode_title(title);
  // An address is no caption.
  if (title.find('@') == std::string::npos && is_own_title(title, name)) {
    const std::string caption = caption_of_title(title);
    std::vector<std::string> words = words_of_name(caption);
    if (!caption.empty() && !words.empty()) return {caption, words};
  }
  std::vector<std::string> words = words_of_name(name);
  drop_author(words, author);
  std::string caption = clean_caption(join(words, " "));
  return {caption.empty() ? "picture" : caption, words};
}

const PictureSet& clipart() {
  static const PictureSet set{"clipart", "the Open Clip Art Library; install the Debian package openclipart-png",
                              clipart_places(), text_of};
  return set;
}

}  // namespace

const std::vector<std::string>& clipart_places() {
  static const std::vector<std::string> places{"/usr/share/openclipart/png", "/usr/local/share/openclipart/png"};
  return places;
}

std::unique_ptr<Dataset> open_clipart(const DatasetSpec& spec) { return open_picture_set(clipart(), spec, {}); }

std::string clipart_missing() { return picture_set_missing(clipart()); }

}  // namespace assay
