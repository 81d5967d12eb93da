#pragma once
#include <cstdint>
#include <string>

namespace assay::test {

/// The bytes of a .npy file: magic, version, length, this header as it stands, and the data.
inline std::string npy_of(const std::string& header, const std::string& data, int version = 1) {
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return out + header + data;
}

/// The same with the header that numpy.save writes; `shape` as in "3, 4,".
inline std::string npy_of_type(const std::string& descr, const std::string& shape, const std::string& data) {
  return npy_of("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }\n", data);
}

/// The bytes of a number, in the processor's order or the other way round.
template <class T>
std::string bytes_of(T value, bool reversed = false) {
  std::string bytes(reinterpret_cast<const char*>(&value), sizeof(T));
  return reversed ? std::string(bytes.rbegin(), bytes.rend()) : bytes;
}

}  // namespace assay::test
