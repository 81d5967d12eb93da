#include "kernels/host_tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "core/error.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::indices;
using test::same_bits;
using test::values;

TEST(HostTensor, HoldsTheValuesInTheirOrderAndOwnsThem) {
  std::vector<std::int64_t> ids = {7, -3, std::int64_t{1} << 40};
  const at::Tensor tensor = host_tensor(ids);
  ids.assign(3, 0);
  EXPECT_TRUE(same_bits(tensor, indices({7, -3, std::int64_t{1} << 40})));
  EXPECT_TRUE(same_bits(host_tensor(std::vector<float>{0.5f, -1}), values({0.5f, -1})));
  const at::Tensor wide = host_tensor(std::vector<double>{0.1});
  EXPECT_EQ(wide.scalar_type(), at::kDouble);
  EXPECT_EQ(wide.item<double>(), 0.1);
}

TEST(HostTensor, OfNothingHasNoElements) {
  EXPECT_THAT(host_tensor(std::vector<std::int64_t>{}).sizes(), ::testing::ElementsAre(0));
}

TEST(TensorOf, HasTheShapeAndTypeOfTheFilesTensorAndOutlivesTheFile) {
  const auto file = std::filesystem::path(::testing::TempDir()) / "tensor_of.safetensors";
  const std::vector<std::int64_t> ids = {1, 2, 3, 4, 5, 6};
  const std::vector<float> numbers = {0.25f, -2};
  const std::vector<std::uint8_t> bytes = {0, 255};
  const std::vector<std::uint16_t> halves = {0};
  SafetensorsWriter writer;
  writer.add("ids", {2, 3}, ids);
  writer.add("numbers", {2}, numbers);
  writer.add("bytes", DType::u8, {2, 1}, std::as_bytes(std::span(bytes)));
  writer.add("halves", DType::f16, {1}, std::as_bytes(std::span(halves)));
  writer.write(file);
  const auto read = [&](const char* name) { return tensor_of(SafetensorsFile(file), name); };
  EXPECT_TRUE(same_bits(read("ids"), indices(ids).view({2, 3})));
  EXPECT_TRUE(same_bits(read("numbers"), values(numbers)));
  EXPECT_TRUE(same_bits(read("bytes"), indices({0, 255}).to(at::kByte).view({2, 1})));
  EXPECT_THROW(read("halves"), InputError);
  EXPECT_THROW(read("absent"), InputError);
}

TEST(RowsOf, AreTakenInTheOrderAskedForAndMoreThanOnce) {
  const at::Tensor rows = values({0, 1, 2, 3, 4, 5}, {3, 2});
  EXPECT_TRUE(same_bits(rows_of(rows, std::vector<std::int64_t>{2, 0, 2}), values({4, 5, 0, 1, 4, 5}, {3, 2})));
  EXPECT_ANY_THROW(rows_of(rows, std::vector<std::int64_t>{3}));
}

}  // namespace
}  // namespace assay
