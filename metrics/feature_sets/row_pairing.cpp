#include "metrics/feature_sets/row_pairing.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "core/names.h"
#include "metrics/feature_sets/natural_order.h"

namespace assay {
namespace {

constexpr Names<PairRule> rule_names = {
    {"stem", PairRule::stem}, {"number", PairRule::number}, {"order", PairRule::order}};

using Strings = std::vector<std::string>;

/// A name cut into runs of digits and what lies between them: texts[0] numbers[0] texts[1] ...
struct CutName {
  Strings texts, numbers;
};

CutName cut(std::string_view name) {
  CutName out;
  out.texts.emplace_back();
  for (std::size_t i = 0; i < name.size();) {
    if (!is_digit(name[i])) {
      out.texts.back() += name[i++];
      continue;
    }
    std::size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    out.numbers.emplace_back(name.substr(i, end - i));
    out.texts.emplace_back();
    i = end;
  }
  return out;
}

std::string_view folder_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash + 1);
}

/// What tells the rows of a set apart under a rule: one key a row, or why there are none.
struct Keys {
  Strings keys;
  std::string fault;
};

Keys without_repetition(Strings keys, const RowNames& set, const char* what) {
  std::unordered_map<std::string_view, std::size_t> first;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto [at, fresh] = first.emplace(keys[i], i);
    if (fresh) continue;
    const std::string &one = set.names[at->second], &other = set.names[i];
    return {{},
            one == other ? fmt::format("{} has '{}' twice", set.set, one)
                         : fmt::format("'{}' and '{}' of {} have the same {}", one, other, set.set, what)};
  }
  return {std::move(keys), ""};
}

/// The one run of digits in which names differ, of names that are alike elsewhere; nothing where there is none. Where
/// nothing differs, as in a folder of one image, it is the last run.
std::optional<std::size_t> varying_run(const std::vector<CutName>& names) {
  const CutName& first = names.front();
  if (first.numbers.empty()) return std::nullopt;
  std::optional<std::size_t> varying;
  for (const CutName& name : names) {
    if (name.texts != first.texts) return std::nullopt;
    for (std::size_t r = 0; r < first.numbers.size(); ++r) {
      if (name.numbers[r] == first.numbers[r] || varying == r) continue;
      if (varying) return std::nullopt;
      varying = r;
    }
  }
  return varying.value_or(first.numbers.size() - 1);
}

Keys number_keys(const RowNames& set) {
  std::map<std::string_view, std::vector<std::size_t>> folders;
  for (std::size_t i = 0; i < set.names.size(); ++i) folders[folder_of(set.names[i])].push_back(i);
  Strings keys(set.names.size());
  for (const auto& [folder, rows] : folders) {
    std::vector<CutName> names;
    names.reserve(rows.size());
    for (const std::size_t i : rows) names.push_back(cut(std::string_view(set.names[i]).substr(folder.size())));
    const auto run = varying_run(names);
    if (!run)
      return {{},
              fmt::format("the names of {} are not alike but for one number, as '{}'", set.set, set.names[rows[0]])};
    for (std::size_t i = 0; i < rows.size(); ++i)
      keys[rows[i]] = std::string(folder) + std::string(without_leading_zeros(names[i].numbers[*run]));
  }
  return without_repetition(std::move(keys), set, "number");
}

Keys keys_of(const RowNames& set, PairRule rule) {
  if (set.names.empty()) return {{}, fmt::format("the rows of {} have no names", set.set)};
  return rule == PairRule::stem ? without_repetition(set.names, set, "stem") : number_keys(set);
}

/// The rows of `b` by those of `a`, with nothing for a row without a partner.
std::vector<std::optional<std::size_t>> match(const Strings& a, const Strings& b) {
  std::unordered_map<std::string_view, std::size_t> rows;
  for (std::size_t i = 0; i < b.size(); ++i) rows.emplace(b[i], i);
  std::vector<std::optional<std::size_t>> partners;
  partners.reserve(a.size());
  for (const std::string& key : a) {
    const auto found = rows.find(key);
    partners.push_back(found == rows.end() ? std::nullopt : std::optional(found->second));
  }
  return partners;
}

