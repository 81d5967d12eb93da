#include "reproductions/diffusion_seg/paper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "diffusion/networks/sd/text_to_image_folder.h"
#include "images/png.h"
#include "metrics/features/vision_transformer.h"
#include "reproductions/tiers.h"
#include "tests/diffusion/small_text_to_image.h"
#include "tests/reproductions/memory_run.h"
#include "tests/support/random_weights.h"
#include "tests/support/throws.h"

namespace assay::diffusion_seg::paper {
namespace {

using test::MemoryRun;
using test::message_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

/// Tier `paper` with small networks of random weights in the place of the published ones, and small sets.
class DiffusionSegPaper : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<test::TemporaryFolder>();
    save_text_to_image(*test::small_text_to_image(true), *folder_ / "model");
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
    for (const WeightShape& weight :
         VisionTransformer::state({.img_size = 32, .patch_size = 8, .embed_dim = 64, .depth = 2, .num_heads = 1}))
      shapes.emplace_back(weight.name, weight.shape);
    test::write_random_weights(*folder_ / "vit.safetensors", shapes);
    write("words.txt", "cat\nblue bat\n");
    for (int i = 0; i < 5; ++i) {
      Image photograph(40 + 3 * i, 32, 3, 30), mask(40 + 3 * i, 32, 1);
      for (int y = 4; y < 20; ++y)
        for (int x = 8 + i; x < 30; ++x) {
          photograph.at(x, y)[0] = 220;
          mask.at(x, y)[0] = 255;
        }
      write("DUTS/DUTS-TE-Image/" + std::to_string(i) + ".png", encode_png(photograph));
      write("DUTS/DUTS-TE-Mask/" + std::to_string(i) + ".png", encode_png(mask));
      write("VOC/JPEGImages/" + std::to_string(i) + ".jpg", encode_png(photograph));
      write("VOC/Annotations/" + std::to_string(i) + ".xml",
            "<annotation><object><name>a</name><bndbox><xmin>9</xmin><ymin>5</ymin><xmax>30</xmax><ymax>20</ymax>"
            "</bndbox></object></annotation>");
    }
    write("VOC/ImageSets/Main/trainval.txt", "0\n1\n2\n3\n4\n");
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static void write(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((*folder_ / file).parent_path());
    write_file_atomically(*folder_ / file, text);
  }

  static nlohmann::json config(const std::vector<std::string>& settings) {
    nlohmann::json all = method_preset("diffusion_seg", Tier::paper);
    const auto place = [](const char* name) { return (*folder_ / name).string(); };
    all["models"]["sd14"]["unet"] = test::small_unet(4);
    all["models"]["sd14"]["vae"] = test::small_vae();
    all["models"]["sd14"]["side"] = 8;
    std::vector<std::string> given = {"files.folder=" + folder_->path().string(),
                                      "models.sd14.weights=model",
                                      "words.imagenet.file=words.txt",
                                      "transformers.dino_vits16.file=vit.safetensors",
                                      "sets.duts_te.folder=" + place("DUTS"),
                                      "sets.voc07.folder=" + place("VOC"),
                                      R"(rows=["duts_te","voc07"])",
                                      "synthesis.template=a {}",
                                      "synthesis.steps=2",
                                      "synthesis.pairs=4",
                                      "attention.cross_side=4",
                                      "attention.self_side=4",
                                      "attention.end_step=2",
                                      "cut.energy.area_least=0",
                                      "cut.energy.area_most=1",
                                      "inversion.steps=4",
                                      "inversion.prediction=1",
                                      R"(inversion.blocks=["up_blocks.0","up_blocks.1"])",
                                      "decoder.network.width=8",
                                      "decoder.network.groups=2",
                                      "decoder.network.side=4",
                                      "decoder.train.steps=3",
                                      "decoder.train.batch=2",
                                      "decoder.pairs=4",
                                      "shard=3",
                                      "bootstrap=20"};
    given.insert(given.end(), settings.begin(), settings.end());
    for (const std::string& setting : given) set_key(all, setting);
    return all;
  }
  static void draw(MemoryRun& run, const std::vector<std::string>& settings) {
    make_method(config(settings))->run(run);
  }
  /// What is said before anything is drawn.
  static std::string refusal(const std::vector<std::string>& settings) {
    MemoryRun run(any_dataset);
    const std::string said = message_of<InputError>([&] { draw(run, settings); });
    EXPECT_TRUE(run.stages.empty());
    return said;
  }
  static std::string fault(const std::vector<std::string>& settings) {
    return message_of<InputError>([&] { make_method(config(settings)); });
  }

