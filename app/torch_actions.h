#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/metric/metric_report.h"
#include "bench/harness/run_request.h"
#include "bench/study/plan.h"
#include "metrics/features/image_features.h"
#include "metrics/generative/generative_protocols.h"

/// What commands do with LibTorch, and what they are asked for. Their definitions - options, checks, help - know
/// nothing of it, so that the program starts without it (docs/decisions/0009).
namespace assay {

struct RunCommand {
  RunRequest request;
  std::optional<std::string> seeds;
  std::int64_t resume = 0;
  bool dry_run = false, json = false, quiet = false;
};

struct StudyCommand {
  StudyRequest request;
  std::optional<std::string> seeds;
  std::string shard = "1/1";
  bool dry_run = false, json = false, quiet = false;
};

struct ParityCommand {
  std::vector<std::string> packs;
  bool json = false;
};

struct DrawCommand {
  std::string model;                                 // a folder, a file, or the text model of a tier: METHOD:TIER
  std::filesystem::path store = "results/assay.db";  // in whose cache that model is looked for
  std::vector<std::string> prompts;
  std::string negative;         // empty: the empty prompt
  std::filesystem::path token;  // empty: none
  std::uint64_t seed = 0;
  std::int64_t count = 4;  // images a prompt
  std::int64_t steps = 30;
  std::optional<double> weight;
  std::string scheduler;  // empty: the model's own
  std::string device = "auto", dtype = "auto";
  std::int64_t scale = 0;  // of the pixels in the grid; 0: tiles of at least 64 pixels
  std::filesystem::path out;
  bool json = false, quiet = false;
};

struct GenerativeCommand {
  std::filesystem::path reference, generated, held_out;
  std::vector<std::string> protocols;
  GenerativeOptions scores;
  bool per_class = false;
  std::string tail;  // empty: not asked for
  std::int64_t draws = 5;
  ImageFeatureOptions images;
  MetricOutput output;
};

struct CompareCommand {
  std::filesystem::path reference, a;
  std::vector<std::filesystem::path> b;
  std::vector<std::string> protocols;
  PairOptions pairs;
  std::string pair_by;  // empty: the first rule that can be used
  double alpha = 0.05;
  ImageFeatureOptions images;
  MetricOutput output;
};

struct ExplainCommand {
  std::filesystem::path reference, generated;
  ImageFeatureOptions images;
  MetricOutput output;
};

struct FeaturesCommand {
  std::filesystem::path input, out, labels;
  std::string protocol = "fid-tf1";
  bool protocol_given = false;
  ImageFeatureOptions images;
  bool statistics = false;
  std::int64_t first_index = 0;
  bool json = false;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

struct MergeCommand {
  std::vector<std::filesystem::path> shards;
  std::filesystem::path out;
  bool partial = false;
  bool json = false;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

// Each does what its command asks for and returns the exit code. Throws InputError for bad input.
int run_action(const RunCommand& command, const std::string& command_line);
int study_action(const StudyCommand& command, const std::string& command_line);
int parity_action(const ParityCommand& command);
int draw_action(const DrawCommand& command);
int generative_action(const GenerativeCommand& command);
int compare_action(const CompareCommand& command);
int explain_action(const ExplainCommand& command);
int features_action(const FeaturesCommand& command);
int merge_action(const MergeCommand& command);

/// The functions above, as a value that a program has or has not.
struct TorchActions {
  decltype(&run_action) run;
  decltype(&study_action) study;
  decltype(&parity_action) parity;
  decltype(&draw_action) draw;
  decltype(&generative_action) generative;
  decltype(&compare_action) compare;
  decltype(&explain_action) explain;
  decltype(&features_action) features;
  decltype(&merge_action) merge;
};

}  // namespace assay
