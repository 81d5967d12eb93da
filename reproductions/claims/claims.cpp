#include "reproductions/claims/claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/config.h"
#include "core/error.h"
#include "reproductions/claims/placeholders.h"

namespace assay {
namespace {

std::string required(ConfigReader& reader, const std::string& key, const std::string& where) {
  std::string text = reader.text(key, "");
  if (text.empty()) throw InputError(fmt::format("{}.{}: missing", where, key));
  return text;
}

ScoreSelector read_selector(ConfigReader& reader, const std::string& where) {
  ScoreSelector selector;
  selector.arm = required(reader, "arm", where);
  selector.params = reader.object("params");
  return selector;
}

Quantity read_quantity(const nlohmann::json& object, const std::string& where) {
  ConfigReader reader(object, where);
  Quantity quantity;
  quantity.score = required(reader, "score", where);
  quantity.protocol = required(reader, "protocol", where);
  quantity.of = read_selector(reader, where);
  quantity.exact = reader.boolean("exact", false);
  if (object.contains("minus")) {
    ConfigReader minus(reader.object("minus"), where + ".minus");
    quantity.minus = read_selector(minus, where + ".minus");
    minus.finish();
  }
  reader.finish();
  return quantity;
}

ClaimRule read_rule(const nlohmann::json& object, const std::string& where) {
  constexpr double huge = std::numeric_limits<double>::max();
  constexpr const char* accepted = "one of below, above, at_least, at_most, within, report";
  ConfigReader reader(object, where);
  if (object.size() != 1) throw InputError(fmt::format("{}: expected {}, got {}", where, accepted, object.dump()));
  const std::string& key = object.begin().key();
  ClaimRule rule;
  if (key == "within") {
    const std::vector<double> bounds = reader.reals(key, {}, -huge, huge);
    if (bounds.size() != 2 || bounds[0] > bounds[1])
      throw InputError(fmt::format("{}.within: expected [low, high], got {}", where, object.at(key).dump()));
    return {ClaimRule::Kind::within, bounds[0], bounds[1]};
  }
  if (key == "report") {
    if (!reader.boolean(key, false)) throw InputError(fmt::format("{}.report: expected true", where));
    return rule;
  }
  for (const auto& [name, kind] : {std::pair("below", ClaimRule::Kind::below),
                                   {"above", ClaimRule::Kind::above},
                                   {"at_least", ClaimRule::Kind::at_least},
                                   {"at_most", ClaimRule::Kind::at_most}})
    if (key == name) return {kind, reader.real(key, 0, -huge, huge), 0};
  throw InputError(fmt::format("{}: unknown rule '{}'; accepted: {}", where, key, accepted));
}

Claim filled_claim(const nlohmann::json& source, const Placeholders& values, const std::string& where) {
  Claim claim;
  claim.id = fill_text(source.at("id").get<std::string>(), values);
  claim.statement = fill_text(source.at("statement").get<std::string>(), values);
  claim.origin = source.at("origin").get<std::string>();
  claim.note = fill_text(source.value("note", ""), values);
  claim.quantity = read_quantity(fill(source.at("quantity"), values), where + ".quantity");
  claim.rule = read_rule(source.at("rule"), where + ".rule");
  return claim;
}

}  // namespace

std::string in_words(const ClaimRule& rule) {
  switch (rule.kind) {
    case ClaimRule::Kind::below:
      return fmt::format("below {}", rule.bound);
    case ClaimRule::Kind::above:
      return fmt::format("above {}", rule.bound);
    case ClaimRule::Kind::at_least:
      return fmt::format("at least {}", rule.bound);
    case ClaimRule::Kind::at_most:
      return fmt::format("at most {}", rule.bound);
    case ClaimRule::Kind::within:
      return fmt::format("within [{}, {}]", rule.bound, rule.upper);
    case ClaimRule::Kind::report:
      break;
  }
  return "reported without a threshold";
}

bool ClaimTemplate::made_in(Tier tier) const {
  return tiers.empty() ? tier != Tier::paper : std::find(tiers.begin(), tiers.end(), tier) != tiers.end();
}

std::vector<Claim> ClaimTemplate::claims(const nlohmann::json& config) const {
  Placeholders values;
  Claim unfilled;
  unfilled.id = id;
  unfilled.statement = source.at("statement").get<std::string>();
  unfilled.origin = source.at("origin").get<std::string>();
  unfilled.rule = read_rule(source.at("rule"), id + ".rule");
  unfilled.absent = add_placeholders(source.value("where", nlohmann::json::object()), config, values);
  if (!unfilled.absent.empty()) return {unfilled};
  if (!source.contains("each")) return {filled_claim(source, values, id)};

  Placeholders lists;
  unfilled.absent = add_placeholders(source.at("each"), config, lists);
  if (!unfilled.absent.empty()) return {unfilled};
  const auto& [name, list] = *lists.begin();
  std::vector<Claim> claims;
  for (const nlohmann::json& item : list) {
    values[name] = item;
    claims.push_back(filled_claim(source, values, id));
  }
  return claims;
}

std::vector<ClaimTemplate> read_claims(const std::string& text, const std::string& where) {
  const nlohmann::json array = parse_json(text, where);
  if (!array.is_array()) throw InputError(fmt::format("{}: expected a list of claims", where));
  std::vector<ClaimTemplate> templates;
  std::set<std::string> ids;
  for (const nlohmann::json& item : array) {
    std::string place = fmt::format("{}[{}]", where, templates.size());
    ConfigReader reader(item, place);
    ClaimTemplate entry;
    entry.id = required(reader, "id", place);
    place = fmt::format("{}: {}", where, entry.id);
    if (!ids.insert(entry.id).second) throw InputError(place + ": this id is used twice");
    required(reader, "statement", place);
    required(reader, "origin", place);
    reader.text("note", "");
    for (const std::string& tier : reader.texts("tiers", {}))
      entry.tiers.push_back(find_tier(tier, all_tiers(), place + ".tiers"));
    reader.object("where");
    if (reader.object("each").size() > 1)
      throw InputError(fmt::format("{}.each: expected one name, got {}", place, item.at("each").dump()));
    read_quantity(reader.object("quantity"), place + ".quantity");
    read_rule(reader.object("rule"), place + ".rule");
    reader.finish();
    entry.source = item;
    templates.push_back(std::move(entry));
  }
  return templates;
}

std::vector<Claim> claims_in(const std::vector<ClaimTemplate>& templates, Tier tier, const nlohmann::json& config) {
  std::vector<Claim> claims;
  for (const ClaimTemplate& entry : templates)
    if (entry.made_in(tier))
      for (Claim& claim : entry.claims(config)) claims.push_back(std::move(claim));
  return claims;
}

}  // namespace assay
