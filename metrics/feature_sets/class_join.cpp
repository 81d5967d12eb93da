#include "metrics/feature_sets/class_join.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/phrases.h"
#include "metrics/feature_sets/natural_order.h"

namespace assay {
namespace {

struct NaturalOrder {
  bool operator()(const std::string& a, const std::string& b) const { return natural_less(a, b); }
};

/// Images of each class, by name or by number.
template <class Key, class Order>
using Counts = std::map<Key, std::int64_t, Order>;

void check_labels(const FeatureSet& set) {
  if (!set.label_fault.empty()) throw InputError(set.label_fault);
  if (set.labels.empty())
    throw InputError(fmt::format(
        "{}: holds no labels; scores of classes need one folder a class, or `labels` [N] in a file, on both sides",
        set.name));
  if (set.class_names.empty()) return;
  const auto names = static_cast<std::int64_t>(set.class_names.size());
  for (const std::int64_t label : set.labels)
    if (label < 0 || label >= names)
      throw InputError(fmt::format("{}: holds label {} and {} class names; expected labels 0 to {}", set.name, label,
                                   names, names - 1));
  std::set<std::string> seen;
  for (const std::string& name : set.class_names)
    if (!seen.insert(name).second)
      throw InputError(fmt::format("{}: names class '{}' twice; expected one name a class", set.name, name));
}

/// The number that a name writes as programs do, without sign or zeros in front: "0", "10".
std::optional<std::int64_t> plain_number(const std::string& name) {
  std::int64_t number = 0;
  const auto [stop, fault] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool whole = fault == std::errc() && stop == name.data() + name.size();
  return whole && number >= 0 && std::to_string(number) == name ? std::optional(number) : std::nullopt;
}

/// Nothing where one of the names is no plain number.
std::optional<std::vector<std::int64_t>> numbers_of(const std::vector<std::string>& names) {
  std::vector<std::int64_t> numbers;
  numbers.reserve(names.size());
  for (const std::string& name : names) {
    const auto number = plain_number(name);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::string first_numbers(const std::vector<std::int64_t>& labels) {
  const std::set<std::int64_t> different(labels.begin(), labels.end());
  std::vector<std::string> texts;
  for (const std::int64_t label : different) texts.push_back(std::to_string(label));
  return first_few(texts);
}

InputError names_beside_numbers(const FeatureSet& named, const FeatureSet& numbered) {
  // Names that could not be used are no names, and the reason stands in a note.
  const auto unused = std::find_if(numbered.notes.begin(), numbered.notes.end(), [](const std::string& note) {
    return note.find(": class_names are ") != std::string::npos;
  });
  return InputError(fmt::format(
      "{} has class names ({}) and {} has numbers alone ({}{}), which cannot be joined: give {} class names "
      "(features of class folders have them; `class_names` in an .npz, or as a JSON list in the metadata "
      "of a .safetensors file), or {} the numbers (`assay metric features --labels`)",
      named.name, first_few(named.class_names), numbered.name, first_numbers(numbered.labels),
      unused == numbered.notes.end() ? "" : "; " + *unused, numbered.name, named.name));
}

/// "class 'dog' (40 images) is in REF alone", "2 classes (50 images) are in REF alone: 'dog' (40), 'owl' (10)".
std::string alone_text(const std::vector<LoneClass>& alone, const std::string& set, bool quoted) {
  const auto shown = [quoted](const LoneClass& one) { return quoted ? fmt::format("'{}'", one.name) : one.name; };
  if (alone.size() == 1)
    return fmt::format("class {} ({}) is in {} alone", shown(alone[0]), counted(alone[0].images, "image"), set);
  constexpr std::size_t most = 5;
  std::int64_t images = 0;
  std::vector<std::string> first;
  for (const LoneClass& one : alone) {
    images += one.images;
    if (first.size() < most) first.push_back(fmt::format("{} ({})", shown(one), one.images));
  }
  std::string text =
      fmt::format("{} classes ({} images) are in {} alone: {}", alone.size(), images, set, fmt::join(first, ", "));
  if (alone.size() > most) text += fmt::format(" and {} more", alone.size() - most);
  return text;
}

/// What two spellings of one word have in common: small letters, one kind of gap, no zeros before a number.
std::string spelling(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (is_digit(c)) {
      std::size_t end = i;
      while (end < name.size() && is_digit(name[end])) ++end;
      out += without_leading_zeros(std::string_view(name).substr(i, end - i));
      i = end - 1;
    } else if (c == ' ' || c == '-' || c == '_') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

/// Classes that were left apart by their spelling: "'Dog' and 'dog' are two classes: names are compared exactly".
std::vector<std::string> spelling_notes(const ClassJoin& join) {
  std::multimap<std::string, std::string> generated;
  for (const LoneClass& one : join.generated_alone) generated.emplace(spelling(one.name), one.name);
  std::vector<std::string> pairs;
  for (const LoneClass& one : join.reference_alone) {
    const auto [first, last] = generated.equal_range(spelling(one.name));
    for (auto other = first; other != last; ++other)
      pairs.push_back(fmt::format("'{}' and '{}'", one.name, other->second));
  }
  if (pairs.empty()) return {};
  return {
      fmt::format("{} are different classes: names are compared exactly; where one class is meant, rename it on one "
                  "side",
                  first_few(pairs))};
}

template <class Key, class Order>
void find_alone(const Counts<Key, Order>& reference, const Counts<Key, Order>& generated, ClassJoin& join) {
  const auto text = [](const Key& key) { return fmt::format("{}", key); };
  for (const auto& [key, count] : reference)
    if (!generated.contains(key)) join.reference_alone.push_back({text(key), count});
  for (const auto& [key, count] : generated)
    if (!reference.contains(key)) join.generated_alone.push_back({text(key), count});
}

void note_alone(const FeatureSet& reference, const FeatureSet& generated, ClassJoin& join) {
  std::vector<std::string> parts;
  if (!join.reference_alone.empty()) parts.push_back(alone_text(join.reference_alone, reference.name, join.by_name));
  if (!join.generated_alone.empty()) parts.push_back(alone_text(join.generated_alone, generated.name, join.by_name));
  if (!parts.empty())
    join.notes.push_back(
        fmt::format("{}; no score of a class or of a part takes these images", fmt::join(parts, "; ")));
  if (join.by_name)
    for (std::string& note : spelling_notes(join)) join.notes.push_back(std::move(note));
}

ClassJoin join_names(FeatureSet& reference, FeatureSet& generated) {
  using Names = Counts<std::string, NaturalOrder>;
  const auto counts_of = [](const FeatureSet& set) {
    Names counts;
    for (const std::int64_t label : set.labels) ++counts[set.class_names[static_cast<std::size_t>(label)]];
    return counts;
  };
  const Names of_reference = counts_of(reference), of_generated = counts_of(generated);
  std::map<std::string, std::int64_t, NaturalOrder> place;
  for (const Names* counts : {&of_reference, &of_generated})
    for (const auto& [name, count] : *counts) place.emplace(name, 0);
  std::vector<std::string> names;
  names.reserve(place.size());
  for (auto& [name, at] : place) {
    at = static_cast<std::int64_t>(names.size());
    names.push_back(name);
  }
  for (FeatureSet* set : {&reference, &generated}) {
    for (std::int64_t& label : set->labels) label = place.at(set->class_names[static_cast<std::size_t>(label)]);
    set->class_names = names;
  }
  ClassJoin join;
  join.by_name = true;
  find_alone(of_reference, of_generated, join);
  return join;
}

/// Puts the number that each name writes in the place of the label.
void take_numbers(FeatureSet& set, const std::vector<std::int64_t>& numbers) {
  for (std::int64_t& label : set.labels) label = numbers[static_cast<std::size_t>(label)];
  set.class_names.clear();
}

ClassJoin join_numbers(FeatureSet& reference, FeatureSet& generated) {
  ClassJoin join;
  if (reference.class_names.empty() && generated.class_names.empty()) {
    join.notes.push_back(
        fmt::format("classes are joined by number: neither {} nor {} has class names", reference.name, generated.name));
  } else {
    FeatureSet& named = reference.class_names.empty() ? generated : reference;
    const FeatureSet& numbered = &named == &reference ? generated : reference;
    const auto numbers = numbers_of(named.class_names);
    if (!numbers) throw names_beside_numbers(named, numbered);
    take_numbers(named, *numbers);
    join.notes.push_back(fmt::format("classes are joined by number: {} has no class names, and those of {} are numbers",
                                     numbered.name, named.name));
  }
  using Numbers = Counts<std::int64_t, std::less<>>;
  const auto counts_of = [](const FeatureSet& set) {
    Numbers counts;
    for (const std::int64_t label : set.labels) ++counts[label];
    return counts;
  };
  find_alone(counts_of(reference), counts_of(generated), join);
  return join;
}

}  // namespace

ClassJoin join_classes(FeatureSet& reference, FeatureSet& generated) {
  check_labels(reference);
  check_labels(generated);
  const bool names = !reference.class_names.empty() && !generated.class_names.empty();
  ClassJoin join = names ? join_names(reference, generated) : join_numbers(reference, generated);
  note_alone(reference, generated, join);
  return join;
}

std::string class_text(std::int64_t label, const std::vector<std::string>& names) {
  return names.empty() ? std::to_string(label) : names.at(static_cast<std::size_t>(label));
}

}  // namespace assay
