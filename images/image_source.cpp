#include "images/image_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/phrases.h"
#include "images/image_batch.h"
#include "images/image_file.h"
#include "images/image_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> first_integers(std::int64_t count) {
  std::vector<std::int64_t> integers(static_cast<std::size_t>(count));
  std::iota(integers.begin(), integers.end(), 0);
  return integers;
}

class FolderOfImages : public ImageSource {
 public:
  explicit FolderOfImages(const fs::path& root) : root_(root) {
    const ImageFolder own = read_image_folder(root);
    if (own.files.empty())
      take_classes(own);
    else
      take_flat(own);
    note_repeated_stems();
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(files_.size()); }
  Image read(std::int64_t index) const override {
    try {
      return decode(index);
    } catch (const FormatNotBuilt&) {
      throw;
    } catch (const InputError& error) {
      throw with_skip_option(error);
    }
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    names.reserve(files_.size());
    for (const fs::path& file : files_) {
      const std::string folder = labels_.empty() ? "" : file.parent_path().filename().string() + "/";
      names.push_back(folder + file.stem().string());
    }
    return names;
  }
  std::string hash() const override { return hash_of(first_integers(count())); }
  std::string hash_of(std::span<const std::int64_t> images) const override {
    Hasher hasher;
    hasher.number(static_cast<std::int64_t>(images.size()));
    for (const std::int64_t i : images) hasher.text(name_of(i)).text(hash_file(files_[static_cast<std::size_t>(i)]));
    return hasher.hex();
  }
  std::vector<DamagedImage> damaged() const override {
    std::vector<DamagedImage> found =
        find_damaged(root_.string(), count(), 0, [&](std::int64_t index) { decode(index); });
    for (DamagedImage& image : found) image.name = name_of(image.index);
    return found;
  }

 private:
  Image decode(std::int64_t index) const { return as_rgb(read_image_file(files_.at(static_cast<std::size_t>(index)))); }
  std::string name_of(std::int64_t index) const {
    return files_[static_cast<std::size_t>(index)].lexically_relative(root_).string();
  }
  void add(const ImageFolder& listed) {
    files_.reserve(files_.size() + listed.files.size());
    for (const ImageFolder::File& file : listed.files) files_.push_back(file.path);
  }

  void take_flat(const ImageFolder& own) {
    std::vector<std::string> with_images;
    std::int64_t below = 0;
    for (const std::string& name : own.folders) {
      const ImagesBelow images = images_below(root_ / name);
      if (images.count > 0) with_images.push_back(name);
      below += images.count;
    }
    if (below > 0)
      throw InputError(fmt::format(
          "{}: {} in {} ({}) and {} beside them ({}); expected the one or the other: name the folder that "
          "is meant, or move what is not",
          root_.string(), counted(below, "image"), counted(static_cast<std::int64_t>(with_images.size()), "folder"),
          first_few(with_images), counted(static_cast<std::int64_t>(own.files.size()), "image"),
          own.files.front().path.filename().string()));
    add(own);
    note(passed_over_note(root_, own.passed_over(), 0));
  }

  void take_classes(const ImageFolder& own) {
    PassedOver others = own.others;
    std::vector<std::string> empty;
    ImagesBelow deeper;
    for (const std::string& name : own.folders) {
      const ImageFolder listed = read_image_folder(root_ / name);
      for (const std::string& inner : listed.folders) deeper.add(images_below(root_ / name / inner));
      others.add(listed.passed_over(), name);
      if (listed.files.empty()) {
        empty.push_back(name);
        continue;
      }
      add(listed);
      labels_.resize(files_.size(), static_cast<std::int64_t>(class_names_.size()));
      class_names_.push_back(name);
    }
    if (files_.empty()) refuse_empty(own, others, deeper);
    notes_.push_back(fmt::format("{}: {}, one a folder: {}", root_.string(),
                                 counted(static_cast<std::int64_t>(class_names_.size()), "class", "classes"),
                                 first_few(class_names_)));
    if (!empty.empty())
      notes_.push_back(fmt::format("{}: {}: {}", root_.string(),
                                   counted(static_cast<std::int64_t>(empty.size()), "folder without images is no class",
                                           "folders without images are no classes"),
                                   first_few(empty)));
    note(passed_over_note(root_, others, deeper.count));
  }

