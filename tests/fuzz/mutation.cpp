#include "tests/fuzz/mutation.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/error.h"
#include "core/philox.h"

namespace assay::fuzz {
namespace {

constexpr std::array<std::string_view, 18> extreme_numbers{"0",
                                                           "-1",
                                                           "1",
                                                           "-0.0",
                                                           "0.5",
                                                           "255",
                                                           "65536",
                                                           "2147483647",
                                                           "-2147483648",
                                                           "4294967296",
                                                           "1099511627776",
                                                           "9223372036854775807",
                                                           "-9223372036854775808",
                                                           "18446744073709551615",
                                                           "99999999999999999999",
                                                           "1e308",
                                                           "-1e308",
                                                           "1e999"};

class Mutator {
 public:
  Mutator(std::string bytes, const std::string& other, RandomStream& random)
      : bytes_(std::move(bytes)), other_(other), random_(random) {}

  std::string mutate() {
    using Change = void (Mutator::*)();
    // Those that keep the form of a file are likelier: others are refused early.
    constexpr std::array<Change, 16> changes{
        &Mutator::flip_bits,      &Mutator::flip_bits,      &Mutator::set_byte,       &Mutator::set_byte,
        &Mutator::extreme_length, &Mutator::extreme_length, &Mutator::extreme_length, &Mutator::extreme_number,
        &Mutator::extreme_number, &Mutator::extreme_number, &Mutator::truncate,       &Mutator::take_out,
        &Mutator::double_part,    &Mutator::splice,         &Mutator::swap_signs,     &Mutator::nest};
    (this->*changes[below(changes.size())])();
    return std::move(bytes_);
  }

 private:
  std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(random_.below(std::max<std::size_t>(bound, 1)));
  }
  std::size_t place() { return below(bytes_.size()); }
  /// Often small, so that what it is applied to mostly stays whole.
  std::size_t length_from(std::size_t begin) {
    const std::size_t left = bytes_.size() - std::min(begin, bytes_.size());
    return std::min(left, below(4) == 0 ? 1 + below(left) : 1 + below(16));
  }

  void flip_bits() {
    if (bytes_.empty()) return;
    for (std::size_t left = 1 + below(3); left > 0; --left) {
      char& byte = bytes_[place()];
      byte = static_cast<char>(byte ^ 1 << below(8));
    }
  }

  void set_byte() {
    if (bytes_.empty()) return;
    constexpr std::array<int, 8> bytes{0, 0xFF, 0x7F, 0x80, 1, ' ', '/', '"'};
    bytes_[place()] = static_cast<char>(below(3) == 0 ? static_cast<int>(below(256)) : bytes[below(bytes.size())]);
  }

  /// A binary length or offset, in either order of bytes.
  void extreme_length() {
    const std::size_t width = std::size_t{1} << (1 + below(3));
    if (bytes_.size() < width) return;
    const std::array<std::uint64_t, 12> values{0,
                                               1,
                                               0x7F,
                                               0x7FFF,
                                               0xFFFF,
                                               0x7FFFFFFF,
                                               0x80000000,
                                               0xFFFFFFFF,
                                               std::uint64_t{1} << 40,
                                               0x7FFFFFFFFFFFFFFF,
                                               0xFFFFFFFFFFFFFFFF,
                                               bytes_.size()};
    const std::uint64_t value = values[below(values.size())] + below(3) - 1;
    const std::size_t at = below(bytes_.size() - width + 1);
    const bool big = below(2) == 0;
    for (std::size_t i = 0; i < width; ++i)
      bytes_[at + (big ? width - 1 - i : i)] = static_cast<char>(value >> (8 * i) & 0xFF);
  }

  /// A number that is written out.
  void extreme_number() {
    const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    const std::size_t from = place();
    std::size_t begin = from;
    while (begin < bytes_.size() && !digit(bytes_[begin])) ++begin;
    std::size_t end = begin;
    while (end < bytes_.size() && digit(bytes_[end])) ++end;
    if (begin == end) return flip_bits();
    bytes_.replace(begin, end - begin, extreme_numbers[below(extreme_numbers.size())]);
  }

  void truncate() { bytes_.resize(place()); }

  void take_out() {
    const std::size_t at = place();
    bytes_.erase(std::min(at, bytes_.size()), length_from(at));
  }

  void double_part() {
    const std::size_t at = place();
    const std::string part = bytes_.substr(std::min(at, bytes_.size()), length_from(at));
    for (std::size_t left = 1 + below(3); left > 0; --left) bytes_.insert(std::min(at, bytes_.size()), part);
  }

  /// The begin of this file and the rest of the other.
  void splice() { bytes_ = bytes_.substr(0, place()) + other_.substr(std::min(below(other_.size()), other_.size())); }

  /// What structures texts, one for another.
  void swap_signs() {
    constexpr std::string_view signs = "[]{}()<>,:;=\"'/.\n\t \\#-";
    for (std::size_t tries = 0; tries < 64 && !bytes_.empty(); ++tries) {
      const std::size_t at = place();
      if (signs.find(bytes_[at]) == std::string_view::npos) continue;
      bytes_[at] = signs[below(signs.size())];
      return;
    }
  }

  /// Brackets deeper than anybody writes, and not so deep that a parser of others would mind.
  void nest() {
    const std::size_t depth = 250 + below(500);
    constexpr std::array<std::array<std::string_view, 2>, 4> pairs{
        {{"[", "]"}, {"{\"a\":", "}"}, {"(", ",)"}, {"<a>", "</a>"}}};
    const auto& [open, close] = pairs[below(pairs.size())];
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += open;
    text += "0";
    for (std::size_t i = 0; i < depth; ++i) text += close;
    const std::size_t digit = bytes_.find_first_of("0123456789\"", place());
    if (digit == std::string::npos)
      bytes_.insert(place(), text);
    else
      bytes_.replace(digit, 1, text);
  }

  std::string bytes_;
  const std::string& other_;
  RandomStream& random_;
};

/// A file of these, by chance.
const std::pair<const std::string, std::string>& any_of(const Files& files, RandomStream& random) {
  return *std::next(files.begin(), static_cast<std::ptrdiff_t>(random.below(files.size())));
}

}  // namespace

Files mutated(const std::vector<Files>& seeds, std::uint64_t seed, std::uint64_t number) {
  if (seeds.empty()) throw Error("no seeds to mutate");
  RandomStream random(seed, Purpose::resample, number);
  Files files = seeds[random.below(seeds.size())];
  // Mostly one: a file that is wrong in two places is refused for the first.
  for (std::uint64_t left = random.below(2) == 0 ? 1 : 1 + random.below(4); left > 0; --left) {
    const std::string name = any_of(files, random).first;
    const Files& others = seeds[random.below(seeds.size())];
    const auto same = others.find(name);
    const std::string& other = same != others.end() ? same->second : any_of(others, random).second;
    files[name] = Mutator(files[name], other, random).mutate();
  }
  return files;
}

}  // namespace assay::fuzz
