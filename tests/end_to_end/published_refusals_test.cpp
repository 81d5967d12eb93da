// What tier `paper` refuses before it begins.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/end_to_end/program.h"
#include "tests/end_to_end/published_files.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

using test::classifier;
using test::operator+;
using test::TemporaryFolder;
using test::with;
using test::Words;
using ::testing::AllOf;
using ::testing::HasSubstr;

class PublishedRefusals : public test::PublishedFiles {
 protected:
  static std::string refused_setting(const std::string& setting) {
    const TemporaryFolder folder;
    return refused(ed_dpm() + Words{"--store", (folder / "a.db").string(), "--set", setting});
  }
};

TEST_F(PublishedRefusals, AMissingMaskIsNamed) {
  data->file("more.csv", "a,20,24\nb,20,24\nlost,20,24\n");
  const TemporaryFolder folder;
  EXPECT_THAT(refused(self_guided() +
                      Words{"--store", (folder / "a.db").string(), "--set", "conditions.voc64_masks.file=more.csv"}),
              AllOf(HasSubstr("1 of 3 cluster maps are missing"), HasSubstr("lost.png")));
}

TEST_F(PublishedRefusals, WithoutWeightsTheFirstMissingFileIsOneLineThatSaysHowToGetIt) {
  const TemporaryFolder folder;
  const std::string line = refused({"run", "ed_dpm", "--tier", "paper", "--store", (folder / "a.db").string(), "--set",
                                    "files.folder=" + folder.path().string(), "--set", "row=CADM-G+EDS"});
  EXPECT_THAT(line, AllOf(HasSubstr((folder / "256x256_diffusion.safetensors").string()),
                          HasSubstr("256x256_diffusion.pt"), HasSubstr("tools/convert_weights.py")));
  EXPECT_FALSE(std::filesystem::exists(folder / "a.db"));
}

TEST_F(PublishedRefusals, ACheckpointOfAnotherConfigurationIsRefusedBeforeAnythingIsSampled) {
  const TemporaryFolder folder;
  const std::string line = refused(
      ed_dpm() + Words{"--store", (folder / "a.db").string(), "--set", "networks.uncond.file=classifier.safetensors"});
  EXPECT_THAT(line, AllOf(HasSubstr("classifier.safetensors"), HasSubstr("wrong keys"), HasSubstr("looks like")));
  SQLite::Database database((folder / "a.db").string(), SQLite::OPEN_READONLY, 2000);
  EXPECT_EQ(database.execAndGet("SELECT count(*) FROM stage").getInt(), 0);
}

TEST_F(PublishedRefusals, APyTorchCheckpointIsRefusedWithTheCommandThatConvertsIt) {
  const TemporaryFolder folder;
  const std::string checkpoint = std::string(ASSAY_TEST_DATA) + "/checkpoints/zip.pth";
  EXPECT_THAT(
      refused(ed_dpm() + Words{"--store", (folder / "a.db").string(), "--set", "networks.uncond.file=" + checkpoint}),
      HasSubstr("it is a PyTorch checkpoint; `python3 tools/convert_weights.py " + checkpoint));
}

TEST_F(PublishedRefusals, BadSettingsAreOneLineAndNameWhatIsAccepted) {
  for (const auto& [setting, expected] : std::vector<std::pair<std::string, std::string>>{
           {"published.UADM-G.gamma=nan", "published.UADM-G.gamma"},
           {"published.UADM-G.gamma=-1", "published.UADM-G.gamma"},
           {"published.UADM-G.gamma=1e999", "published.UADM-G.gamma"},
           {"published.UADM-G.gamma=Infinity", "published.UADM-G.gamma"},
           {"published.UADM-G.respacing=1001", "1001"},
           {"published.UADM-G.respacing=ddim2000", "1 to 1000"},
           {"sampling.classes=[10]", "class 10 is out of range"},
           {"sampling.classes=[-1]", "sampling.classes"},
           {"networks.classifier.override=" + with(classifier, {{"out_channels", 7}}).dump(), "10 classes"},
           {"networks.classifier.configuration=adm_classifier_255", "did you mean 'adm_classifier_256'?"},
           {"row=CADM-G+EDT", "did you mean 'CADM-G+EDS'?"},
           {R"(rows=["UADM-G","UADM-G"])", "given twice"},
           {R"(protocols=["fd-dinov2"])", "fd-dinov2"},
           {"sampling.sampels=3", "did you mean 'samples'?"}})
    EXPECT_THAT(refused_setting(setting), HasSubstr(expected)) << setting;
  const TemporaryFolder folder;
  EXPECT_THAT(refused(ed_dpm() + Words{"--store", (folder / "a.db").string(), "--dataset", "shapes"}),
              HasSubstr("no data set"));
}

}  // namespace
}  // namespace assay