  [[noreturn]] void refuse_empty(const ImageFolder& own, const PassedOver& inside, const ImagesBelow& deeper) const {
    PassedOver all = inside;
    for (const std::string& name : own.folders) all.add("folder", name);
    std::string hint;
    if (deeper.count > 0) {
      hint = fmt::format("; {} deeper, the first is {}: name the folder that holds them, or that holds their folders",
                         counted(deeper.count, "image lies", "images lie"), deeper.first.string());
    } else {
      for (const char* kind : {".npz", ".npy", ".safetensors"})
        if (hint.empty() && all.kinds.contains(kind))
          hint = fmt::format("; features are read from a file: give the {} file itself", kind);
    }
    throw InputError(
        fmt::format("{}: no images; accepted: {} files in the folder itself, or in folders of it, one a "
                    "class{}{}",
                    root_.string(), accepted_image_extensions(), found_instead(all, own.hidden), hint));
  }

  void note(const std::string& text) {
    if (!text.empty()) notes_.push_back(text);
  }

  void note_repeated_stems() {
    std::int64_t repeated = 0;
    std::int64_t first = 0;
    for (std::int64_t i = 1; i < count(); ++i) {
      const fs::path &before = files_[static_cast<std::size_t>(i - 1)], &here = files_[static_cast<std::size_t>(i)];
      if (before.stem() != here.stem() || before.parent_path() != here.parent_path()) continue;
      if (++repeated == 1) first = i;
    }
    if (repeated == 0) return;
    notes_.push_back(fmt::format("{}: {} the stem of the one before and {} all the same: {} and {}", root_.string(),
                                 counted(repeated, "image has", "images have"), repeated == 1 ? "counts" : "count",
                                 name_of(first - 1), name_of(first)));
  }

  fs::path root_;
  std::vector<fs::path> files_;
};

/// What is left of a source.
class RemainingImages final : public ImageSource {
 public:
  RemainingImages(std::unique_ptr<ImageSource> source, std::span<const std::int64_t> left_out, const std::string& note)
      : source_(std::move(source)) {
    const std::vector<std::int64_t> all = first_integers(source_->count());
    std::set_difference(all.begin(), all.end(), left_out.begin(), left_out.end(), std::back_inserter(kept_));
    class_names_ = source_->class_names();
    label_fault_ = source_->label_fault();
    if (!source_->labels().empty()) labels_ = picked(source_->labels());
    notes_ = source_->notes();
    notes_.push_back(note);
    skipped_ = source_->skipped() + source_->count() - count();
  }

  std::int64_t count() const override { return static_cast<std::int64_t>(kept_.size()); }
  Image read(std::int64_t index) const override { return source_->read(kept_.at(static_cast<std::size_t>(index))); }
  std::vector<std::string> names() const override {
    const std::vector<std::string> all = source_->names();
    return all.empty() ? all : picked(all);
  }
  std::string hash() const override { return source_->hash_of(kept_); }
  std::string hash_of(std::span<const std::int64_t> images) const override {
    std::vector<std::int64_t> inner;
    inner.reserve(images.size());
    for (const std::int64_t i : images) inner.push_back(kept_[static_cast<std::size_t>(i)]);
    return source_->hash_of(inner);
  }

 private:
  template <class Value>
  std::vector<Value> picked(const std::vector<Value>& all) const {
    std::vector<Value> some;
    some.reserve(kept_.size());
    for (const std::int64_t i : kept_) some.push_back(all[static_cast<std::size_t>(i)]);
    return some;
  }

  std::unique_ptr<ImageSource> source_;
  std::vector<std::int64_t> kept_;
};

}  // namespace

std::string ImageSource::hash_of(std::span<const std::int64_t> images) const {
  Hasher hasher;
  hasher.text(hash());
  for (const std::int64_t i : images) hasher.number(i);
  return hasher.hex();
}

bool holds_images(const fs::path& path) {
  if (fs::is_directory(path)) return true;
  if (fs::is_regular_file(path) && is_image_or_archive(path)) throw InputError(not_a_folder(path));
  return is_image_batch(path);
}

std::unique_ptr<ImageSource> open_images(const fs::path& path) {
  if (!fs::is_directory(path)) return open_image_batch(path);
  return std::make_unique<FolderOfImages>(path);
}

std::unique_ptr<ImageSource> without(std::unique_ptr<ImageSource> source, std::span<const std::int64_t> left_out,
                                     const std::string& note) {
  return std::make_unique<RemainingImages>(std::move(source), left_out, note);
}

}  // namespace assay
