#include "diffusion/networks/parameters.h"

#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/error.h"
#include "core/safetensors.h"
#include "tests/diffusion/filled.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using test::normal;
using test::same_bits;
using test::weight;
using ::testing::AllOf;
using ::testing::HasSubstr;

DType file_type(at::ScalarType type) {
  return type == at::kHalf ? DType::f16 : type == at::kBFloat16 ? DType::bf16 : DType::f32;
}

class LoadToPredict : public ::testing::Test {
 protected:
  void add(const std::string& name, const at::Tensor& value) {
    writer_.add(name, file_type(value.scalar_type()), value.sizes().vec(),
                std::span(static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()));
  }
  std::shared_ptr<const SafetensorsFile> written() {
    writer_.write(folder_ / "state.safetensors");
    return std::make_shared<SafetensorsFile>(folder_ / "state.safetensors");
  }
  static void declare(Parameters& parameters, const std::string& prefix = "") {
    parameters.declare({prefix + "a.weight", {2, 3}});
    parameters.declare({prefix + "a.bias", {2}});
  }

 private:
  test::TemporaryFolder folder_;
  SafetensorsWriter writer_;
};

TEST_F(LoadToPredict, KeepsTheTypeOfTheFileAndItsMemory) {
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const at::Tensor matrix = normal({2, 3}, 1).to(type), bias = normal({2}, 2).to(type);
    add("a.weight", matrix);
    add("a.bias", bias);
    std::shared_ptr<const SafetensorsFile> file = written();
    Parameters parameters;
    declare(parameters);
    parameters.load_to_predict(file);
    EXPECT_TRUE(same_bits(weight(parameters, "a.weight"), matrix));
    EXPECT_TRUE(same_bits(weight(parameters, "a.bias"), bias));
    EXPECT_EQ(weight(parameters, "a.weight").const_data_ptr(),
              static_cast<const void*>(file->at("a.weight").data.data()));
    // The values outlive the caller's file.
    file.reset();
    EXPECT_TRUE(same_bits(weight(parameters, "a.weight"), matrix));
  }
}

TEST_F(LoadToPredict, ConvertsWhereAsked) {
  const at::Tensor matrix = normal({2, 3}, 1).to(at::kHalf), bias = normal({2}, 2);
  add("a.weight", matrix);
  add("a.bias", bias);
  Parameters parameters;
  declare(parameters);
  parameters.load_to_predict(written(), {}, at::kFloat);
  EXPECT_TRUE(same_bits(weight(parameters, "a.weight"), matrix.to(at::kFloat)));
  EXPECT_TRUE(same_bits(weight(parameters, "a.bias"), bias));
}

TEST_F(LoadToPredict, SaysWhatIsMixedInAFile) {
  add("a.weight", normal({2, 3}, 1).to(at::kHalf));
  add("a.bias", normal({2}, 2));
  Parameters parameters;
  declare(parameters);
  EXPECT_THAT(message_of<InputError>([&] { parameters.load_to_predict(written()); }),
              AllOf(HasSubstr("state.safetensors: mixed precision"), HasSubstr("F16 (1 tensor, a.weight)"),
                    HasSubstr("F32 (1 tensor, a.bias)")));
}

TEST_F(LoadToPredict, IsStrictAboutKeysShapesAndTypes) {
  add("a.weight", normal({3, 2}, 1));
  add("b", normal({2}, 2));
  Parameters parameters;
  declare(parameters);
  EXPECT_THAT(
      message_of<InputError>([&] { parameters.load_to_predict(written()); }),
      AllOf(HasSubstr("3 wrong keys (1 of another shape or type, 1 missing, 1 unknown)"),
            HasSubstr("a.weight is [3, 2], expected [2, 3]"), HasSubstr("missing a.bias"), HasSubstr("unknown key b")));
}

TEST_F(LoadToPredict, TakesAPartOfAFileForAPartOfANetwork) {
  const at::Tensor matrix = normal({2, 3}, 1), bias = normal({2}, 2);
  add("model.a.weight", matrix);
  add("model.a.bias", bias);
  add("other", normal({2}, 3));
  Parameters parameters;
  declare(parameters, "unet.");
  declare(parameters, "text.");
  const auto file = written();
  parameters.load_to_predict(file, {"model.", "unet."});
  EXPECT_TRUE(same_bits(weight(parameters, "unet.a.bias"), bias));
  EXPECT_FALSE(weight(parameters, "text.a.bias").defined());
  parameters.load_to_predict(file, {"model.", "text."}, at::kBFloat16);
  EXPECT_TRUE(same_bits(weight(parameters, "text.a.bias"), bias.to(at::kBFloat16)));
}

TEST(MaterialiseToPredict, HasTheNumbersOfAnyOtherNetwork) {
  Parameters whole, light;
  for (Parameters* parameters : {&whole, &light}) {
    parameters->declare({"a.weight", {2, 3}, Initial::uniform_fan_in, 3});
    parameters->declare({"a.bias", {2}, Initial::normal});
  }
  whole.materialise(5);
  light.materialise_to_predict(5, at::kBFloat16);
  for (const char* name : {"a.weight", "a.bias"})
    EXPECT_TRUE(same_bits(weight(light, name), weight(whole, name).to(at::kBFloat16)));
}

}  // namespace
}  // namespace assay
