#include "reports/pages/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/pages/escape.h"
#include "reports/pages/style.h"

namespace assay {
namespace {

const char* tone_class(Tone tone) {
  switch (tone) {
    case Tone::good:
      return "good";
    case Tone::bad:
      return "bad";
    case Tone::caution:
      return "caution";
    case Tone::neutral:
      break;
  }
  return "neutral";
}

/// With a true minus sign before digits.
std::string number_html(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c == '-')
      out += "\u2212";
    else
      out += c;
  return escape_html(out);
}

std::string span_html(const Span& span) {
  std::string out;
  switch (span.style) {
    case Span::Style::plain:
      out = escape_html(span.text);
      break;
    case Span::Style::strong:
      out = "<strong>" + escape_html(span.text) + "</strong>";
      break;
    case Span::Style::muted:
      out = "<span class=\"muted\">" + escape_html(span.text) + "</span>";
      break;
    case Span::Style::code:
      out = "<code>" + escape_html(span.text) + "</code>";
      break;
    case Span::Style::number:
      out = "<span class=\"number\">" + number_html(span.text) + "</span>";
      break;
    case Span::Style::chip:
      out = fmt::format("<span class=\"chip {}\">{}</span>", tone_class(span.tone), escape_html(span.text));
      break;
  }
  if (span.anchor.empty()) return out;
  return fmt::format("<a href=\"#{}\">{}</a>", escape_html(span.anchor), out);
}

std::string inline_html(const Text& text) {
  std::string out;
  for (const Span& span : text) out += span_html(span);
  return out;
}

/// What a screen reader says of a table when it is reached: its caption, or else its columns.
std::string label_of(const Table& table) {
  std::string label = "Table: ";
  for (const Span& span : table.caption) label += span.text;
  if (!table.caption.empty()) return label;
  for (const Table::Column& column : table.columns) label += (label.ends_with(": ") ? "" : ", ") + column.title;
  return label;
}

/// Short cells stay on one line.
bool is_long(const Text& cell) {
  std::size_t length = 0;
  for (const Span& span : cell) length += span.text.size();
  return length > 44;
}

/// The side of a tile and the size of a picture on the first page, in CSS pixels: three pictures stand side by side.
constexpr int largest_tile = 72, largest_width = 360, largest_height = 288, largest_zoom = 5;

/// The first columns and rows of a picture, as many as fit, each pixel of it `zoom` wide.
std::string cropped(const Picture& picture) {
  // Tiles have a gap between them and none at the edge.
  const double pitch_x = std::round(static_cast<double>(picture.width) / picture.columns);
  const double pitch_y = std::round(static_cast<double>(picture.height) / picture.rows);
  const double most = largest_tile / std::max(pitch_x, pitch_y);
  const double zoom = most < 1 ? most : std::min<double>(largest_zoom, std::floor(most));
  const auto shown = [&](double pitch, int all, int size, int largest) {
    const double tiles = std::clamp(std::floor(largest / (pitch * zoom) + 1e-9), 1.0, static_cast<double>(all));
    return std::min<double>(tiles * pitch, size);
  };
  return fmt::format(
      "<div class=\"crop\" style=\"--zoom:{:.4g};--width:{:.4g};--height:{:.4g};--full:{}\"><img "
      "src=\"data:image/png;base64,{}\" width=\"{}\" height=\"{}\" alt=\"{}\"></div>\n",
      zoom, shown(pitch_x, picture.columns, picture.width, largest_width),
      shown(pitch_y, picture.rows, picture.height, largest_height), picture.width, base64(picture.png), picture.width,
      picture.height, escape_html(picture.alternative));
}

class Writer {
 public:
  void operator()(const Opening& opening) {
    if (opening.empty()) return;
    out += "<div class=\"opening\"><div class=\"opening-inner\">\n";
    if (!opening.pictures.empty()) {
      out += "<div class=\"showcase\">\n";
      for (const Picture& picture : opening.pictures)
        out += "<figure>\n" + cropped(picture) + "<figcaption>" + inline_html(picture.caption) +
               "</figcaption>\n</figure>\n";
      out += "</div>\n";
    }
    if (opening.chart) (*this)(*opening.chart);
    out += "<div class=\"said\">\n";
    for (const Text& line : opening.verdicts) out += "<p class=\"verdicts\">" + inline_html(line) + "</p>\n";
    for (const Text& line : opening.cautions) out += "<p class=\"caution-line\">" + inline_html(line) + "</p>\n";
    out += "</div>\n</div></div>\n";
  }

  void operator()(const Paragraph& block) { out += "<p>" + inline_html(block.text) + "</p>\n"; }

  void operator()(const CodeBlock& block) { out += "<pre><code>" + escape_html(block.text) + "</code></pre>\n"; }

  void operator()(const Facts& block) {
    out += "<dl class=\"facts\">\n";
    for (const auto& [name, value] : block.items)
      out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(name), inline_html(value));
    out += "</dl>\n";
  }

