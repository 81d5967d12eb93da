#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/safetensors.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "images/png.h"
#include "kernels/host_tensor.h"
#include "reproductions/class_tokens/algorithm/token_file.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/end_to_end/program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::Outcome;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Draw : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    save_text_to_image(*test::small_text_to_image(), *folder_ / "model");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Outcome draw(const std::string& out, std::vector<std::string> more, const std::string& model = "model") {
    std::vector<std::string> arguments = {"draw", "--model", (*folder_ / model).string(), "--steps",
                                          "2",    "--out",   (*folder_ / out).string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_program(ASSAY_BINARY, arguments);
  }
  static std::string refusal(std::vector<std::string> more, const std::string& model = "model") {
    const Outcome outcome = draw("refused.png", std::move(more), model);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(*folder_ / "refused.png"));
    return outcome.err;
  }
  static Image picture(const std::string& name) { return decode_png(read_file(*folder_ / name), name); }

  static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> Draw::folder_;

TEST_F(Draw, WritesARowOfImagesForEachPrompt) {
  const Outcome outcome =
      draw("grid.png", {"--prompt", "a red cat", "--prompt", "a bat", "--count", "3", "--scale", "2", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto said = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(said.at("image"), (nlohmann::json{4, 4}));
  EXPECT_EQ(said.at("weight"), 3.0);
  const Image grid = picture("grid.png");
  EXPECT_EQ(grid.width, 3 * 8 + 2 * 2);  // tiles of 2 x 4 pixels, 2 between them
  EXPECT_EQ(grid.height, 2 * 8 + 2);
}

TEST_F(Draw, DrawsAnImageWhateverIsDrawnBesideIt) {
  ASSERT_EQ(draw("many.png", {"--prompt", "a bat", "--prompt", "a red cat", "--count", "3", "--scale", "1"}).exit_code,
            0);
  ASSERT_EQ(draw("one.png", {"--prompt", "a red cat", "--count", "1", "--scale", "1"}).exit_code, 0);
  const Image many = picture("many.png"), one = picture("one.png");
  for (int y = 0; y < 4; ++y)
    for (int i = 0; i < 4 * 3; ++i)
      EXPECT_EQ(many.pixels[static_cast<std::size_t>((y + 6) * many.width * 3 + i)],
                one.pixels[static_cast<std::size_t>(y * one.width * 3 + i)]);
}

TEST_F(Draw, KnowsALearnedWordAndNoOneElses) {
  const auto model = test::small_text_to_image();
  class_tokens::TokenFile token;
  token.row = model->token_row(model->tokenizer().pieces("red")[1]).detach();
  token.token = "newclas";
  token.initial_word = "red";
  token.mode = "fixed";
  token.encoder = model->text_identity();
  class_tokens::write_token(*folder_ / "token.safetensors", token);
  const std::vector<std::string> with = {"--token", (*folder_ / "token.safetensors").string()};
  std::vector<std::string> prompt = {"--prompt", "a newclas cat"};
  prompt.insert(prompt.end(), with.begin(), with.end());
  ASSERT_EQ(draw("token.png", prompt).exit_code, 0);
  ASSERT_EQ(draw("word.png", {"--prompt", "a red cat"}).exit_code, 0);
  EXPECT_EQ(picture("token.png").pixels, picture("word.png").pixels);
  prompt[1] = "a red cat";
  EXPECT_THAT(draw("without.png", prompt).err, HasSubstr("no prompt has the word of the token, 'newclas'"));
  token.encoder = "another";
  class_tokens::write_token(*folder_ / "token.safetensors", token);
  EXPECT_THAT(refusal(prompt), HasSubstr("learned for another text encoder"));
}

TEST_F(Draw, SaysWhatOfAPromptIsCut) {
  // Eight words between the two ends, then as many again and some.
  const Outcome outcome =
      draw("long.png", {"--prompt", "a red cat a red cat a red bat a red cat a red cat a red cat a red cat"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(
      outcome.err,
      HasSubstr("assay: prompt 'a red cat a red cat a red bat a red cat ...': the model takes 10 tokens and does "
                "not see the last 13, from 'bat a red cat a red cat a red cat a red ...' on\n"));
}

TEST_F(Draw, RefusesWhereItCannotWriteBeforeItDraws) {
  std::filesystem::create_directory(*folder_ / "taken");
  for (const char* place : {"taken", "taken/"}) {
    const Outcome outcome = draw(place, {"--prompt", "a"}, "nowhere");
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("is no name of a file"));
  }
}

/// Copies the model, with the UNet's weights of these types, the first of them the first tensor's alone.
void copy_with_types(const std::filesystem::path& model, const std::filesystem::path& copy, at::ScalarType first,
                     at::ScalarType others) {
  std::filesystem::copy(model, copy, std::filesystem::copy_options::recursive);
  const auto file = copy / "unet" / "diffusion_pytorch_model.safetensors";
  SafetensorsWriter writer;
  {
    const SafetensorsFile read(file);
    bool begun = false;
    for (const auto& [name, view] : read.tensors()) {
      const at::ScalarType type = begun ? others : first;
      begun = true;
      const at::Tensor value = tensor_of(read, name).to(type).contiguous();
      writer.add(name, type == at::kHalf ? DType::f16 : DType::f32, view.shape,
                 {static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()});
    }
  }
  writer.write(file);
}

TEST_F(Draw, KeepsWeightsAsTheFilesHaveThemAndComputesInFloat32) {
  copy_with_types(*folder_ / "model", *folder_ / "f16", at::kHalf, at::kHalf);
  const Outcome kept = draw("kept.png", {"--prompt", "a bat", "--device", "cpu", "--json"}, "f16");
  ASSERT_EQ(kept.exit_code, 0) << kept.err;
  const auto said = nlohmann::json::parse(kept.out);
  EXPECT_EQ(said.at("weights"), (nlohmann::json{{"unet", "float16"}, {"text_encoder", "float32"}}));
  EXPECT_EQ(said.at("computes_in"), (nlohmann::json{{"unet", "float32"}, {"text_encoder", "float32"}}));
  ASSERT_EQ(draw("widened.png", {"--prompt", "a bat", "--device", "cpu", "--dtype", "f32"}, "f16").exit_code, 0);
  EXPECT_EQ(picture("kept.png").pixels, picture("widened.png").pixels);
}

TEST_F(Draw, TakesOneTypeAFileOrConvertsWhereItIsTold) {
  copy_with_types(*folder_ / "model", *folder_ / "mixed", at::kHalf, at::kFloat);
  EXPECT_THAT(refusal({"--prompt", "a", "--device", "cpu"}, "mixed"),
              AllOf(HasSubstr("unet/diffusion_pytorch_model.safetensors: mixed precision: F16 (1 tensor"),
                    HasSubstr("accepted: one type")));
  EXPECT_EQ(draw("told.png", {"--prompt", "a", "--dtype", "f32"}, "mixed").exit_code, 0);
}

TEST_F(Draw, LeavesNoFolderBehindThatItMadeForNothing) {
  const Outcome outcome = draw("new/deep/grid.png", {"--prompt", "a"}, "nowhere");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(*folder_ / "new"));
  EXPECT_EQ(draw("new/deep/grid.png", {"--prompt", "a"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(*folder_ / "new/deep/grid.png"));
}

TEST_F(Draw, RefusesAModelWhoseImagesAreNoNumbers) {
  const auto model = test::small_text_to_image(true);
  const auto spoil = [](const Parameters& parameters, const std::string& name) {
    for (const Parameter& parameter : parameters.all())
      if (parameter.name == name) parameter.value.data().fill_(std::nan(""));
  };
  spoil(model->vae_parameters(), "decoder.conv_out.bias");
  save_text_to_image(*model, *folder_ / "decoder");
  EXPECT_THAT(refusal({"--prompt", "a"}, "decoder"), HasSubstr("not a finite number after decoding"));
  spoil(model->parameters(), "text_encoder.text_model.final_layer_norm.bias");
  save_text_to_image(*model, *folder_ / "text");
  EXPECT_THAT(refusal({"--prompt", "a"}, "text"), HasSubstr("not a finite number after step 1"));
}

TEST_F(Draw, RefusesInOneLineThatSaysWhatIsAccepted) {
  EXPECT_THAT(refusal({"--prompt", "a"}, "nowhere"), AllOf(HasSubstr("nowhere'"), HasSubstr("accepted: a folder")));
  EXPECT_THAT(refusal({"--prompt", "a", "--scheduler", "heun"}), AllOf(HasSubstr("'heun'"), HasSubstr("euler")));
  EXPECT_THAT(refusal({"--prompt", "a", "--dtype", "fp16"}), AllOf(HasSubstr("'fp16'"), HasSubstr("bf16")));
  EXPECT_THAT(refusal({"--prompt", "a", "--count", "0"}), HasSubstr("--count"));
  for (const char* seed : {"-1", "18446744073709551616", "1.5"})
    EXPECT_THAT(refusal({"--prompt", "a", "--seed", seed}), AllOf(HasSubstr("--seed"), HasSubstr("from 0 to"))) << seed;
  EXPECT_THAT(refusal({"--prompt", "a", "--negative", "\xff"}), HasSubstr("negative prompt: byte 0 is not UTF-8"));
  EXPECT_THAT(refusal({}), HasSubstr("--prompt"));
  const Outcome photograph = draw("refused.jpg", {"--prompt", "a"});
  EXPECT_EQ(photograph.exit_code, 2);
  EXPECT_THAT(photograph.err, AllOf(HasSubstr("ends in .jpg"), HasSubstr("accepted: a PNG")));
}

}  // namespace
}  // namespace assay
