#include <fmt/format.h>

#include "reports/numbers.h"
#include "reports/sections.h"
#include "reports/wording.h"

namespace assay {
Section notes_section(const ReportData& data) {
  Section section{"Notes", "notes", {}};
  if (data.notes.empty() && data.left_out.empty()) return section;
  Table table;
  table.columns = {{"Run", true}, {"Stage"}, {"Note"}};
  for (const NoteRow& note : data.notes) {
    Span run = number(std::to_string(note.run));
    run.anchor = run_anchor(note.run);
    table.rows.push_back({note.run == 0 ? Text{plain("all")} : Text{run},
                          note.stage.empty() ? Text{} : Text{code(note.stage)},
                          {plain(note.text)}});
  }
  for (const std::string& line : data.left_out) table.rows.push_back({{plain("all")}, {}, {plain(line)}});
  Part part;
  part.blocks.push_back(std::move(table));
  section.parts.push_back(std::move(part));
  return section;
}

namespace {

/// Nested members as "a.b".
void flatten(const nlohmann::json& value, const std::string& path,
             std::vector<std::pair<std::string, std::string>>& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, member] : value.items()) flatten(member, path.empty() ? key : path + "." + key, out);
    return;
  }
  out.emplace_back(path, value_text(value));
}

}  // namespace

Section protocols_section(const ReportData& data) {
  Section section{"Protocols", "protocols", {}};
  for (const ProtocolRow& protocol : data.protocols) {
    Part part{protocol.name, protocol_anchor(protocol.id), {}};
    part.blocks.push_back(Paragraph{{plain(protocol.description)}});
    Facts facts;
    if (!protocol.origin.empty()) facts.items.emplace_back("Origin", Text{plain(protocol.origin)});
    facts.items.emplace_back("Hash of the choices", Text{code(protocol.hash)});
    part.blocks.push_back(std::move(facts));
    std::vector<std::pair<std::string, std::string>> choices;
    if (!protocol.choices.empty()) flatten(protocol.choices, "", choices);
    if (!choices.empty()) {
      Table table;
      table.columns = {{"Choice"}, {"Value"}};
      for (const auto& [key, value] : choices) table.rows.push_back({{code(key)}, {plain(value)}});
      part.blocks.push_back(std::move(table));
    }
    section.parts.push_back(std::move(part));
  }
  return section;
}

Section artifacts_section(const ReportData& data) {
  Section section{"Artifacts", "artifacts", {}};
  if (data.artifacts.empty()) return section;
  Table table;
  table.caption = {plain("Paths are relative to the folder of the store. Hashes are 128 bits of XXH3.")};
  table.columns = {{"Run", true}, {"Stage"}, {"Name"}, {"Kind"}, {"Size", true}, {"Path"}, {"Hash"}};
  for (const ArtifactRow& artifact : data.artifacts) {
    Span run = number(std::to_string(artifact.run));
    run.anchor = run_anchor(artifact.run);
    table.rows.push_back({{run},
                          {code(artifact.stage)},
                          {plain(artifact.name)},
                          {plain(artifact.kind)},
                          {plain(format_si(static_cast<double>(artifact.bytes), "B"))},
                          {code(artifact.path)},
                          {code(artifact.hash)}});
  }
  Part part;
  part.blocks.push_back(std::move(table));
  section.parts.push_back(std::move(part));
  return section;
}

}  // namespace assay
