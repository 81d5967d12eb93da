#include "core/convertible_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace assay {
namespace {

/// For a shell.
std::string quoted(const std::string& path) {
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c > 127 ||
           std::string_view("/._-+=,:@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain && !path.empty()) return path;
  std::string out = "'";
  for (const char c : path) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

std::string conversion(const std::filesystem::path& file) {
  std::filesystem::path target = file;
  target.replace_extension(".safetensors");
  if (target == file) target.replace_filename(file.stem().string() + "-converted.safetensors");
  return fmt::format("`python3 tools/convert_weights.py {} {}`", quoted(file.string()), quoted(target.string()));
}

/// The name of the first file in a zip archive.
std::string_view first_member(std::string_view content) {
  constexpr std::size_t name_at = 30;
  if (content.size() < name_at) return {};
  const std::size_t length = static_cast<unsigned char>(content[26]) + 256U * static_cast<unsigned char>(content[27]);
  return content.substr(name_at, length);
}

bool begins_with_page(std::string_view content) {
  const std::size_t begin = std::min(content.find_first_not_of(" \t\r\n"), content.size());
  std::string start(content.substr(begin, 9));
  std::transform(start.begin(), start.end(), start.begin(), [](unsigned char c) { return std::tolower(c); });
  return start.starts_with("<!doctype") || start.starts_with("<html");
}

}  // namespace

std::string foreign_weights(std::string_view content, const std::filesystem::path& file) {
  if (content.starts_with("PK\x03\x04")) {
    if (first_member(content).ends_with(".npy")) return "it is a NumPy archive (.npz)";
    const std::string_view directory = content.substr(content.size() - std::min<std::size_t>(content.size(), 1 << 20));
    if (directory.find("/constants.pkl") != std::string_view::npos)
      return "it is a TorchScript program, which is not read; the same network's state_dict is";
    return fmt::format("it is a PyTorch checkpoint; {} converts its weights", conversion(file));
  }
  if (content.size() > 1 && content[0] == '\x80' && content[1] >= 2 && content[1] <= 5)
    return fmt::format("it is a Python pickle; where PyTorch wrote it, {} converts its weights", conversion(file));
  if (content.starts_with("\x93NUMPY")) return "it is a NumPy array (.npy)";
  if (content.starts_with("version https://git-lfs"))
    return "it is a pointer of Git LFS, not the file itself; `git lfs pull` in the repository it is from fetches that";
  if (begins_with_page(content)) return "it is an HTML page; the download was answered with a page";
  if (content.starts_with("\x89HDF")) return "it is an HDF5 file, as Keras writes";
  if (content.starts_with("\x1f\x8b")) return "it is packed with gzip; unpack it first";
  if (content.size() > 262 && content.substr(257, 5) == "ustar") return "it is a tar archive; unpack it first";
  if (file.extension() == ".pb") return "it is a graph of TensorFlow, which is not read";
  return "";
}

std::string conversion_hint(const SafetensorsFile& file, const std::set<DType>& taken) {
  // Prefixes that tools/convert_weights.py strips from all keys, and such as it chooses one of.
  constexpr std::array<std::string_view, 6> around = {"module.", "_orig_mod.", "model.",
                                                      "net.",    "network.",   "backbone."};
  constexpr std::array<std::string_view, 4> chosen = {"backbone.", "teacher.", "ema_model.", "model_ema."};
  const auto keys_with = [&](std::string_view prefix) {
    return static_cast<std::size_t>(std::count_if(file.tensors().begin(), file.tensors().end(),
                                                  [&](const auto& t) { return t.first.starts_with(prefix); }));
  };
  const auto hint = [&](const std::string& what) {
    return fmt::format("{}: {} mends that", what, conversion(file.path()));
  };
  if (file.tensors().empty()) return "";
  for (const std::string_view prefix : around)
    if (keys_with(prefix) == file.tensors().size()) return hint(fmt::format("All keys begin with '{}'", prefix));
  for (const std::string_view prefix : chosen)
    if (keys_with(prefix) > 0) return hint(fmt::format("Some keys begin with '{}', others do not", prefix));
  const auto other = std::find_if(file.tensors().begin(), file.tensors().end(), [&](const auto& t) {
    return (t.second.type == DType::f16 || t.second.type == DType::bf16 || t.second.type == DType::f64) &&
           !taken.contains(t.second.type);
  });
  if (other == file.tensors().end()) return "";
  return hint(fmt::format("Numbers are {} instead of F32", name_of(other->second.type)));
}

}  // namespace assay