/// Rows of `a` that have no partner in `b`: how many, and the first of them in the order in which people list names.
struct Unpaired {
  std::size_t count = 0;
  std::string first;
};

Unpaired unpaired(const RowNames& a, const Strings& keys, const Strings& others) {
  const auto partners = match(keys, others);
  Unpaired out;
  for (std::size_t i = 0; i < partners.size(); ++i) {
    if (partners[i]) continue;
    if (out.count++ == 0 || natural_less(a.names[i], out.first)) out.first = a.names[i];
  }
  return out;
}

std::string unpaired_text(const Unpaired& rows, const std::string& set, const std::string& other) {
  const std::string more = rows.count > 1 ? fmt::format(" and {} more", rows.count - 1) : "";
  return fmt::format("'{}'{} of {} {} no partner in {}", rows.first, more, set, rows.count > 1 ? "have" : "has", other);
}

/// An attempt to pair by stem or number.
struct Attempt {
  std::vector<std::int64_t> rows;
  std::string fault;  // empty: it succeeded
  std::size_t without_partner = 0;
};

Attempt try_rule(const RowNames& a, const RowNames& b, PairRule rule) {
  const Keys of_a = keys_of(a, rule), of_b = keys_of(b, rule);
  Attempt out;
  out.without_partner = static_cast<std::size_t>(a.count + b.count);
  for (const Keys* keys : {&of_a, &of_b}) {
    if (keys->fault.empty()) continue;
    out.fault = keys->fault;
    return out;
  }
  const Unpaired left = unpaired(a, of_a.keys, of_b.keys), right = unpaired(b, of_b.keys, of_a.keys);
  out.without_partner = left.count + right.count;
  if (left.count > 0) out.fault = unpaired_text(left, a.set, b.set);
  if (right.count > 0) out.fault += (left.count > 0 ? "; " : "") + unpaired_text(right, b.set, a.set);
  if (!out.fault.empty()) return out;
  for (const auto& partner : match(of_a.keys, of_b.keys)) out.rows.push_back(static_cast<std::int64_t>(*partner));
  return out;
}

std::vector<std::int64_t> listed(const RowNames& set, const RowNames& other) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(set.count));
  std::iota(rows.begin(), rows.end(), std::int64_t{0});
  if (set.names.empty() || (other.feature_file && other.names.empty())) return rows;
  std::stable_sort(rows.begin(), rows.end(), [&](std::int64_t x, std::int64_t y) {
    return natural_less(set.names[static_cast<std::size_t>(x)], set.names[static_cast<std::size_t>(y)]);
  });
  return rows;
}

std::vector<std::int64_t> pair_in_order(const RowNames& a, const RowNames& b) {
  const std::vector<std::int64_t> of_a = listed(a, b), of_b = listed(b, a);
  std::vector<std::int64_t> rows(of_a.size());
  for (std::size_t i = 0; i < of_a.size(); ++i) rows[static_cast<std::size_t>(of_a[i])] = of_b[i];
  return rows;
}

/// The first pair whose names differ, in the order in which people list those of `a`; empty where all are equal.
std::string first_differing(const RowNames& a, const RowNames& b, const std::vector<std::int64_t>& rows) {
  if (a.names.empty() || b.names.empty()) return "";
  std::optional<std::size_t> first;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (a.names[i] != b.names[static_cast<std::size_t>(rows[i])] &&
        (!first || natural_less(a.names[i], a.names[*first])))
      first = i;
  if (!first) return "";
  return fmt::format("'{}' of {} with '{}' of {}", a.names[*first], a.set,
                     b.names[static_cast<std::size_t>(rows[*first])], b.set);
}

