#include "images/image_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/phrases.h"
#include "images/image_file.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

struct SystemName {
  std::string_view name;  // in lower case
  std::string_view whose;
};

constexpr std::array system_names = {
    SystemName{"__macosx", "macOS, in archives: a ._ file for each file"},
    SystemName{"icon\r", "macOS: the picture of the folder"},
    SystemName{"thumbs.db", "Windows: previews"},
    SystemName{"ehthumbs.db", "Windows Media Center: previews"},
    SystemName{"desktop.ini", "Windows: how the folder is shown"},
    SystemName{"$recycle.bin", "Windows: what was deleted"},
    SystemName{"system volume information", "Windows: at the root of a disk"},
    SystemName{"lost+found", "ext4: at the root of a disk"},
    SystemName{"@eadir", "Synology: previews, which are images"},
    SystemName{"#recycle", "Synology: what was deleted"},
};

constexpr std::array archive_extensions = {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"};

std::string lower_case(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_one_of(const auto& table, const std::string& extension) {
  return std::find(table.begin(), table.end(), extension) != table.end();
}

std::string kind_of(const fs::path& file) {
  const std::string extension = lower_case(file.extension().string());
  return extension.size() > 1 ? extension : "file without an extension";
}

std::string counted_kind(const std::string& kind, std::int64_t count) {
  if (kind.starts_with('.')) return fmt::format("{} {}", count, kind);
  return kind == "file without an extension" ? counted(count, kind, "files without an extension")
                                             : counted(count, kind);
}

void advance(fs::directory_iterator& entry, const fs::path& folder) {
  std::error_code fault;
  entry.increment(fault);
  if (fault) throw InputError(fmt::format("{}: cannot be read as a folder: {}", folder.string(), fault.message()));
}

}  // namespace

bool is_hidden_entry(std::string_view name) {
  if (name.starts_with('.')) return true;
  const std::string lower = lower_case(std::string(name));
  return std::any_of(system_names.begin(), system_names.end(),
                     [&](const SystemName& known) { return known.name == lower; });
}

std::int64_t PassedOver::count() const {
  std::int64_t sum = 0;
  for (const auto& [kind, count] : kinds) sum += count;
  return sum;
}

void PassedOver::add(const std::string& kind, const std::string& name) {
  ++kinds[kind];
  if (first.empty() || name < first) first = name;
}

void PassedOver::add(const PassedOver& inside, const std::string& folder) {
  for (const auto& [kind, count] : inside.kinds) kinds[kind] += count;
  if (inside.first.empty()) return;
  const std::string name = folder + "/" + inside.first;
  if (first.empty() || name < first) first = name;
}

std::string PassedOver::text() const {
  std::vector<std::pair<std::string, std::int64_t>> ordered(kinds.begin(), kinds.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  constexpr std::size_t shown = 6;
  std::vector<std::string> parts;
  std::int64_t further = 0;
  for (const auto& [kind, count] : ordered)
    parts.size() < shown ? parts.push_back(counted_kind(kind, count)) : void(further += count);
  if (further > 0) parts.push_back(fmt::format("{} of other kinds", further));
  return fmt::format("{} ({}; the first is {})", counted(count(), "entry", "entries"), fmt::join(parts, ", "), first);
}

PassedOver ImageFolder::passed_over() const {
  PassedOver all = others;
  for (const std::string& name : folders) all.add("folder", name);
  return all;
}

ImageFolder read_image_folder(const fs::path& folder) {
  std::error_code fault;
  fs::directory_iterator entry(folder, fault);
  if (fault && fs::is_regular_file(folder)) throw InputError(not_a_folder(folder));
  if (fault) throw InputError(fmt::format("{}: cannot be read as a folder: {}", folder.string(), fault.message()));
  ImageFolder found;
  for (; entry != fs::directory_iterator(); advance(entry, folder)) {
    const fs::path& path = entry->path();
    const std::string name = path.filename().string();
    if (is_hidden_entry(name)) {
      ++found.hidden;
    } else if (entry->is_directory(fault)) {
      found.folders.push_back(name);
    } else {
      const bool file = entry->is_regular_file(fault) || !fs::exists(entry->status(fault));
      if (file && has_image_extension(path))
        found.files.push_back({path.stem().string(), path});
      else
        found.others.add(file ? kind_of(path) : "special file", name);
    }
  }
  std::sort(found.folders.begin(), found.folders.end());
  std::sort(found.files.begin(), found.files.end(), [](const auto& a, const auto& b) {
    return std::tie(a.stem, a.path.native()) < std::tie(b.stem, b.path.native());
  });
  return found;
}

ImageFolder list_image_folder(const fs::path& folder) {
  ImageFolder found = read_image_folder(folder);
  if (!found.files.empty()) return found;
  ImagesBelow below;
  for (const std::string& name : found.folders) below.add(images_below(folder / name));
  throw InputError(fmt::format("{}: no images; accepted: {} files in the folder itself{}{}", folder.string(),
                               accepted_image_extensions(), found_instead(found.passed_over(), found.hidden),
                               below.count > 0
                                   ? fmt::format("; {} below it, the first is {}: name the folder that holds them",
                                                 counted(below.count, "image lies", "images lie"), below.first.string())
                                   : ""));
}

void ImagesBelow::add(const ImagesBelow& other) {
  count += other.count;
  if (first.empty() || (!other.first.empty() && other.first < first)) first = other.first;
}

ImagesBelow images_below(const fs::path& folder) {
  ImagesBelow found;
  std::error_code fault;
  fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, fault);
  for (; !fault && entry != fs::recursive_directory_iterator(); entry.increment(fault)) {
    std::error_code unknown;
    if (is_hidden_entry(entry->path().filename().string())) {
      entry.disable_recursion_pending();
    } else if (has_image_extension(entry->path()) && !entry->is_directory(unknown)) {
      ++found.count;
      if (found.first.empty() || entry->path() < found.first) found.first = entry->path();
    }
  }
  return found;
}

std::string passed_over_note(const fs::path& folder, const PassedOver& others, std::int64_t deeper_images) {
  if (others.count() == 0) return "";
  return fmt::format("{}: passed over {}{}", folder.string(), others.text(),
                     deeper_images > 0
                         ? fmt::format("; {} in these folders", counted(deeper_images, "image lies", "images lie"))
                         : "");
}

std::string passed_over_note(const fs::path& folder, const ImageFolder& listing) {
  ImagesBelow deeper;
  for (const std::string& name : listing.folders) deeper.add(images_below(folder / name));
  return passed_over_note(folder, listing.passed_over(), deeper.count);
}

std::string found_instead(const PassedOver& found, std::int64_t hidden) {
  if (found.count() == 0)
    return hidden > 0 ? fmt::format("; found {} alone", counted(hidden, "hidden entry", "hidden entries")) : "";
  std::string text = "; found " + found.text();
  for (const auto& [kind, count] : found.kinds)
    if (is_one_of(archive_extensions, kind)) return fmt::format("{}: unpack the {} file first", text, kind);
  return text;
}

bool is_image_or_archive(const fs::path& file) {
  return has_image_extension(file) || is_one_of(archive_extensions, lower_case(file.extension().string()));
}

std::string not_a_folder(const fs::path& file) {
  if (has_image_extension(file))
    return fmt::format("{}: is a single image; expected a folder of images", file.string());
  if (is_image_or_archive(file))
    return fmt::format("{}: is an archive; expected a folder of images: unpack it first", file.string());
  return fmt::format("{}: is a file; expected a folder of images", file.string());
}

}  // namespace assay
