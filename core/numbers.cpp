#include "core/numbers.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "core/error.h"

namespace assay {
namespace {

struct Half {
  std::uint16_t bits;
};
struct BrainFloat {
  std::uint16_t bits;
};
struct Boolean {
  std::uint8_t byte;
};

float value_of(Half half) {
  const std::uint32_t sign = (half.bits & 0x8000U) << 16, exponent = half.bits >> 10 & 0x1FU, rest = half.bits & 0x3FFU;
  if (exponent == 0) {
    const float small = static_cast<float>(rest) * 0x1p-24F;
    return sign != 0 ? -small : small;
  }
  return std::bit_cast<float>(sign | (exponent == 31 ? 255U : exponent + 112U) << 23 | rest << 13);
}
float value_of(BrainFloat number) { return std::bit_cast<float>(std::uint32_t{number.bits} << 16); }
std::uint8_t value_of(Boolean boolean) { return boolean.byte != 0 ? 1 : 0; }
template <class T>
T value_of(T number) {
  return number;
}

/// act(read) with a function that gives element i of `from`.
template <class Act>
void with_elements(DType type, std::span<const std::byte> from, Act act) {
  const auto as = [&]<class T>(std::type_identity<T>) {
    act([&](std::size_t i) {
      T element;
      std::memcpy(&element, from.data() + i * sizeof(T), sizeof(T));
      return value_of(element);
    });
  };
  switch (type) {
    case DType::f16:
      return as(std::type_identity<Half>());
    case DType::bf16:
      return as(std::type_identity<BrainFloat>());
    case DType::f32:
      return as(std::type_identity<float>());
    case DType::f64:
      return as(std::type_identity<double>());
    case DType::i8:
      return as(std::type_identity<std::int8_t>());
    case DType::u8:
      return as(std::type_identity<std::uint8_t>());
    case DType::boolean:
      return as(std::type_identity<Boolean>());
    case DType::i16:
      return as(std::type_identity<std::int16_t>());
    case DType::i32:
      return as(std::type_identity<std::int32_t>());
    case DType::i64:
      return as(std::type_identity<std::int64_t>());
    case DType::u16:
      return as(std::type_identity<std::uint16_t>());
    case DType::u32:
      return as(std::type_identity<std::uint32_t>());
    case DType::u64:
      return as(std::type_identity<std::uint64_t>());
    case DType::other:
      break;
  }
  throw Error("numbers of a type that is not read");
}

}  // namespace

std::string_view numpy_name_of(DType type) {
  switch (type) {
    case DType::f16:
      return "float16";
    case DType::bf16:
      return "bfloat16";
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i8:
      return "int8";
    case DType::u8:
      return "uint8";
    case DType::boolean:
      return "bool";
    case DType::i16:
      return "int16";
    case DType::i32:
      return "int32";
    case DType::i64:
      return "int64";
    case DType::u16:
      return "uint16";
    case DType::u32:
      return "uint32";
    case DType::u64:
      return "uint64";
    case DType::other:
      break;
  }
  return "other";
}

bool can_be_network_state(DType type) {
  return type != DType::other && type != DType::u16 && type != DType::u32 && type != DType::u64;
}

std::optional<std::size_t> convert_to_float(DType type, std::span<const std::byte> from, std::span<float> to) {
  std::optional<std::size_t> inexact;
  with_elements(type, from, [&](auto read) {
    using Value = decltype(read(0));
    bool exact = true;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const Value value = read(i);
      to[i] = static_cast<float>(value);
      if constexpr (std::is_integral_v<Value> && sizeof(Value) > 2) {
        // Not a comparison with the float, which might have no place among the integers.
        constexpr auto most = static_cast<Value>(1 << 24);
        if constexpr (std::is_signed_v<Value>)
          exact = exact && value >= -most && value <= most;
        else
          exact = exact && value <= most;
        if (!exact && !inexact) inexact = i;
      }
    }
  });
  return inexact;
}

void convert_to_double(DType type, std::span<const std::byte> from, std::span<double> to) {
  with_elements(type, from, [&](auto read) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<double>(read(i));
  });
}

std::optional<std::size_t> convert_to_integers(DType type, std::span<const std::byte> from,
                                               std::span<std::int64_t> to) {
  std::optional<std::size_t> fault;
  with_elements(type, from, [&](auto read) {
    using Value = decltype(read(0));
    for (std::size_t i = 0; i < to.size() && !fault; ++i) {
      const Value value = read(i);
      bool fits = true;
      if constexpr (std::is_floating_point_v<Value>)
        fits = std::abs(value) < static_cast<Value>(0x1p63) && std::trunc(value) == value;  // false of NaN
      else if constexpr (std::is_same_v<Value, std::uint64_t>)
        fits = value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
      if (fits)
        to[i] = static_cast<std::int64_t>(value);
      else
        fault = i;
    }
  });
  return fault;
}

std::vector<double> doubles_of(const TensorView& view, const std::string& where) {
  if (view.type == DType::other)
    throw InputError(fmt::format("{} holds {}; expected numbers", where, view.type_name()));
  std::vector<double> out(static_cast<std::size_t>(view.numel()));
  convert_to_double(view.type, view.data, out);
  return out;
}

std::vector<std::int64_t> integers_of(const TensorView& view, const std::string& where) {
  if (view.type == DType::other)
    throw InputError(fmt::format("{} holds {}; expected integers", where, view.type_name()));
  std::vector<std::int64_t> out(static_cast<std::size_t>(view.numel()));
  if (const auto at = convert_to_integers(view.type, view.data, out)) {
    double value = 0;
    convert_to_double(view.type, view.data.subspan(*at * size_of(view.type)), {&value, 1});
    throw InputError(fmt::format("{} holds {}, which is no whole number that fits 64 bits", where, value));
  }
  return out;
}

}  // namespace assay
