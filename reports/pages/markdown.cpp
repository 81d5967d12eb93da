#include "reports/pages/markdown.h"

#include <fmt/format.h>

#include "reports/pages/escape.h"

namespace assay {
namespace {

std::string code_span(const std::string& text, bool in_table) {
  std::string flat;
  std::size_t longest = 0, current = 0;
  for (const char c : text) {
    current = c == '`' ? current + 1 : 0;
    longest = std::max(longest, current);
    if (in_table && c == '|')
      flat += "\\|";
    else
      flat += c == '\n' || c == '\r' ? ' ' : c;
  }
  if (flat.empty()) return "";
  const std::string fence(longest + 1, '`');
  return longest == 0 ? fmt::format("{0}{1}{0}", fence, flat) : fmt::format("{0} {1} {0}", fence, flat);
}

std::string inline_text(const Text& text, bool in_table) {
  std::string out;
  for (const Span& span : text) {
    switch (span.style) {
      case Span::Style::code:
        out += code_span(span.text, in_table);
        break;
      case Span::Style::strong:
      case Span::Style::chip:
        out += fmt::format("**{}**", escape_markdown(span.text));
        break;
      case Span::Style::plain:
      case Span::Style::muted:
      case Span::Style::number:
        out += escape_markdown(span.text);
        break;
    }
  }
  return out;
}

/// An attribute of an element in a table's cell.
std::string attribute(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c == '|')
      out += "&#124;";
    else
      out += c == '\n' || c == '\r' ? " " : escape_html(std::string(1, c));
  return out;
}

/// Of a picture on the first page, in pixels.
constexpr int opening_width = 360;

class Writer {
 public:
  explicit Writer(const std::filesystem::path& folder) : folder_(folder) {}

  void operator()(const Opening& opening) {
    if (!opening.pictures.empty()) {
      std::string captions = "|", rule = "|", images = "|";
      for (const Picture& picture : opening.pictures) {
        captions += fmt::format(" {} |", inline_text(picture.caption, true));
        rule += " --- |";
        // Markdown's own form of a picture has no size, and tiles of 16 pixels cannot be seen.
        images += fmt::format(" <img src=\"{}\" width=\"{}\" alt=\"{}\"> |", attribute(target(picture)), opening_width,
                              attribute(picture.alternative));
      }
      out += captions + "\n" + rule + "\n" + images + "\n\n";
    }
    if (opening.chart) (*this)(*opening.chart);
    for (const Text& line : opening.verdicts) out += inline_text(line, false) + "\n\n";
    for (const Text& line : opening.cautions) out += "> " + inline_text(line, false) + "\n\n";
  }

  void operator()(const Paragraph& block) { out += inline_text(block.text, false) + "\n\n"; }

  void operator()(const CodeBlock& block) {
    std::string fence = "```";
    while (block.text.find(fence) != std::string::npos) fence += '`';
    out += fmt::format("{}\n{}\n{}\n\n", fence, block.text, fence);
  }

  void operator()(const Facts& block) {
    for (const auto& [name, value] : block.items)
      out += fmt::format("- **{}**: {}\n", escape_markdown(name), inline_text(value, false));
    out += "\n";
  }

  void operator()(const Table& block) {
    if (!block.caption.empty()) out += inline_text(block.caption, false) + "\n\n";
    std::string titles = "|", rule = "|";
    for (const Table::Column& column : block.columns) {
      titles += fmt::format(" {} |", escape_markdown(column.title));
      rule += column.numeric ? " ---: |" : " --- |";
    }
    out += titles + "\n" + rule + "\n";
    for (const std::vector<Text>& row : block.rows) {
      out += "|";
      for (const Text& cell : row) out += fmt::format(" {} |", inline_text(cell, true));
      out += "\n";
    }
    out += "\n";
  }

  void operator()(const Cards& block) {
    for (const Card& card : block.cards) {
      out += fmt::format("- **{}**: {}", escape_markdown(card.chip.text), inline_text(card.title, false));
      for (const Text& line : card.lines) out += "  \n  " + inline_text(line, false);
      out += "\n";
    }
    out += "\n";
  }

  void operator()(const Chart& block) {
    out += fmt::format("![{}](charts/{}.svg)\n\n", escape_markdown(block.alternative), block.name);
    if (!block.caption.empty()) out += inline_text(block.caption, false) + "\n\n";
  }

  void operator()(const Gallery& block) {
    for (const Picture& picture : block.pictures) {
      if (picture.problem.empty()) {
        out += fmt::format("![{}](<{}>)  \n", escape_markdown(picture.alternative), target(picture));
      } else {
        out += fmt::format("({})  \n", escape_markdown(picture.problem));
      }
      out += inline_text(picture.caption, false) + "\n\n";
    }
  }

  void operator()(const Details& block) {
    out += fmt::format("**{}**\n\n", escape_markdown(block.summary));
    for (const Block& inner : block.blocks) std::visit(*this, inner);
  }

  std::string out;

 private:
  /// The way from the folder of the report to a picture's file.
  std::string target(const Picture& picture) const {
    const std::filesystem::path file = std::filesystem::absolute(picture.file).lexically_normal();
    return file.lexically_relative(std::filesystem::absolute(folder_).lexically_normal()).generic_string();
  }

  std::filesystem::path folder_;
};

}  // namespace

std::string render_markdown(const Document& document, const std::filesystem::path& folder) {
  Writer writer(folder);
  writer.out = fmt::format("# {}\n\n", escape_markdown(document.title));
  if (!document.subtitle.empty()) writer.out += escape_markdown(document.subtitle) + "\n\n";
  writer(document.opening);
  for (const Section& section : document.sections) {
    writer.out += fmt::format("## {}\n\n", escape_markdown(section.title));
    for (const Part& part : section.parts) {
      if (!part.title.empty()) writer.out += fmt::format("### {}\n\n", escape_markdown(part.title));
      for (const Block& block : part.blocks) std::visit(writer, block);
    }
  }
  while (writer.out.ends_with("\n\n")) writer.out.pop_back();
  return writer.out;
}

}  // namespace assay
