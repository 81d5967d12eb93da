#include "diffusion/networks/sd/pipeline_folder.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/file.h"
#include "tests/diffusion/text/clip_files.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using nlohmann::json;
using test::message_of;
using test::TemporaryFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A folder whose weights are empty files: reading opens none of them.
class Hub : public TemporaryFolder {
 public:
  Hub() {
    for (const char* part : {"unet", "vae", "text_encoder", "tokenizer", "scheduler"})
      std::filesystem::create_directory(*this / part);
    write("model_index.json", {{"_class_name", "StableDiffusionPipeline"},
                               {"_diffusers_version", "0.42.1"},
                               {"unet", {"diffusers", "UNet2DConditionModel"}},
                               {"vae", {"diffusers", "AutoencoderKL"}},
                               {"text_encoder", {"transformers", "CLIPTextModel"}},
                               {"tokenizer", {"transformers", "CLIPTokenizer"}},
                               {"scheduler", {"diffusers", "DDIMScheduler"}},
                               {"safety_checker", {"stable_diffusion", "StableDiffusionSafetyChecker"}},
                               {"feature_extractor", {nullptr, nullptr}}});
    write("unet/config.json", {{"block_out_channels", {32}},
                               {"down_block_types", {"CrossAttnDownBlock2D"}},
                               {"up_block_types", {"CrossAttnUpBlock2D"}},
                               {"cross_attention_dim", 16}});
    write("vae/config.json", {{"latent_channels", 4}, {"norm_num_groups", 8}});
    write("text_encoder/config.json", {{"vocab_size", 516},
                                       {"hidden_size", 16},
                                       {"intermediate_size", 32},
                                       {"num_hidden_layers", 1},
                                       {"num_attention_heads", 2},
                                       {"max_position_embeddings", 16}});
    file("scheduler/scheduler_config.json", R"({"_class_name": "DDIMScheduler", "lambda_min_clipped": -Infinity})");
    file("unet/diffusion_pytorch_model.safetensors", "");
    file("vae/diffusion_pytorch_model.safetensors", "");
    file("text_encoder/model.safetensors", "");
    const TemporaryFolder words;
    test::write_clip_folder(words, {"c a"});
    std::filesystem::copy(words.path(), *this / "tokenizer", std::filesystem::copy_options::recursive);
  }
  void write(const char* name, const json& value) const { file(name, value.dump()); }
  void change(const char* name, const json& patch) const {
    json value = json::parse(read_file(*this / name));
    value.update(patch);
    write(name, value);
  }
  std::string fault(const std::string& variant = "") const {
    return message_of<InputError>([&] { read_pipeline_folder(path(), variant); });
  }
};

TEST(PipelineFolder, SaysWhereWeightsAreAndWhatConfigurationsSay) {
  const Hub hub;
  const PipelineFolder folder = read_pipeline_folder(hub.path());
  EXPECT_EQ(folder.unet_weights, hub / "unet/diffusion_pytorch_model.safetensors");
  EXPECT_EQ(folder.text_weights, hub / "text_encoder/model.safetensors");
  EXPECT_EQ(folder.text.hidden_size, 16);
  EXPECT_EQ(folder.unet.block_out_channels, std::vector<std::int64_t>{32});
  EXPECT_EQ(folder.tokenizer.length(), 16);
  EXPECT_EQ(folder.scheduler.at("_class_name"), "DDIMScheduler");
}

TEST(PipelineFolder, TakesTheVariantThatIsAskedForOrThere) {
  const Hub hub;
  hub.file("unet/diffusion_pytorch_model.fp16.safetensors", "");
  EXPECT_EQ(find_weights(hub / "unet", "diffusion_pytorch_model").filename(), "diffusion_pytorch_model.safetensors");
  EXPECT_EQ(find_weights(hub / "unet", "diffusion_pytorch_model", "fp16").filename(),
            "diffusion_pytorch_model.fp16.safetensors");
  std::filesystem::remove(hub / "unet/diffusion_pytorch_model.safetensors");
  EXPECT_EQ(find_weights(hub / "unet", "diffusion_pytorch_model").filename(),
            "diffusion_pytorch_model.fp16.safetensors");
  EXPECT_THAT(hub.fault("bf16"),
              AllOf(HasSubstr("no diffusion_pytorch_model.bf16.safetensors"), HasSubstr("fp16.safetensors")));
  hub.file("vae/diffusion_pytorch_model.safetensors.index.json", "");
  std::filesystem::remove(hub / "vae/diffusion_pytorch_model.safetensors");
  EXPECT_EQ(read_pipeline_folder(hub.path()).vae_weights.filename(), "diffusion_pytorch_model.safetensors.index.json");
}

TEST(PipelineFolder, PicklesNameTheConverter) {
  const Hub hub;
  std::filesystem::rename(hub / "unet/diffusion_pytorch_model.safetensors", hub / "unet/diffusion_pytorch_model.bin");
  EXPECT_THAT(hub.fault(), AllOf(HasSubstr("diffusion_pytorch_model.bin"),
                                 HasSubstr("tools/convert_weights.py " + hub.path().string())));
  const TemporaryFolder checkpoint;
  checkpoint.file("v1-5.ckpt", "");
  EXPECT_THAT(message_of<InputError>([&] { read_pipeline_folder(checkpoint.path()); }),
              AllOf(HasSubstr("v1-5.ckpt"), HasSubstr("tools/convert_weights.py --vocabulary PATH")));
}

TEST(PipelineFolder, RefusesOtherPipelinesAndPartsByName) {
  const Hub hub;
  const auto with = [&](const json& patch) {
    const Hub other;
    other.change("model_index.json", patch);
    return other.fault();
  };
  EXPECT_THAT(with({{"_class_name", "StableDiffusionXLPipeline"}}),
              HasSubstr("\"StableDiffusionXLPipeline\" is not built"));
  EXPECT_THAT(with({{"text_encoder", {"transformers", "T5EncoderModel"}}}), HasSubstr("T5EncoderModel"));
  EXPECT_THAT(with({{"text_encoder_2", {"transformers", "CLIPTextModel"}}}), HasSubstr("text_encoder_2"));
  std::filesystem::remove(hub / "vae/config.json");
  EXPECT_THAT(hub.fault(), HasSubstr("vae/config.json: no such file"));
}

TEST(PipelineFolder, RefusesPartsThatDoNotFitEachOther) {
  const auto with = [&](const char* name, const json& patch) {
    const Hub other;
    other.change(name, patch);
    return other.fault();
  };
  EXPECT_THAT(with("unet/config.json", {{"cross_attention_dim", 24}}),
              AllOf(HasSubstr("unet.cross_attention_dim: 24"), HasSubstr("width of 16 (hidden_size)")));
  EXPECT_THAT(with("vae/config.json", {{"latent_channels", 8}}), HasSubstr("latents have 8"));
  EXPECT_THAT(with("text_encoder/config.json", {{"vocab_size", 500}}), HasSubstr("vocab_size: 500"));
  EXPECT_THAT(with("tokenizer/tokenizer_config.json", {{"model_max_length", 77}}), HasSubstr("have 77 tokens"));
}

}  // namespace
}  // namespace assay
