#include "images/label_array.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/numbers.h"

namespace assay {
namespace {

const std::string names_key = "class_names";

/// Whether all sides but one are 1, so that the numbers are one list.
bool is_list(const std::vector<std::int64_t>& shape) {
  return std::count_if(shape.begin(), shape.end(), [](std::int64_t side) { return side != 1; }) <= 1;
}

void number_words(const std::vector<std::string>& words, LabelArray& out) {
  const std::set<std::string> sorted(words.begin(), words.end());
  out.class_names.assign(sorted.begin(), sorted.end());
  out.labels.reserve(words.size());
  for (const std::string& word : words)
    out.labels.push_back(std::lower_bound(out.class_names.begin(), out.class_names.end(), word) -
                         out.class_names.begin());
}

/// The place of the one 1 in each row of zeros; false where a row is another.
bool read_one_hot(const ArrayFile& file, const std::string& name, std::int64_t count, std::vector<std::int64_t>& to) {
  const ArrayStream stream = file.stream(name);
  const auto classes = static_cast<std::size_t>(file.header(name).row_numel());
  std::vector<std::byte> bytes(classes * size_of(stream.type));
  std::vector<double> row(classes);
  for (std::int64_t i = 0; i < count; ++i) {
    stream.read(bytes);
    convert_to_double(stream.type, bytes, row);
    const auto one = std::find(row.begin(), row.end(), 1.0);
    const auto zeros = std::count(row.begin(), row.end(), 0.0);
    if (one == row.end() || zeros + 1 != static_cast<std::int64_t>(classes)) {
      to.clear();
      return false;
    }
    to.push_back(one - row.begin());
  }
  return true;
}

/// The texts of a list: an array of a NumPy file, or JSON in safetensors metadata. None with a note where they are
/// something else, or where `fault` says what is wrong with them.
std::vector<std::string> read_texts(const ArrayFile& file, const std::string& key, std::vector<std::string>& notes,
                                    const std::function<std::string(const std::vector<std::string>&)>& fault) {
  std::vector<std::string> names;
  const auto unused = [&](const std::string& what) {
    notes.push_back(fmt::format("{}: {} are {}, and were not used", file.path(), key, what));
    return std::vector<std::string>();
  };
  const auto stored = file.metadata().find(key);
  if (stored != file.metadata().end()) {
    const auto list = nlohmann::json::parse(stored->second, nullptr, false);
    if (!list.is_array() || !std::all_of(list.begin(), list.end(), [](const auto& n) { return n.is_string(); }))
      return unused("no JSON list of strings");
    names = list.get<std::vector<std::string>>();
  } else if (file.has(key)) {
    const auto header = file.header_if_sound(key);
    if (!header || !header->text || !is_list(header->shape)) return unused("no list of text");
    names = file.text(key);
  }
  if (names.empty()) return names;
  const std::string what = fault(names);
  return what.empty() ? names : unused(what);
}

std::vector<std::string> read_class_names(const ArrayFile& file, std::vector<std::string>& notes) {
  return read_texts(file, names_key, notes, [](const std::vector<std::string>& names) -> std::string {
    return std::set<std::string>(names.begin(), names.end()).size() == names.size() ? "" : "not all different";
  });
}

}  // namespace

LabelArray read_labels(const ArrayFile& file, const std::string& name, std::int64_t count) {
  LabelArray out;
  const ArrayHeader& header = file.header(name);
  const auto fault = [&](const std::string& what) {
    out.labels.clear();
    out.class_names.clear();
    out.fault = fmt::format("{} {}; expected one label for each of {} samples", file.where(name), what, count);
    return out;
  };
  const bool rows_fit = is_list(header.shape) ? header.numel() == count : header.shape[0] == count;
  // A name that is numbered by its place may be anything; one that says "label" is about these samples.
  if (!rows_fit && name.starts_with("label"))
    throw InputError(
        fmt::format("{} has shape [{}]; expected [{}]", file.where(name), fmt::join(header.shape, ", "), count));
  if (!rows_fit || (header.type == DType::other && !header.text))
    return fault(fmt::format("holds {}", header.description()));
  if (header.text) {
    if (!is_list(header.shape)) return fault(fmt::format("holds {}", header.description()));
    number_words(file.text(name), out);
    return out;
  }
  if (is_list(header.shape)) {
    out.labels.resize(static_cast<std::size_t>(count));
    const TensorView view = file.read(name);
    if (const auto at = convert_to_integers(view.type, view.data, out.labels)) {
      double value = 0;
      convert_to_double(view.type, view.data.subspan(*at * size_of(view.type)), {&value, 1});
      return fault(fmt::format("holds {} in row {}, which is {}", value, *at,
                               std::abs(value) < 0x1p63 || std::isnan(value) ? "no whole number" : "beyond 64 bits"));
    }
  } else if (header.shape.size() == 2 && read_one_hot(file, name, count, out.labels)) {
    out.notes.push_back(fmt::format("{} is one-hot, read as classes 0 to {}", file.where(name), header.shape[1] - 1));
  } else {
    return fault(fmt::format("holds {}", header.description()));
  }
  out.class_names = read_class_names(file, out.notes);
  if (out.class_names.empty()) return out;
  const auto classes = static_cast<std::int64_t>(out.class_names.size());
  for (std::size_t i = 0; i < out.labels.size(); ++i)
    if (out.labels[i] < 0 || out.labels[i] >= classes)
      return fault(fmt::format("holds {} in row {}, and '{}' has {} names", out.labels[i], i, names_key, classes));
  return out;
}

std::vector<std::string> read_row_names(const ArrayFile& file, std::int64_t count, std::vector<std::string>& notes) {
  return read_texts(file, "names", notes, [count](const std::vector<std::string>& names) {
    return static_cast<std::int64_t>(names.size()) == count ? std::string()
                                                            : fmt::format("{} for {} samples", names.size(), count);
  });
}

}  // namespace assay
