#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/nearest.h"

namespace assay {

/// A value of an enumeration, and how configurations, JSON and messages spell it.
template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

/// The table of an enumeration: each value once, in the order in which messages list the names.
///
///   constexpr Names<Loss> loss_names = {{"l1", Loss::l1}, {"l2", Loss::l2}};
template <class Value>
class Names {
 public:
  static constexpr std::size_t most = 16;  // values of an enumeration

  constexpr Names(std::initializer_list<Named<Value>> rows) : count_(rows.size()) {
    std::copy(rows.begin(), rows.end(), rows_.begin());  // does not compile for more than `most`
  }
  constexpr const Named<Value>* begin() const { return rows_.data(); }
  constexpr const Named<Value>* end() const { return rows_.data() + count_; }

 private:
  std::array<Named<Value>, most> rows_{};
  std::size_t count_;
};

/// The names of a table, for messages.
template <class Value>
std::vector<std::string> listed(const Names<Value>& names) {
  std::vector<std::string> words;
  for (const Named<Value>& row : names) words.emplace_back(row.name);
  return words;
}

/// Throws Error for a value without a row.
template <class Value>
std::string name_of(Value value, const Names<Value>& names) {
  const auto row = std::find_if(names.begin(), names.end(), [&](const auto& known) { return known.value == value; });
  if (row == names.end()) throw Error("a value without a name");
  return std::string(row->name);
}

template <class Value>
std::optional<Value> find_value(std::string_view name, const Names<Value>& names) {
  const auto row = std::find_if(names.begin(), names.end(), [&](const auto& known) { return known.name == name; });
  return row == names.end() ? std::nullopt : std::optional(row->value);
}

/// `kind` says in the message what has the name. Throws InputError, naming the nearest known one.
template <class Value>
Value value_of(std::string_view kind, std::string_view name, const Names<Value>& names) {
  if (const auto value = find_value(name, names)) return *value;
  throw InputError(unknown_name_message(kind, name, listed(names)));
}

}  // namespace assay