  /// The tier reads none, a MemoryRun has one.
  inline static const nlohmann::json any_dataset = {{"dataset", {{"name", "shapes"}, {"count", 2}}}};
  static std::unique_ptr<test::TemporaryFolder> folder_;
};
std::unique_ptr<test::TemporaryFolder> DiffusionSegPaper::folder_;

TEST_F(DiffusionSegPaper, DrawsLearnsAndFindsInPhotographs) {
  MemoryRun run(any_dataset);
  draw(run, {});
  for (const char* stage : {"synthesis", "features:00000000", "features:00000003", "train:decoder",
                            "maps:duts_te:inversion:000003", "paired:duts_te", "paired:voc07"})
    EXPECT_TRUE(run.stages.contains(stage)) << stage;
  for (const std::string name_of_arm : {"inversion", "tokencut", "lost"}) {
    const std::string arm = name_of_arm + " (altered)";
    for (const char* name : {"iou", "accuracy", "boundary_f"}) {
      const Score& score = run.score("score:duts_te:" + name_of_arm, arm, name, {{"set", "duts_te"}});
      EXPECT_EQ(score.n, 5);
      EXPECT_TRUE(score.value >= 0 && score.value <= 1) << arm << " " << name << " " << score.value;
    }
    EXPECT_EQ(run.score("score:voc07:" + name_of_arm, arm, "corloc").n, 5);
    EXPECT_TRUE(std::filesystem::exists(run.artifact_folder() / "maps/duts_te" / name_of_arm / "4.png"));
  }
  EXPECT_EQ(run.stages.at("synthesis").artifacts.at(0).kind, "pairs");
  EXPECT_THAT(run.stages.at("paired:voc07").notes, Contains(HasSubstr("/decoder/train/steps is not as in the tier")));
}

TEST_F(DiffusionSegPaper, LearnsTheSameFromFeaturesThatAreWorkedOutAgain) {
  // Those in files are rounded to float16.
  std::vector<double> iou;
  for (const char* place : {"features=files", "features=computed"}) {
    MemoryRun run(any_dataset);
    draw(run, {place, "row=duts_te"});
    EXPECT_EQ(run.stages.contains("features:00000000"), std::string(place) == "features=files");
    iou.push_back(
        run.score("score:duts_te:inversion", "inversion (altered)", "max_f", {{"set", "duts_te"}, {"map", "hard"}})
            .value);
  }
  EXPECT_NEAR(iou[0], iou[1], 0.05);
}

TEST_F(DiffusionSegPaper, RefusesBeforeItDraws) {
  EXPECT_THAT(refusal({"synthesis.template=a {}s"}), HasSubstr("cut into other tokens here than alone"));
  EXPECT_THAT(refusal({"synthesis.scheduler=dim"}), HasSubstr("dim"));
  EXPECT_THAT(refusal({"attention.self_side=5"}), HasSubstr("no layer has 5 rows"));
  EXPECT_THAT(refusal({"words.imagenet.file=none.txt"}), HasSubstr("none.txt"));
  EXPECT_THAT(refusal({"transformers.dino_vits16.file=words.txt"}), HasSubstr("words.txt"));
  EXPECT_THAT(refusal({"sets.voc07.folder=/nonexistent"}), HasSubstr("/nonexistent"));
  EXPECT_THAT(refusal({"models.sd14.weights=VOC"}), HasSubstr("model_index.json"));
}

TEST_F(DiffusionSegPaper, RefusesWhatIsNoConfiguration) {
  EXPECT_THAT(fault({"model=sd15"}), HasSubstr("model: unknown model 'sd15'"));
  EXPECT_THAT(fault({"row=ecsd"}), AllOf(HasSubstr("row: unknown row 'ecsd'"), HasSubstr("ecssd")));
  EXPECT_THAT(fault({"synthesis.words=coco"}), HasSubstr("imagenet"));
  EXPECT_THAT(fault({"synthesis.guidance=0"}), HasSubstr("synthesis.guidance: 0 draws the empty prompt"));
  EXPECT_THAT(fault({"synthesis.template=photo"}), HasSubstr("no place for the words"));
  EXPECT_THAT(fault({"decoder.pairs=5"}), HasSubstr("decoder.pairs: 5; accepted: at most synthesis.pairs, the 4"));
  EXPECT_THAT(fault({"decoder.fewer_pairs=[1]"}), HasSubstr("decoder.fewer_pairs"));
  EXPECT_THAT(fault({"features=memory"}), HasSubstr("known: files, computed"));
  EXPECT_THAT(fault({R"(inversion.blocks=["up_blocks.3"])"}), HasSubstr("up_blocks.3"));
  EXPECT_THAT(fault({"published.ecssd.set=other"}), HasSubstr("published.ecssd.set: unknown set 'other'"));
  EXPECT_THAT(fault({"on=1"}), HasSubstr("unknown key 'on'"));
}

TEST_F(DiffusionSegPaper, NamesWhatIsMissingAndWhereToGetIt) {
  const auto needs = make_method(method_preset("diffusion_seg", Tier::paper))->needs();
  // One model, one list, one transformer, six sets.
  EXPECT_EQ(needs.size(), 9U);
  EXPECT_THAT(needs, Contains(AllOf(HasSubstr("photographs `ecssd`: no folder "), HasSubstr("data/ECSSD"))));
  EXPECT_THAT(needs, Contains(AllOf(HasSubstr("stable-diffusion-v1-4"), HasSubstr("CompVis/stable-diffusion-v1-4"))));
  EXPECT_THAT(needs, Contains(HasSubstr("convert_weights.py dino_deitsmall16_pretrain.pth")));
  EXPECT_TRUE(make_method(config({}))->needs().empty());
}

TEST_F(DiffusionSegPaper, PlansTheDecoderOfOurNotesOnTheModelOfThePaper) {
  const auto method = make_method(method_preset("diffusion_seg", Tier::paper));
  EXPECT_THAT(method->describe(), Contains(HasSubstr("a decoder of 583681 weights")));
  const auto plan = method->published_plan(at::kCPU);
  ASSERT_EQ(plan->rows.size(), 6U);
  const PlannedRow &first = plan->rows[0], &second = plan->rows[1];
  EXPECT_EQ(first.images, 1000);
  EXPECT_TRUE(first.departures.empty());
  EXPECT_FALSE(first.unknown.empty());
  // 50,000 pairs are made once. A pair takes 100 evaluations of the UNet to draw, at two prompts a step, and 11 to
  // invert as far as to the features.
  EXPECT_EQ(second.training_flops, 0);
  EXPECT_GT(first.training_flops, 50000.0 * 111 * first.networks[0].cost.flops);
  EXPECT_LT(first.training_flops, 50000.0 * 121 * first.networks[0].cost.flops);
  // 1280 channels at 32 x 32, 640 and 320 at 64 x 64, two bytes each.
  EXPECT_EQ(first.settings.at("feature_bytes"), 50000LL * 2 * (1280 * 1024 + 960 * 4096));
}

}  // namespace
}  // namespace assay::diffusion_seg::paper
