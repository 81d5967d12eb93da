#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/tier.h"

/// The claims of a paper as data: reproductions/METHOD/claims.json, whose format docs/adding-a-method.md gives.
namespace assay {

/// One recorded score of an arm: `params` tell it from the arm's other scores of that name.
struct ScoreSelector {
  std::string arm;
  nlohmann::json params = nlohmann::json::object();
};

/// What a claim is about: a recorded score, or the difference of two that is paired by seed.
struct Quantity {
  std::string score;
  std::string protocol;
  ScoreSelector of;
  std::optional<ScoreSelector> minus;
  /// A value without sampling error (a count, an analytic number): where it has no interval it is compared itself.
  bool exact = false;
};

/// Where the interval of a quantity must lie.
struct ClaimRule {
  enum class Kind { below, above, at_least, at_most, within, report };
  Kind kind = Kind::report;
  double bound = 0;  // of `within`: the lower one
  double upper = 0;  // of `within` alone
};

/// "below 0", "within [0.85, 1.15]", "reported without a threshold".
std::string in_words(const ClaimRule& rule);

struct Claim {
  std::string id;
  std::string statement;
  std::string origin;
  Quantity quantity;
  ClaimRule rule;
  std::string note;
  /// The pointer of `where` or `each` for which the configuration has no value: there is nothing to judge then.
  std::string absent;
};

/// A claim as written, with its placeholders.
struct ClaimTemplate {
  std::string id;
  std::vector<Tier> tiers;  // empty: all but Tier::paper, whose scores are others
  nlohmann::json source;

  bool made_in(Tier tier) const;
  /// The claims it makes about a configuration: one, or one an element of its `each`. Throws InputError.
  std::vector<Claim> claims(const nlohmann::json& config) const;
};

/// Reads a claims.json. Throws InputError, naming `where` and the claim, for missing or unknown keys, a rule that is
/// none, an unknown tier, or an id that is used twice.
std::vector<ClaimTemplate> read_claims(const std::string& text, const std::string& where);

/// The claims that are made in a tier about a configuration.
std::vector<Claim> claims_in(const std::vector<ClaimTemplate>& templates, Tier tier, const nlohmann::json& config);

}  // namespace assay
