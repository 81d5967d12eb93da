#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// True for names that are neither images nor classes wherever they lie: those that begin with a dot, and what systems
/// and file managers leave in folders ("__MACOSX", "Thumbs.db", ...), in any case of letters.
bool is_hidden_entry(std::string_view name);

/// Entries that a reader of images does not take, hidden ones apart.
struct PassedOver {
  std::map<std::string, std::int64_t> kinds;  // how many of ".txt", "folder", "file without an extension", ...
  std::string first;  // the first of them in order of bytes, below the folder that was asked for

  std::int64_t count() const;
  void add(const std::string& kind, const std::string& name);
  /// Those of a folder inside, whose names are then "folder/name".
  void add(const PassedOver& inside, const std::string& folder);
  /// "7 entries (5 .xml, 1 .txt, 1 folder; the first is a.xml)", the most frequent kinds first.
  std::string text() const;
};

struct ImageFolder {
  struct File {
    std::string stem;  // name without extension
    std::filesystem::path path;
  };
  std::vector<File> files;           // ascending by stem, then by name; in bytes
  std::vector<std::string> folders;  // names of the folders in it that are not hidden, ascending in bytes
  PassedOver others;                 // what is neither an image nor a folder
  std::int64_t hidden = 0;           // entries with is_hidden_entry()

  /// `others` and the folders.
  PassedOver passed_over() const;
};

/// What lies in the folder itself; links are followed. Files are images when has_image_extension() says so; a link to
/// an image that is not there is one too, so that reading it fails by name. There may be none. Throws InputError naming
/// the folder when it is missing or cannot be read, or what it is where it is a file.
ImageFolder read_image_folder(const std::filesystem::path& folder);

/// The same of a folder that must hold images: throws InputError where it holds none, and says what it holds instead.
ImageFolder list_image_folder(const std::filesystem::path& folder);

/// Images in a folder and in all folders below it. Links to folders inside it are not followed, hidden entries not
/// looked at, and folders that cannot be read count as empty.
struct ImagesBelow {
  std::int64_t count = 0;
  std::filesystem::path first;  // one of them, the first in order of bytes; empty where there is none

  void add(const ImagesBelow& other);
};
ImagesBelow images_below(const std::filesystem::path& folder);

/// The note about what a reader of the images of `listing` alone passes over: "DIR: passed over 3 entries (...)", with
/// the number of images in folders inside it. Empty where there is nothing to say.
std::string passed_over_note(const std::filesystem::path& folder, const ImageFolder& listing);
/// The same of what a tree of folders holds besides its images, and of the images that lie too deep.
std::string passed_over_note(const std::filesystem::path& folder, const PassedOver& others, std::int64_t deeper_images);

/// What lies in a folder in which images were looked for in vain, and what to do about it: "; found 3 entries: 3 .npz;
/// ...". Empty where nothing does.
std::string found_instead(const PassedOver& found, std::int64_t hidden);

/// What of a file given for a folder of images is said: that it is a single image, an archive, or a file.
std::string not_a_folder(const std::filesystem::path& file);
/// True for a single image, and for an archive that may hold images (.zip, .tar, ...), going by the name.
bool is_image_or_archive(const std::filesystem::path& file);

}  // namespace assay