std::string order_text(const RowNames& a, const RowNames& b) {
  if (a.names.empty() && b.names.empty()) return "rows as they stand, which have no names";
  if (!a.names.empty() && !b.names.empty()) return "names in natural order";
  const RowNames &named = a.names.empty() ? b : a, &other = a.names.empty() ? a : b;
  return fmt::format("the names of {} {}, and the rows of {} as they stand, which have no names", named.set,
                     other.feature_file ? "sorted as text, as `assay metric features` writes them" : "in natural order",
                     other.set);
}

std::string note_of(const RowNames& a, const RowNames& b, const RowPairing& pairing, const std::string& why_order) {
  std::string text = fmt::format("rows of {} and {} are paired by {}", a.set, b.set, name_of(pairing.rule));
  if (pairing.rule == PairRule::order) {
    text += fmt::format(": {}", order_text(a, b));
    if (!why_order.empty()) text += fmt::format(" ({})", why_order);
  }
  const std::string differing = first_differing(a, b, pairing.rows);
  if (!differing.empty()) text += fmt::format("; the first pair whose names differ is {}", differing);
  return text;
}

[[noreturn]] void refuse_sizes(const RowNames& a, const RowNames& b) {
  std::string text =
      fmt::format("{} and {} hold {} and {} samples; expected equal numbers, sample i of all from the same noise",
                  b.set, a.set, b.count, a.count);
  if (!a.names.empty() && !b.names.empty()) {
    const Attempt stem = try_rule(a, b, PairRule::stem), number = try_rule(a, b, PairRule::number);
    text += "; " + (number.without_partner < stem.without_partner ? number : stem).fault;
  }
  throw InputError(text);
}

}  // namespace

std::string name_of(PairRule rule) { return name_of(rule, rule_names); }

PairRule parse_pair_rule(const std::string& text) { return value_of("rule of pairs", text, rule_names); }

bool RowPairing::reorders() const {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] != static_cast<std::int64_t>(i)) return true;
  return false;
}

std::int64_t RowPairing::partner_of(std::int64_t row) const {
  const auto found = std::find(rows.begin(), rows.end(), row);
  if (found == rows.end()) throw Error(fmt::format("no pair has row {}", row));
  return found - rows.begin();
}

std::vector<std::int64_t> RowPairing::leave_out(std::span<const std::int64_t> rows_of_a) {
  std::vector<std::int64_t> partners;
  partners.reserve(rows_of_a.size());
  for (const std::int64_t row : rows_of_a) partners.push_back(rows.at(static_cast<std::size_t>(row)));
  std::sort(partners.begin(), partners.end());
  std::vector<std::int64_t> left;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::binary_search(rows_of_a.begin(), rows_of_a.end(), static_cast<std::int64_t>(i))) continue;
    const auto before = std::lower_bound(partners.begin(), partners.end(), rows[i]) - partners.begin();
    left.push_back(rows[i] - before);
  }
  rows = std::move(left);
  return partners;
}

RowPairing pair_rows(const RowNames& a, const RowNames& b, std::optional<PairRule> rule) {
  if (a.count != b.count) refuse_sizes(a, b);
  RowPairing out;
  std::optional<Attempt> nearest;
  for (const PairRule tried : {PairRule::stem, PairRule::number}) {
    if (rule && *rule != tried) continue;
    Attempt attempt = try_rule(a, b, tried);
    if (attempt.fault.empty()) {
      out.rule = tried;
      out.rows = std::move(attempt.rows);
      out.note = note_of(a, b, out, "");
      return out;
    }
    if (rule) throw InputError(fmt::format("rows cannot be paired by {}: {}", name_of(tried), attempt.fault));
    if (!nearest || attempt.without_partner < nearest->without_partner) nearest = std::move(attempt);
  }
  out.rule = PairRule::order;
  out.rows = pair_in_order(a, b);
  const bool named = !a.names.empty() && !b.names.empty();
  out.note = note_of(a, b, out, named && nearest ? nearest->fault : "");
  return out;
}

}  // namespace assay
