#include <fmt/format.h>

#include "app/metric/label_file.h"
#include "core/array_file.h"
#include "core/convertible_weights.h"
#include "core/numbers.h"
#include "images/image_source.h"
#include "images/label_array.h"
#include "images/set_layout.h"
#include "tests/fuzz/fuzzed_reader.h"
#include "tests/support/npy.h"
#include "tests/support/npz_batch.h"
#include "tests/support/temporary_folder.h"

namespace assay::fuzz {
namespace {

namespace fs = std::filesystem;
using test::bytes_of;
using test::npy_of;
using test::npy_of_type;
using test::TemporaryFolder;

std::string read_back(const TemporaryFolder& folder, const std::string& name) {
  return files_below(folder.path()).at(name);
}

std::string small_safetensors(const std::string& tensor) {
  SafetensorsWriter writer;
  writer.add(tensor + ".weight", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  writer.add(tensor + ".steps", {2}, std::vector<std::int64_t>{7, 8});
  writer.add(tensor + ".none", {0, 3}, std::vector<float>{});
  writer.add_metadata("class_names", R"(["cat","dog"])");
  const TemporaryFolder folder;
  writer.write(folder / "a.safetensors");
  return read_back(folder, "a.safetensors");
}

/// Every number of a file, through the interface that hides its format.
void read_arrays(const fs::path& path) {
  const ArrayFile file(path);
  for (const std::string& name : file.names()) {
    const auto header = file.header_if_sound(name);
    if (!header) continue;
    static_cast<void>(header->description().size() + static_cast<std::size_t>(header->numel() | header->row_numel()));
    if (header->text) static_cast<void>(file.text(name));
    if (header->type == DType::other) continue;
    static_cast<void>(doubles_of(file.read(name), file.where(name)));
    const ArrayStream stream = file.stream(name);
    std::vector<std::byte> element(size_of(stream.type));
    if (header->numel() == 0) continue;
    stream.read(element);
    stream.rewind();
    stream.read(element);
  }
  static_cast<void>(contents_of(file));
}

/// As a set of images, where the arrays are one.
void read_set(const fs::path& path) {
  const ArrayFile file(path);
  const SetLayout layout = find_layout(file);
  if (layout.images.empty() || !holds_images(path)) return;
  const auto images = open_images(path);
  static_cast<void>(images->read(images->count() - 1));
}

void read_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  for (const auto& [name, tensor] : file.tensors()) {
    static_cast<void>(tensor.numel());
    if (tensor.type == DType::other) continue;
    static_cast<void>(doubles_of(tensor, name));
    file.release(tensor);
  }
  static_cast<void>(conversion_hint(file));
}

std::vector<Files> safetensors_seeds() {
  return {{{"weights.safetensors", small_safetensors("a")}},
          {{"weights.safetensors", test_data("core/reference.safetensors")}}};
}

std::vector<Files> sharded_seeds() {
  return {{{"model.safetensors.index.json",
            R"({"metadata": {"total_size": 80}, "weight_map": {"a.weight": "model-1.safetensors",
"a.steps": "model-1.safetensors", "a.none": "model-1.safetensors", "b.weight": "model-2.safetensors",
"b.steps": "model-2.safetensors", "b.none": "model-2.safetensors"}})"},
           {"model-1.safetensors", small_safetensors("a")},
           {"model-2.safetensors", small_safetensors("b")}}};
}

std::vector<Files> npz_seeds() {
  const TemporaryFolder folder;
  test::write_npz(folder / "set.npz", {{"images", "|u1", {2, 2, 3, 3}, std::string(36, 'p')},
                                       {"labels", "<i8", {2}, bytes_of(std::int64_t{0}) + bytes_of(std::int64_t{1})},
                                       {"class_names", "<U3", {2}, std::string(24, '\0')}});
  return {{{"set.npz", test_data("core/stored.npz")}},
          {{"set.npz", test_data("core/deflated.npz")}},
          {{"set.npz", read_back(folder, "set.npz")}}};
}

std::vector<Files> npy_seeds() {
  std::vector<Files> seeds;
  for (const std::string& content :
       {npy_of_type("<f4", "2, 3", std::string(24, '\0')), npy_of_type(">i8", "3,", std::string(24, '\1')),
        npy_of_type("<U2", "2,", std::string(16, 'a')), npy_of_type("|u1", "1, 2, 2, 3", std::string(12, 'x')),
        npy_of("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2)}", std::string(32, '\0'), 2)})
    seeds.push_back({{"array.npy", content}});
  return seeds;
}

std::vector<Files> label_seeds() {
  return {{{"labels.txt", "# labels\n0\n1\n-3\n2.000000000000000000e+00\n\n"}},
          {{"labels.txt", npy_of_type("<i4", "3,", std::string(12, '\2'))}},
          {{"labels.txt", npy_of_type("|b1", "2, 1", std::string(2, '\1'))}}};
}

}  // namespace

std::vector<FuzzedReader> array_readers() {
  return {
      {"safetensors", "weights.safetensors", safetensors_seeds,
       [](const fs::path& folder) {
         read_safetensors(folder / "weights.safetensors");
         read_arrays(folder / "weights.safetensors");
       }},
      {"sharded", "model.safetensors.index.json", sharded_seeds,
       [](const fs::path& folder) { read_safetensors(folder / "model.safetensors.index.json"); }},
      {"npz", "set.npz", npz_seeds,
       [](const fs::path& folder) {
         read_arrays(folder / "set.npz");
         read_set(folder / "set.npz");
       }},
      {"npy", "array.npy", npy_seeds, [](const fs::path& folder) { read_arrays(folder / "array.npy"); }},
      {"labels", "labels.txt", label_seeds, [](const fs::path& folder) { read_label_file(folder / "labels.txt"); }}};
}

}  // namespace assay::fuzz
