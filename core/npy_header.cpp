#include "core/npy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/error.h"

namespace assay {
namespace {

constexpr std::uint64_t size_limit = std::uint64_t{1} << 40;  // a larger claim is a damaged file

/// A value of Python source, as far as a header can hold one.
struct Literal {
  enum class Kind { text, integer, boolean, tuple, list, dictionary, another };
  Kind kind = Kind::another;
  std::string text;            // of a string
  std::int64_t number = 0;     // of an integer, and 0 or 1 of a boolean
  std::vector<Literal> items;  // of tuples and lists; keys and values in turn of dictionaries
};

/// Thrown within this file where the text is no literal.
struct NoLiteral {};

/// Reads one literal with the spacing, line breaks and comments that Python allows between brackets.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  Literal read() {
    Literal value = read_value(0);
    // Some writers fill the header up with zeros.
    while (skip_space(), at_ < text_.size() && text_[at_] == '\0') ++at_;
    if (at_ != text_.size()) throw NoLiteral();
    return value;
  }

 private:
  static constexpr int deepest = 32;

  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size()) {
      if (std::strchr(" \t\r\n\f", text_[at_]) != nullptr && text_[at_] != '\0') {
        ++at_;
      } else if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    skip_space();
    if (next() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  Literal read_value(int depth) {
    if (depth > deepest) throw NoLiteral();
    skip_space();
    const char c = next();
    if (c == '{') return read_dictionary(depth);
    if (c == '(' || c == '[') return read_sequence(depth);
    if (is_digit(c) || c == '+' || c == '-') return read_number();
    return read_words();
  }

  Literal read_dictionary(int depth) {
    Literal out;
    out.kind = Literal::Kind::dictionary;
    ++at_;
    while (!take('}')) {
      out.items.push_back(read_value(depth + 1));
      if (!take(':')) throw NoLiteral();
      out.items.push_back(read_value(depth + 1));
      if (take(',')) continue;
      if (!take('}')) throw NoLiteral();
      break;
    }
    return out;
  }

  Literal read_sequence(int depth) {
    const bool list = text_[at_++] == '[';
    const char close = list ? ']' : ')';
    Literal out;
    out.kind = list ? Literal::Kind::list : Literal::Kind::tuple;
    bool comma = false;
    while (!take(close)) {
      out.items.push_back(read_value(depth + 1));
      if (take(',')) {
        comma = true;
        continue;
      }
      if (!take(close)) throw NoLiteral();
      break;
    }
    if (!list && out.items.size() == 1 && !comma) return Literal(out.items.front());  // brackets alone
    return out;
  }

  Literal read_number() {
    const bool negative = next() == '-';
    if (next() == '-' || next() == '+') ++at_;
    skip_space();
    std::string digits;
    while (is_digit(next()) || is_letter(next()) || next() == '.') digits += text_[at_++];
    if (!digits.empty() && (digits.back() == 'L' || digits.back() == 'l')) digits.pop_back();
    std::erase(digits, '_');
    int base = 10;
    std::string_view rest = digits;
    // What Python 2 read as octal; nobody writes a size so.
    if (rest.size() > 1 && rest[0] == '0' && is_digit(rest[1])) throw NoLiteral();
    if (rest.size() > 2 && rest[0] == '0' && is_letter(rest[1])) {
      base = rest[1] == 'x' || rest[1] == 'X' ? 16 : rest[1] == 'o' || rest[1] == 'O' ? 8 : 2;
      rest.remove_prefix(2);
    }
    Literal out;
    const auto [stop, code] = std::from_chars(rest.data(), rest.data() + rest.size(), out.number, base);
    if (rest.empty() || stop != rest.data() + rest.size()) return out;  // a fraction: of another kind
    if (code != std::errc()) out.number = std::numeric_limits<std::int64_t>::max();
    out.kind = Literal::Kind::integer;
    if (negative) out.number = -out.number;
    return out;
  }

  /// True, False, None, and strings, several of which in a row are one.
  Literal read_words() {
    Literal out;
    bool any = false;
    while (true) {
      skip_space();
      std::size_t end = at_;
      while (end < text_.size() && is_letter(text_[end])) ++end;
      const std::string_view word = text_.substr(at_, end - at_);
      const char quote = end < text_.size() ? text_[end] : '\0';
      if (quote == '\'' || quote == '"') {
        at_ = end + 1;
        read_string(quote, out.text);
        out.kind = Literal::Kind::text;
        any = true;
        continue;
      }
      if (any) return out;
      if (word.empty()) throw NoLiteral();
      at_ = end;
      if (word == "True" || word == "False") {
        out.kind = Literal::Kind::boolean;
        out.number = word == "True" ? 1 : 0;
      }
      return out;
    }
  }

  void read_string(char quote, std::string& to) {
    while (true) {
      if (at_ >= text_.size() || text_[at_] == '\n') throw NoLiteral();
      char c = text_[at_++];
      if (c == quote) return;
      if (c == '\\') {
        if (at_ >= text_.size()) throw NoLiteral();
        c = text_[at_++];
      }
      to += c;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct TypeName {
  std::string_view name;
  DType type;
};

/// What may follow the sign of the byte order.
constexpr std::array<TypeName, 30> type_codes{
    {{"f2", DType::f16}, {"f4", DType::f32},     {"f8", DType::f64}, {"i1", DType::i8},  {"i2", DType::i16},
     {"i4", DType::i32}, {"i8", DType::i64},     {"u1", DType::u8},  {"u2", DType::u16}, {"u4", DType::u32},
     {"u8", DType::u64}, {"b1", DType::boolean}, {"e", DType::f16},  {"f", DType::f32},  {"d", DType::f64},
     {"b", DType::i8},   {"h", DType::i16},      {"i", DType::i32},  {"l", DType::i64},  {"q", DType::i64},
     {"p", DType::i64},  {"n", DType::i64},      {"B", DType::u8},   {"H", DType::u16},  {"I", DType::u32},
     {"L", DType::u64},  {"Q", DType::u64},      {"P", DType::u64},  {"N", DType::u64},  {"?", DType::boolean}}};

/// What stands alone.
constexpr std::array<TypeName, 33> type_names{
    {{"float16", DType::f16},  {"half", DType::f16},      {"bfloat16", DType::bf16}, {"float32", DType::f32},
     {"single", DType::f32},   {"float64", DType::f64},   {"double", DType::f64},    {"float", DType::f64},
     {"int8", DType::i8},      {"byte", DType::i8},       {"int16", DType::i16},     {"short", DType::i16},
     {"int32", DType::i32},    {"intc", DType::i32},      {"int64", DType::i64},     {"int", DType::i64},
     {"int_", DType::i64},     {"long", DType::i64},      {"longlong", DType::i64},  {"intp", DType::i64},
     {"uint8", DType::u8},     {"ubyte", DType::u8},      {"uint16", DType::u16},    {"ushort", DType::u16},
     {"uint32", DType::u32},   {"uintc", DType::u32},     {"uint64", DType::u64},    {"uint", DType::u64},
     {"ulong", DType::u64},    {"ulonglong", DType::u64}, {"uintp", DType::u64},     {"bool", DType::boolean},
     {"bool_", DType::boolean}}};

template <std::size_t n>
std::optional<DType> find(const std::array<TypeName, n>& table, std::string_view name) {
  const auto row = std::find_if(table.begin(), table.end(), [&](const TypeName& t) { return t.name == name; });
  return row == table.end() ? std::nullopt : std::optional<DType>(row->type);
}

/// Fills all that follows from `descr`.
void read_type(NpyHeader& header) {
  std::string_view code = header.descr;
  const bool signed_order = !code.empty() && std::string_view("<>=|").find(code.front()) != std::string_view::npos;
  const bool big = signed_order && code.front() == '>';
  if (signed_order) code.remove_prefix(1);
  std::optional<DType> type = find(type_codes, code);
  if (!type && !signed_order) type = find(type_names, code);
  if (!type && code == "V2") type = DType::bf16;
  if (type) {
    header.type = *type;
    header.element = size_of(*type);
    header.big_endian = big && header.element > 1;
    return;
  }
  header.type = DType::other;
  const std::string_view digits = code.substr(std::min<std::size_t>(code.size(), 1));
  std::size_t length = 0;
  const auto [stop, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  const bool counted = fault == std::errc() && stop == digits.data() + digits.size() && length < size_limit;
  const char kind = code.empty() ? '\0' : code.front();
  if (counted && (kind == 'U' || kind == 'S')) {
    header.text = kind;
    header.element = kind == 'U' ? 4 * length : length;
    header.big_endian = kind == 'U' && big;
    header.fault = fmt::format("holds text (dtype '{}'); expected numbers", header.descr);
  } else if (kind == 'O') {
    header.fault = fmt::format("holds Python objects (dtype '{}'); expected plain numbers", header.descr);
  } else if (kind == 'V' && counted) {
    header.fault = fmt::format(
        "holds raw bytes (dtype '{}'), as NumPy saves types that it does not know; expected plain numbers, as "
        "astype('float32') gives them",
        header.descr);
  } else {
    header.fault = fmt::format(
        "has dtype '{}'; accepted: bool, int8 to int64, uint8 to uint64, float16 to float64, of either byte order",
        header.descr);
  }
}

}  // namespace

std::size_t npy_header_size(std::string_view begin, const std::string& name) {
  const auto fault = [&](const std::string& what) { return InputError(fmt::format("{}: {}", name, what)); };
  if (begin.size() < npy_prelude || begin.substr(0, 6) != "\x93NUMPY") throw fault("is no .npy array");
  const int version = static_cast<unsigned char>(begin[6]);
  if (version < 1 || version > 3) throw fault(fmt::format(".npy format {} is unknown; expected 1 to 3", version));
  std::uint32_t size = 0;
  std::memcpy(&size, begin.data() + 8, version == 1 ? 2 : 4);
  return (version == 1 ? 10U : 12U) + static_cast<std::size_t>(size);
}

NpyHeader parse_npy_header(std::string_view bytes, const std::string& name) {
  const auto fault = [&](const std::string& what) { return InputError(fmt::format("{}: {}", name, what)); };
  Literal dictionary;
  try {
    dictionary = LiteralReader(bytes.substr(bytes[6] == 1 ? 10 : 12)).read();
  } catch (const NoLiteral&) {
    throw fault("the .npy header is damaged: it is no Python dictionary");
  }
  if (dictionary.kind != Literal::Kind::dictionary)
    throw fault("the .npy header is damaged: it is no Python dictionary");
  std::optional<Literal> descr, order, shape;
  for (std::size_t i = 0; i < dictionary.items.size(); i += 2) {
    const Literal &key = dictionary.items[i], &value = dictionary.items[i + 1];
    std::optional<Literal>* to = key.text == "descr"           ? &descr
                                 : key.text == "fortran_order" ? &order
                                 : key.text == "shape"         ? &shape
                                                               : nullptr;
    if (key.kind != Literal::Kind::text || to == nullptr)
      throw fault(
          fmt::format("the .npy header has an unknown key '{}'; expected descr, fortran_order and shape", key.text));
    *to = value;
  }
  for (const auto& [key, value] : {std::pair{"descr", &descr}, {"fortran_order", &order}, {"shape", &shape}})
    if (!*value) throw fault(fmt::format("the .npy header is damaged: it has no '{}'", key));

  NpyHeader out;
  if (descr->kind == Literal::Kind::text) {
    out.descr = descr->text;
    read_type(out);
  } else {
    out.descr = "records";
    out.type = DType::other;
    out.fault = "holds records; expected plain numbers";
  }
  if (order->kind != Literal::Kind::boolean) throw fault("the .npy header's fortran_order is neither True nor False");
  const auto side = [](const Literal& item) { return item.kind == Literal::Kind::integer && item.number >= 0; };
  if (shape->kind != Literal::Kind::tuple || !std::all_of(shape->items.begin(), shape->items.end(), side))
    throw fault("the .npy header's shape is no tuple of sizes");
  // Of the sides but 0, so that the product of some of them fits too.
  std::uint64_t count = 1;
  bool empty = false;
  for (const Literal& item : shape->items) {
    out.shape.push_back(item.number);
    const auto size = static_cast<std::uint64_t>(item.number);
    empty = empty || size == 0;
    if (size > 0 && count > size_limit / size) throw fault("has an impossible shape");
    count *= std::max<std::uint64_t>(size, 1);
  }
  if (out.element > 0 && count > size_limit / out.element) throw fault("has an impossible shape");
  out.bytes = empty ? 0 : count * out.element;
  out.column_major = order->number == 1 && out.shape.size() > 1;
  return out;
}

}  // namespace assay