  void operator()(const Table& block) {
    out += "<figure class=\"table\">\n";
    if (!block.caption.empty()) out += "<figcaption>" + inline_html(block.caption) + "</figcaption>\n";
    // Focusable, so that the keyboard scrolls it.
    out += fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\"><table>\n<thead><tr>",
                       escape_html(label_of(block)));
    for (const Table::Column& column : block.columns)
      out += fmt::format("<th scope=\"col\"{}>{}</th>", column.numeric ? " class=\"numeric\"" : "",
                         escape_html(column.title));
    out += "</tr></thead>\n<tbody>\n";
    for (std::size_t i = 0; i < block.rows.size(); ++i) {
      const std::string anchor = i < block.anchors.size() ? block.anchors[i] : "";
      out += anchor.empty() ? "<tr>" : fmt::format("<tr id=\"{}\">", escape_html(anchor));
      for (std::size_t j = 0; j < block.rows[i].size(); ++j) {
        const char* kind = block.columns[j].numeric    ? " class=\"numeric\""
                           : is_long(block.rows[i][j]) ? " class=\"long\""
                                                       : "";
        // The first cell names its row.
        out += j == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", kind, inline_html(block.rows[i][j]))
                      : fmt::format("<td{}>{}</td>", kind, inline_html(block.rows[i][j]));
      }
      out += "</tr>\n";
    }
    out += "</tbody>\n</table></div>\n</figure>\n";
  }

  void operator()(const Cards& block) {
    out += "<ul class=\"cards\">\n";
    for (const Card& card : block.cards) {
      out += fmt::format("<li class=\"card {}\"><div class=\"card-head\">{}<p class=\"card-title\">{}</p></div>\n",
                         tone_class(card.chip.tone), span_html(card.chip), inline_html(card.title));
      for (const Text& line : card.lines) out += "<p>" + inline_html(line) + "</p>\n";
      out += "</li>\n";
    }
    out += "</ul>\n";
  }

  void operator()(const Chart& block) {
    out += "<figure class=\"chart-figure\">\n<div class=\"for-wide\">" + block.wide +
           "</div>\n<div class=\"for-narrow\">" + block.narrow + "</div>\n";
    if (!block.caption.empty()) out += "<figcaption>" + inline_html(block.caption) + "</figcaption>\n";
    out += "</figure>\n";
  }

  void operator()(const Gallery& block) {
    out += "<div class=\"gallery\">\n";
    for (const Picture& picture : block.pictures) {
      out += "<figure>\n";
      if (picture.problem.empty())
        out += fmt::format("<img src=\"data:image/png;base64,{}\" width=\"{}\" height=\"{}\" alt=\"{}\">\n",
                           base64(picture.png), picture.width, picture.height, escape_html(picture.alternative));
      else
        out += fmt::format("<div class=\"missing\">{}</div>\n", escape_html(picture.problem));
      out += "<figcaption>" + inline_html(picture.caption) + "</figcaption>\n</figure>\n";
    }
    out += "</div>\n";
  }

  void operator()(const Details& block) {
    out += "<details>\n<summary>" + escape_html(block.summary) + "</summary>\n";
    for (const Block& inner : block.blocks) std::visit(*this, inner);
    out += "</details>\n";
  }

  std::string out;
};

}  // namespace

std::string render_html(const Document& document) {
  std::string contents;
  Writer opening, writer;
  opening(document.opening);
  for (const Section& section : document.sections) {
    contents += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.anchor, escape_html(section.title));
    writer.out += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n", section.anchor, escape_html(section.title));
    for (const Part& part : section.parts) {
      if (!part.title.empty())
        writer.out +=
            fmt::format("<h3{}>{}</h3>\n", part.anchor.empty() ? "" : " id=\"" + escape_html(part.anchor) + "\"",
                        escape_html(part.title));
      for (const Block& block : part.blocks) std::visit(writer, block);
    }
    writer.out += "</section>\n";
  }
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      // Nothing may be fetched: a report opened offline and one opened online are the same.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'\">\n";
  out += fmt::format("<title>{} \u00B7 Assay</title>\n<style>\n{}{}</style>\n</head>\n<body>\n",
                     escape_html(document.title), chart_css, report_css);
  out += fmt::format(
      "<a class=\"skip\" href=\"#content\">Skip to the content</a>\n<header class=\"masthead\"><div class=\"inner\"><p "
      "class=\"product\">Assay</p>\n<h1>{}</h1>\n"
      "<p class=\"subtitle\">{}</p></div></header>\n",
      escape_html(document.title), escape_html(document.subtitle));
  out += opening.out + "<div class=\"page\">\n<nav aria-label=\"Contents\"><h2>Contents</h2>\n<ul>\n" + contents +
         "</ul></nav>\n<main id=\"content\">\n" + writer.out + "</main>\n</div>\n</body>\n</html>\n";
  return out;
}

}  // namespace assay
