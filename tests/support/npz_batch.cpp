#include "tests/support/npz_batch.h"

#include <zlib.h>

#include <fstream>

namespace assay::test {
namespace {

void add_little_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 0xff);
}

std::string npy(const NpzMember& member) {
  std::string shape;
  for (const std::int64_t side : member.shape) shape += std::to_string(side) + ",";
  std::string header = "{'descr': '" + member.type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string file = "\x93NUMPY";
  file += '\x01';
  file += '\0';
  add_little_endian(file, header.size(), 2);
  return file + header + member.bytes;
}

}  // namespace

void write_npz(const std::filesystem::path& file, const std::vector<NpzMember>& members) {
  std::ofstream out(file, std::ios::binary);
  std::string directory;
  std::uint64_t offset = 0;
  for (const NpzMember& member : members) {
    const std::string data = npy(member), name = member.name + ".npy";
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size()));
    std::string common;
    add_little_endian(common, 20, 2);  // version
    add_little_endian(common, 0, 8);   // flags, stored, time, date
    add_little_endian(common, checksum, 4);
    add_little_endian(common, data.size(), 4);
    add_little_endian(common, data.size(), 4);
    add_little_endian(common, name.size(), 2);
    add_little_endian(common, 0, 2);
    out << "PK\x03\x04" << common << name << data;
    directory += "PK\x01\x02";
    add_little_endian(directory, 20, 2);
    directory += common;
    add_little_endian(directory, 0, 10);
    add_little_endian(directory, offset, 4);
    directory += name;
    offset += 4 + common.size() + name.size() + data.size();
  }
  std::string end = "PK\x05\x06";
  add_little_endian(end, 0, 4);
  add_little_endian(end, members.size(), 2);
  add_little_endian(end, members.size(), 2);
  add_little_endian(end, directory.size(), 4);
  add_little_endian(end, offset, 4);
  add_little_endian(end, 0, 2);
  out << directory << end;
}

}  // namespace assay::test
