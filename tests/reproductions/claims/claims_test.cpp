#include "reproductions/claims/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "reproductions/claims/paper_tables.h"
#include "reproductions/claims/placeholders.h"
#include "reproductions/method_entry.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const nlohmann::json config = {{"clusters", {4, 8}}, {"sample", {{"weight", 2.0}, {"name", "sgdm"}}}};

/// The files of that name in the folders of the methods.
std::vector<std::filesystem::path> method_files(const std::string& name) {
  std::vector<std::filesystem::path> files;
  for (const auto& folder :
       std::filesystem::directory_iterator(std::filesystem::path(ASSAY_SOURCE_DIR) / "reproductions"))
    if (std::filesystem::exists(folder.path() / name)) files.push_back(folder.path() / name);
  return files;
}

TEST(Placeholders, BecomeNumbersWhereTheyStandAloneAndWordsInText) {
  Placeholders values;
  EXPECT_EQ(add_placeholders({{"K", "/clusters/1"}, {"w", "/sample/weight"}}, config, values), "");
  EXPECT_EQ(fill({{"arm", "self_label_k{K}"}, {"params", {{"w", "{w}"}, {"K", "{K}"}, {"n", 3}}}}, values),
            (nlohmann::json{{"arm", "self_label_k8"}, {"params", {{"w", 2.0}, {"K", 8}, {"n", 3}}}}));
  EXPECT_EQ(fill_text("K = {K} at w = {w}.", values), "K = 8 at w = 2.");
  EXPECT_EQ(fill_text("{K}{K}", values), "88");
  EXPECT_EQ(fill("{K}{w}", values), "82");
}

TEST(Placeholders, NameWhatTheConfigurationLacks) {
  Placeholders values;
  EXPECT_EQ(add_placeholders({{"K", "/clusters/2"}}, config, values), "/clusters/2");
  EXPECT_THAT(message_of<InputError>([&] {
                add_placeholders({{"K", "clusters"}}, config, values);
              }),
              HasSubstr("where.K"));
  values["weight"] = 2;
  EXPECT_THAT(message_of<InputError>([&] { fill_text("w = {wieght}", values); }), HasSubstr("did you mean 'weight'?"));
}

const char* const one_claim = R"([{"id": "C.k{K}", "statement": "K = {K}", "origin": "Table 1", "tiers": ["mini"],
  "each": {"K": "/clusters"}, "where": {"w": "/sample/weight"},
  "quantity": {"score": "fd", "protocol": "fd-small", "arm": "a{K}", "params": {"w": "{w}"},
               "minus": {"arm": "b"}, "exact": true},
  "rule": {"within": [-1, 2.5]}, "note": "n"}])";

TEST(Claims, AreOneAnElementOfEach) {
  const auto templates = read_claims(one_claim, "claims.json");
  const auto claims = claims_in(templates, Tier::mini, config);
  ASSERT_THAT(claims, SizeIs(2));
  EXPECT_EQ(claims[1].id, "C.k8");
  EXPECT_EQ(claims[1].statement, "K = 8");
  EXPECT_EQ(claims[1].quantity.of.arm, "a8");
  EXPECT_EQ(claims[1].quantity.of.params, (nlohmann::json{{"w", 2}}));
  EXPECT_EQ(claims[1].quantity.minus->arm, "b");
  EXPECT_TRUE(claims[1].quantity.exact);
  EXPECT_EQ(claims[1].rule.kind, ClaimRule::Kind::within);
  EXPECT_EQ(claims[1].rule.bound, -1);
  EXPECT_EQ(claims[1].rule.upper, 2.5);
  EXPECT_EQ(claims[1].absent, "");
}

TEST(Claims, AreMadeInTheirTiersAlone) {
  EXPECT_THAT(claims_in(read_claims(one_claim, "claims.json"), Tier::smoke, config), IsEmpty());
}

