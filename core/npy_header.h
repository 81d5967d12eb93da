#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"

namespace assay {

/// What a .npy file says of its data.
struct NpyHeader {
  /// Of the elements: `bf16` for the two raw bytes ('V2') that ml_dtypes and JAX save bfloat16 as; `other` for all that
  /// is no number read here, and `fault` says what it is.
  DType type = DType::f32;
  std::string descr;  // the type as the file gives it, as in "<f4"; "records" where it is no single type
  std::string fault;  // what to say where numbers are needed and `type` is `other`; else empty
  std::vector<std::int64_t> shape;
  bool column_major = false;
  bool big_endian = false;  // the most significant byte of each number comes first
  char text = 0;            // 'U' for UTF-32, 'S' for bytes, both filled up with zeros; 0 where there is no text
  std::size_t element = 0;  // bytes of an element; 0 where `type` is `other` and it is no text
  std::uint64_t bytes = 0;  // of the data; 0 where `element` is
};

/// Enough of a .npy file to know how long its header is.
inline constexpr std::size_t npy_prelude = 12;

/// Bytes before the data. `begin` holds npy_prelude bytes at least. Throws InputError that starts with `name` when it
/// is no .npy file of format 1.0 to 3.0.
std::size_t npy_header_size(std::string_view begin, const std::string& name);

/// The header that numpy.load would read: a Python literal of a dictionary with `descr`, `fortran_order` and `shape`,
/// in any order and spacing, with the L that Python 2 left behind integers. Types by code ("<f4", ">i8", "=u1", "f4",
/// "d") or name ("float32"). Throws InputError that starts with `name` where it is damaged or its shape impossible.
NpyHeader parse_npy_header(std::string_view bytes, const std::string& name);

}  // namespace assay
