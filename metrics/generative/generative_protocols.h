#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics/feature_sets/feature_file.h"
#include "metrics/features/image_protocol.h"
#include "metrics/generative/metric_row.h"
#include "metrics/protocol.h"

namespace assay {

/// Choices of one call that several protocols share.
struct GenerativeOptions {
  std::int64_t bootstrap = 200;  // replicates behind an interval; 0: no intervals
  double level = 0.95;           // of intervals
  std::uint64_t seed = 0;        // of everything drawn, unless the protocol fixes its own
  std::int64_t kid_subsets = 100, kid_subset_size = 1000;
  const FeatureSet* held_out = nullptr;  // of SampleNeeds::held_out; otherwise null
};

/// Scores `generated` against `reference` under one protocol. The caller fills in protocol, counts and hashes of rows
/// that leave them open. Throws InputError where the sets lack what the protocol needs.
using GenerativeScore = std::vector<MetricRow> (*)(const FeatureSet& reference, const FeatureSet& generated,
                                                   const GenerativeOptions& options);

struct PairOptions {
  GenerativeOptions scores;
  std::int64_t swaps = 0;  // random swaps behind a p-value; 0: as many as the number of differences calls for

  /// What a PairScore says of its test: "swaps of paired rows, 2000".
  std::string swaps_text() const;
};

/// One metric of two generated sets whose rows are paired.
struct PairScore {
  std::string metric;
  double a = 0, b = 0;
  std::vector<double> differences;  // replicates of a - b
  std::string interval;             // how they were made
  double p_value = 1;               // two-sided
  std::string test;                 // "swaps of paired rows, 2000"
};

/// Compares two generated sets under one protocol. Throws InputError as GenerativeScore.
using PairScores = std::vector<PairScore> (*)(const FeatureSet& reference, const FeatureSet& a, const FeatureSet& b,
                                              const PairOptions& options);

/// What a protocol takes of its sets.
enum class SampleNeeds {
  statistics,          // features, or statistics of them
  spatial_statistics,  // the same of spatial features, which a public file holds beside the usual ones
  generated_features,  // features of the generated set, statistics of the reference
  features,            // of both
  held_out,            // of both, and of real images that the generator was not trained on
  generated_alone,     // features of the generated set, without a reference
  logits               // of the generated set, without a reference
};

/// All that is known of one protocol of `assay metric generative` and `assay metric compare`. A new protocol is one row
/// more in frechet_protocols.cpp, kernel_and_ball_protocols.cpp or embedding_protocols.cpp.
struct GenerativeProtocol {
  Protocol words;  // its id, and what it fixes, for people and for the store
  /// How images become its features; nothing where it takes features that are given.
  std::optional<ImageProtocol> pixels;
  SampleNeeds needs;
  GenerativeScore score;
  /// Choices that the user may set otherwise than the protocol's, for the store.
  nlohmann::json (*choices)(const GenerativeOptions& options) = nullptr;
  PairScores pairs = nullptr;     // null where there is no paired comparison
  std::int64_t pair_metrics = 1;  // how many metrics `pairs` gives

  const std::string& id() const { return words.id; }
  /// Without: `reference` is an empty set where the user gave none.
  bool needs_reference() const { return needs != SampleNeeds::logits && needs != SampleNeeds::generated_alone; }
  /// Whether public statistics that lie beside images stand for them: they are of Inception's features.
  bool takes_public_statistics() const;
};

/// What these protocols take of a file of features: of the reference, and of the generated set with or without
/// intervals.
KeepOfFeatures kept_of_reference(std::span<const GenerativeProtocol* const> protocols);
KeepOfFeatures kept_of_generated(std::span<const GenerativeProtocol* const> protocols, bool intervals);

/// Throws InputError naming the set where it lacks what the protocol needs of it, before anything is computed.
void check_reference(const GenerativeProtocol& protocol, const FeatureSet& set);
void check_generated(const GenerativeProtocol& protocol, const FeatureSet& set);

/// Fréchet distances: fid-*, sfid-oai, fd-*.
std::vector<GenerativeProtocol> frechet_protocols();

/// Kernel distance, neighbour balls and Inception Score: kid-seed2020, prdc5, pr-*, is-*.
std::vector<GenerativeProtocol> kernel_and_ball_protocols();

/// Of other networks' embeddings: kd-dinov2, prdc-dinov2, vendi-dinov2, authpct-dinov2, ct-dinov2, cmmd.
std::vector<GenerativeProtocol> embedding_protocols();

/// All of them, in the order they are listed to the user.
const std::vector<GenerativeProtocol>& generative_protocols();

/// Throws InputError naming the known ids (and the nearest one) when there is no such protocol.
const GenerativeProtocol& find_generative_protocol(const std::string& id);
/// The same among the protocols that compare two sets.
const GenerativeProtocol& find_pair_protocol(const std::string& id);
/// The same among the protocols that take images.
const ImageProtocol& find_image_protocol(const std::string& id);

/// The id of the first protocol whose pass over images serves this one too: it names the pass.
const std::string& pass_name(const ImageProtocol& protocol);

}  // namespace assay