TEST(Claims, ThatTheConfigurationSaysNothingOfAreKeptAndNameIt) {
  nlohmann::json other = config;
  other["sample"].erase("weight");
  const auto claims = claims_in(read_claims(one_claim, "claims.json"), Tier::mini, other);
  ASSERT_THAT(claims, SizeIs(1));
  EXPECT_EQ(claims[0].absent, "/sample/weight");
  EXPECT_EQ(claims[0].id, "C.k{K}");
}

TEST(Claims, KnowEveryRule) {
  const auto rule = [](const std::string& text) {
    nlohmann::json file = nlohmann::json::parse(one_claim);
    file[0]["rule"] = nlohmann::json::parse(text);
    return claims_in(read_claims(file.dump(), "claims.json"), Tier::mini, config)[0].rule;
  };
  EXPECT_EQ(in_words(rule(R"({"below": 0})")), "below 0");
  EXPECT_EQ(in_words(rule(R"({"above": 0.9})")), "above 0.9");
  EXPECT_EQ(in_words(rule(R"({"at_least": -0.02})")), "at least -0.02");
  EXPECT_EQ(in_words(rule(R"({"at_most": 1e-6})")), "at most 1e-06");
  EXPECT_EQ(in_words(rule(R"({"within": [0.85, 1.15]})")), "within [0.85, 1.15]");
  EXPECT_EQ(in_words(rule(R"({"report": true})")), "reported without a threshold");
}

/// What reading the claim above says with the value at `pointer` changed, or taken away where it is null.
std::string refused(const std::string& pointer, const nlohmann::json& value) {
  const nlohmann::json::json_pointer place(pointer);
  nlohmann::json file = nlohmann::json::parse(one_claim);
  if (value.is_null())
    file[place.parent_pointer()].erase(place.back());
  else
    file[place] = value;
  return message_of<InputError>([&] { read_claims(file.dump(), "claims.json"); });
}

TEST(Claims, RefuseWhatIsMissingUnknownOrNoRule) {
  for (const char* key : {"/0/statement", "/0/origin", "/0/quantity/score", "/0/quantity/protocol", "/0/quantity/arm",
                          "/0/quantity/minus/arm"})
    EXPECT_THAT(refused(key, nullptr), AllOf(HasSubstr("C.k{K}"), HasSubstr("missing"))) << key;
  EXPECT_THAT(refused("/0/id", nullptr), HasSubstr("claims.json[0].id"));
  EXPECT_THAT(refused("/0/quantity/protocl", "x"), HasSubstr("did you mean 'protocol'?"));
  EXPECT_THAT(refused("/0/rule/under", 3), HasSubstr("expected one of below"));
  EXPECT_THAT(refused("/0/rule", {{"under", 3}}), HasSubstr("unknown rule 'under'"));
  EXPECT_THAT(refused("/0/rule", nlohmann::json::object()), HasSubstr("expected one of below"));
  EXPECT_THAT(refused("/0/rule", {{"within", {2, 1}}}), HasSubstr("expected [low, high]"));
  EXPECT_THAT(refused("/0/rule", {{"within", {2}}}), HasSubstr("expected [low, high]"));
  EXPECT_THAT(refused("/0/rule", {{"report", false}}), HasSubstr("expected true"));
  EXPECT_THAT(refused("/0/rule", {{"below", "0"}}), HasSubstr("expected a number"));
  nlohmann::json twice = nlohmann::json::parse(one_claim);
  twice.push_back(twice[0]);
  EXPECT_THAT(message_of<InputError>([&] { read_claims(twice.dump(), "claims.json"); }), HasSubstr("used twice"));
}

TEST(ClaimFiles, OfEveryMethodCanBeRead) {
  const auto files = method_files("claims.json");
  EXPECT_THAT(files, Not(IsEmpty()));
  for (const auto& file : files) EXPECT_NO_THROW(read_claims(read_file(file), file.string())) << file;
}

