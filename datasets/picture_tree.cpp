#include "datasets/picture_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/parallel.h"
#include "images/image_folder.h"
#include "images/png_header.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// A PNG file: its TreePicture::path, and where it lies.
struct Found {
  std::string path;
  fs::path file;
};

bool is_png_name(const fs::path& name) {
  std::string extension = name.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  });
  return extension == ".png";
}

/// `below` is the folder's path below the tree's, with a '/' at its end, or empty.
void find_pictures(const fs::path& folder, const std::string& below, const std::vector<std::string>& left_out,
                   std::vector<Found>& found, std::vector<Problem>& problems) {
  std::error_code code;
  fs::directory_iterator entries(folder, code);
  for (const fs::directory_iterator end; !code && entries != end; entries.increment(code)) {
    const fs::directory_entry& entry = *entries;
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    if (is_hidden_entry(name)) continue;
    if (entry.is_directory(ignored)) {
      if (below.empty() && std::find(left_out.begin(), left_out.end(), name) != left_out.end()) continue;
      if (entry.is_symlink(ignored))
        problems.push_back({below + name, "a link to a folder, which is not followed"});
      else
        find_pictures(entry.path(), below + name + '/', left_out, found, problems);
    } else if (is_png_name(entry.path())) {
      found.push_back({below + entry.path().stem().string(), entry.path()});
    }
  }
  if (!code) return;
  if (below.empty())
    throw InputError(fmt::format("{}: the folder cannot be read: {}", folder.string(), code.message()));
  problems.push_back({below.substr(0, below.size() - 1), fmt::format("the folder cannot be read: {}", code.message())});
}

/// Fills what the file says of itself without being decoded; returns why it is not to be decoded, or nothing.
std::string read_picture(TreePicture& picture, const fs::path& file, std::uint64_t& size) {
  std::error_code code;
  if (fs::exists(file, code) && !fs::is_regular_file(file, code)) return file.string() + ": is not a file";
  const std::string bytes = read_file(file);
  size = bytes.size();
  picture.bytes = hash_text(bytes);
  PngHeader header = read_png_header(bytes);
  picture.texts = std::move(header.texts);
  if (std::max(header.width, header.height) > max_picture_side)
    return fmt::format("the picture has {} x {} pixels; accepted: at most {} a side", header.width, header.height,
                       max_picture_side);
  return "";
}

}  // namespace

PictureTree read_picture_tree(const fs::path& folder, int size, const std::vector<std::string>& left_out,
                              const PictureCache& cache) {
  PictureTree tree;
  std::vector<Found> found;
  find_pictures(folder, "", left_out, found, tree.problems);
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return std::pair(a.path, a.file) < std::pair(b.path, b.file); });
  const auto by_item = [](const Problem& a, const Problem& b) { return a.item < b.item; };
  std::sort(tree.problems.begin(), tree.problems.end(), by_item);

  // The first of all pictures that are one file: links are decoded once.
  std::vector<std::size_t> first(found.size());
  std::map<fs::path, std::size_t> files;
  for (std::size_t i = 0; i < found.size(); ++i) {
    std::error_code code;
    const fs::path real = fs::canonical(found[i].file, code);
    first[i] = code ? i : files.emplace(real, i).first->second;
  }

  tree.pictures.resize(found.size());
  const auto count = static_cast<std::int64_t>(found.size());
  std::vector<std::uint64_t> sizes(found.size(), 0);
  parallel_for(count, std::min(worker_count(count, 0), 16), [&](std::int64_t index, int) {
    const auto i = static_cast<std::size_t>(index);
    if (first[i] != i) return;
    TreePicture& picture = tree.pictures[i];
    try {
      picture.missing = read_picture(picture, found[i].file, sizes[i]);
    } catch (const InputError& error) {
      picture.missing = error.what();
    }
  });
  std::vector<PictureFile> decodable;
  std::vector<std::size_t> of_file;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (first[i] != i || !tree.pictures[i].missing.empty()) continue;
    decodable.push_back({found[i].file, tree.pictures[i].bytes});
    of_file.push_back(i);
  }
  std::vector<DecodedPicture> decoded =
      decode_pictures(decodable, std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0}), size, cache);
  for (std::size_t i = 0; i < decodable.size(); ++i) {
    TreePicture& picture = tree.pictures[of_file[i]];
    picture.cutout = std::move(decoded[i].cutout);
    picture.missing = std::move(decoded[i].missing);
    picture.pixels = std::move(decoded[i].pixels);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (first[i] != i) tree.pictures[i] = tree.pictures[first[i]];
    tree.pictures[i].path = found[i].path;
  }
  for (TreePicture& picture : tree.pictures)
    if (picture.path.find('/') == std::string::npos) {
      picture.cutout = {};
      picture.missing = "lies in no folder, which would be its class";
    }
  return tree;
}

}  // namespace assay
