#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace assay {

/// The content of a report, free of any markup: HTML and Markdown are written from the same document, so they say
/// the same. All text is raw; the writers escape it.

enum class Tone { neutral, good, bad, caution };

/// A piece of text. `anchor` links to the row, section or protocol of that id.
struct Span {
  enum class Style { plain, strong, muted, code, number, chip };
  std::string text;
  Style style = Style::plain;
  Tone tone = Tone::neutral;
  std::string anchor;
};
using Text = std::vector<Span>;

inline Span plain(std::string text) { return {std::move(text), Span::Style::plain, Tone::neutral, ""}; }
inline Span strong(std::string text) { return {std::move(text), Span::Style::strong, Tone::neutral, ""}; }
inline Span muted(std::string text) { return {std::move(text), Span::Style::muted, Tone::neutral, ""}; }
inline Span code(std::string text) { return {std::move(text), Span::Style::code, Tone::neutral, ""}; }
inline Span number(std::string text) { return {std::move(text), Span::Style::number, Tone::neutral, ""}; }
inline Span chip(std::string text, Tone tone) { return {std::move(text), Span::Style::chip, tone, ""}; }
inline Span link(std::string text, std::string anchor) {
  return {std::move(text), Span::Style::plain, Tone::neutral, std::move(anchor)};
}

struct Paragraph {
  Text text;
};

struct CodeBlock {
  std::string text;
};

/// Name and value, one a line.
struct Facts {
  std::vector<std::pair<std::string, Text>> items;
};

struct Table {
  struct Column {
    std::string title;
    bool numeric = false;
  };
  Text caption;
  std::vector<Column> columns;
  std::vector<std::vector<Text>> rows;
  std::vector<std::string> anchors;  // of the rows; empty, or one a row
};

/// One statement with its verdict.
struct Card {
  Span chip;
  Text title;
  std::vector<Text> lines;
};
struct Cards {
  std::vector<Card> cards;
};

/// The same drawing for wide and for narrow screens, as SVG elements that take their colours from chart.css.
struct Chart {
  std::string name;  // of the SVG file beside the Markdown: letters, digits, '-'
  std::string alternative;
  std::string wide;
  std::string narrow;
  Text caption;
};

struct Picture {
  std::string file;  // where it is; for links
  std::string png;   // content; empty when `problem` says why
  std::string problem;
  std::string alternative;
  int width = 0;  // pixels
  int height = 0;
  int columns = 1;  // images in it, side by side
  int rows = 1;
  Text caption;
};
struct Gallery {
  std::vector<Picture> pictures;
};

struct Details;
using Block = std::variant<Paragraph, CodeBlock, Facts, Table, Cards, Chart, Gallery, Details>;

/// Shown on request.
struct Details {
  std::string summary;
  std::vector<Block> blocks;
};

/// A part of a section: `title` may be empty.
struct Part {
  std::string title;
  std::string anchor;
  std::vector<Block> blocks;
};

struct Section {
  std::string title;
  std::string anchor;
  std::vector<Part> parts;
};

/// What is seen first, before any table.
struct Opening {
  std::vector<Picture> pictures;  // side by side; none with a problem
  std::optional<Chart> chart;
  std::vector<Text> verdicts;  // how many claims got which verdict, a line a method
  std::vector<Text> cautions;  // what must be known before anything is believed

  bool empty() const { return pictures.empty() && !chart && verdicts.empty() && cautions.empty(); }
};

struct Document {
  std::string title;
  std::string subtitle;
  Opening opening;
  std::vector<Section> sections;
};

}  // namespace assay