TEST(ClaimFiles, MakeClaimsOfDifferentIdsInEveryTier) {
  for (const MethodEntry& method : method_table())
    for (const Tier tier : method.tiers) {
      std::set<std::string> ids;
      for (const Claim& claim : claims_in(method.claims(), tier, method.preset(tier))) {
        EXPECT_TRUE(ids.insert(claim.id).second) << method.id << ", " << name_of(tier) << ": " << claim.id;
        EXPECT_EQ(claim.absent, "") << method.id << ", " << name_of(tier) << ": " << claim.id;
        EXPECT_EQ((claim.id + claim.statement + claim.quantity.of.arm).find('{'), std::string::npos) << claim.id;
      }
      EXPECT_THAT(ids, Not(IsEmpty())) << method.id << ", " << name_of(tier);
    }
}

TEST(ClaimFiles, OfTheGuidancePapersSpeakOfEveryClaim) {
  const auto ids_of = [](const std::string& method) {
    std::set<std::string> ids;
    const auto file = std::filesystem::path(ASSAY_SOURCE_DIR) / "reproductions" / method / "claims.json";
    for (const ClaimTemplate& entry : read_claims(read_file(file), method))
      ids.insert(entry.id.substr(0, entry.id.find('.')));
    return ids;
  };
  for (int i = 1; i <= 9; ++i) EXPECT_TRUE(ids_of("self_guided").contains("S-" + std::to_string(i))) << i;
  for (int i = 1; i <= 10; ++i) EXPECT_TRUE(ids_of("ed_dpm").contains("E-" + std::to_string(i))) << i;
}

const char* const one_table = R"({"trust": {"ED": "official", "2nd": "quoted"}, "tables": [
  {"title": "T", "source": "README", "trust": "ED", "n": 50000,
   "metrics": [{"name": "FID", "better": "lower", "ours": {"score": "fid", "protocol": "fid-tf1"},
                "stand_in": {"score": "fd-small", "protocol": "fd-small"}}, {"name": "P"}],
   "rows": [{"name": "r", "settings": {"gamma": 10}, "cells": ["14.20", null], "where": {"w": "/sample/weight"},
             "ours": {"arm": "g", "params": {"gamma": 10}}, "stand_in": {"arm": "g", "params": {"w": "{w}"}}}]}]})";

TEST(PaperTables, GiveEveryCellAndWhatStandsBesideIt) {
  const auto cells = read_paper_tables(one_table, "paper_table.json", config);
  ASSERT_THAT(cells, SizeIs(2));
  EXPECT_EQ(cells[0].printed, "14.20");
  EXPECT_EQ(cells[0].value, 14.2);
  EXPECT_EQ(cells[0].trust, "ED");
  EXPECT_EQ(cells[0].trust_meaning, "official");
  EXPECT_EQ(cells[0].n, 50000);
  EXPECT_EQ(cells[0].direction, Better::lower);
  EXPECT_EQ(cells[0].ours, nlohmann::json::parse(R"([
      {"arm": "g", "params": {"gamma": 10}, "score": "fid", "protocol": "fid-tf1", "stand_in": false},
      {"arm": "g", "params": {"w": 2.0}, "score": "fd-small", "protocol": "fd-small", "stand_in": true}])"));
  EXPECT_EQ(cells[1].printed, "");
  EXPECT_FALSE(cells[1].value) << "null is unknown, not a number";
  EXPECT_EQ(cells[1].trust, "");
  EXPECT_THAT(cells[1].ours, IsEmpty());
}

TEST(PaperTables, SayWhichScoreAColumnMeansAndItsUnit) {
  nlohmann::json file = nlohmann::json::parse(one_table);
  nlohmann::json& column = file["tables"][0]["metrics"][0];
  column["scale"] = 100;
  column["ours"]["params"] = {{"set", "ecssd"}};
  EXPECT_EQ(read_paper_tables(file.dump(), "paper_table.json", config)[0].ours, nlohmann::json::parse(R"([
      {"arm": "g", "params": {"gamma": 10, "set": "ecssd"}, "score": "fid", "protocol": "fid-tf1", "stand_in": false,
       "scale": 100.0},
      {"arm": "g", "params": {"w": 2.0}, "score": "fd-small", "protocol": "fd-small", "stand_in": true,
       "scale": 100.0}])"));
}

TEST(PaperTables, LeaveOutOursWhereTheConfigurationLacksAValue) {
  EXPECT_THAT(read_paper_tables(one_table, "paper_table.json", nlohmann::json::object())[0].ours, IsEmpty());
}

std::string refused_table(const std::string& pointer, const nlohmann::json& value) {
  nlohmann::json file = nlohmann::json::parse(one_table);
  file[nlohmann::json::json_pointer(pointer)] = value;
  return message_of<InputError>([&] { read_paper_tables(file.dump(), "paper_table.json", config); });
}

TEST(PaperTables, RefuseANumberWithoutTrustTag) {
  EXPECT_THAT(refused_table("/tables/0/trust", ""), AllOf(HasSubstr("r, FID"), HasSubstr("needs a trust tag")));
  EXPECT_THAT(refused_table("/tables/0/trust", "DE"), HasSubstr("unknown trust tag 'DE'"));
  EXPECT_THAT(refused_table("/tables/0/rows/0/trust", nlohmann::json{"ED"}), HasSubstr("a list of 2"));
}

TEST(PaperTables, RefuseCellsThatAreNoNumbersAndRowsThatDoNotFit) {
  EXPECT_THAT(refused_table("/tables/0/rows/0/cells/0", "about 14"), HasSubstr("expected a number as printed"));
  EXPECT_THAT(refused_table("/tables/0/rows/0/cells/0", 14.2), HasSubstr("expected a number as printed"));
  EXPECT_THAT(refused_table("/tables/0/rows/0/cells/0", ""), HasSubstr("expected a number as printed"));
  EXPECT_THAT(refused_table("/tables/0/rows/0/cells", nlohmann::json{"1"}), HasSubstr("1 cells, 2 columns"));
  nlohmann::json twice = nlohmann::json::parse(one_table);
  twice["tables"][0]["rows"].push_back(twice["tables"][0]["rows"][0]);
  EXPECT_THAT(message_of<InputError>([&] { read_paper_tables(twice.dump(), "f", config); }), HasSubstr("named twice"));
}

TEST(PaperTableFiles, OfEveryMethodHaveATagOnEveryNumber) {
  const auto files = method_files("paper_table.json");
  EXPECT_THAT(files, Not(IsEmpty()));
  for (const auto& file : files) {
    std::set<std::string> cells;
    for (const PublishedCell& cell : read_paper_tables(read_file(file), file.string(), nlohmann::json::object())) {
      EXPECT_TRUE(cells.insert(cell.table + "|" + cell.row + "|" + cell.metric).second) << cell.row;
      EXPECT_EQ(cell.value.has_value(), !cell.trust.empty()) << cell.row;
      EXPECT_EQ(cell.value.has_value(), !cell.printed.empty()) << cell.row;
    }
    EXPECT_THAT(cells, Not(IsEmpty())) << file;
  }
}

TEST(PaperTableFiles, OfEdDpmHoldsTheTwelveRowsOfTheReadme) {
  const auto file = std::filesystem::path(ASSAY_SOURCE_DIR) / "reproductions/ed_dpm/paper_table.json";
  std::map<std::string, std::vector<std::string>> rows;
  for (const PublishedCell& cell : read_paper_tables(read_file(file), "ed_dpm", nlohmann::json::object()))
    if (cell.table.starts_with("ImageNet 256x256")) rows[cell.row].push_back(cell.printed);
  EXPECT_THAT(rows, SizeIs(12));
  EXPECT_THAT(rows["UADM(25)-G"], ElementsAre("14.22", "8.62", "83.38", "0.70", "0.46"));
  EXPECT_THAT(rows["CADM-G+EDS"], ElementsAre("3.96", "5.06", "219.13", "0.83", "0.52"));
}

}  // namespace
}  // namespace assay
