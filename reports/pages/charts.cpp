#include "reports/pages/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "reports/pages/escape.h"
#include "reports/pages/style.h"

namespace assay {
namespace {

constexpr int series_colours = 7;
constexpr double font_size = 12.5;

/// An upper estimate: no font is at hand to measure with.
double text_width(const std::string& text) {
  double characters = 0;
  for (const char c : text)
    if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) characters += 1;
  return characters * font_size * 0.58;
}

std::string text_at(double x, double y, const std::string& text, const char* anchor, const char* classes) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor,
                     classes, escape_html(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const std::string& classes) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     classes);
}

/// One shape a series, so that colour is never the only difference.
std::string marker_at(double x, double y, std::size_t series) {
  const std::string colour = fmt::format("marker s{}", series % series_colours);
  switch (series % 4) {
    case 0:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.2\" class=\"{}\"/>\n", x, y, colour);
    case 1:
      return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"7.6\" height=\"7.6\" class=\"{}\"/>\n", x - 3.8,
                         y - 3.8, colour);
    case 2:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l4.8 8.3h-9.6z\" class=\"{}\"/>\n", x, y - 5.2, colour);
    default:
      return fmt::format("<path d=\"M{:.1f} {:.1f}l5.2 5.2l-5.2 5.2l-5.2 -5.2z\" class=\"{}\"/>\n", x, y - 5.2, colour);
  }
}

std::string whisker_at(double x, double low, double high, const std::string& colour) {
  const std::string classes = "whisker " + colour;
  return line_at(x, low, x, high, classes) + line_at(x - 3.5, low, x + 3.5, low, classes) +
         line_at(x - 3.5, high, x + 3.5, high, classes);
}

std::string frame(const std::string& alternative, double width, double height, const std::string& content) {
  return fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" class=\"chart\" role=\"img\" "
      "aria-label=\"{2}\">\n<title>{2}</title>\n{3}</svg>\n",
      width, height, escape_html(alternative), content);
}

/// Grows [low, high] to hold a value; a number that is not finite cannot be drawn.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    if (!std::isfinite(value)) throw Error(fmt::format("chart: {} cannot be drawn", value));
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void add(const std::optional<double>& value) {
    if (value) add(*value);
  }
  void widen() {
    if (high > low) return;
    const double margin = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= margin;
    high += margin;
  }
};

std::string tick_text(double value, double step) {
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  if (decimals > 5 || std::abs(value) >= 1e6) return fmt::format("{:.3g}", value);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_of("123456789") == std::string::npos) return "0";
  return text.front() == '-' ? "\u2212" + text.substr(1) : text;
}

/// 1, 2 and 5 times powers of ten from the last one at or below `low` to the first at or above `high`.
std::vector<double> logarithmic_ticks(double low, double high) {
  std::vector<double> ticks;
  for (double power = std::pow(10.0, std::floor(std::log10(low))); ticks.empty() || ticks.back() < high; power *= 10)
    for (const double multiple : {1.0, 2.0, 5.0}) {
      const double tick = multiple * power;
      if (tick <= low * (1 + 1e-12)) ticks.clear();
      if (ticks.empty() || ticks.back() < high) ticks.push_back(tick);
    }
  return ticks;
}

/// A value of x as people write it: 1.5, 2.
std::string plain_number(double value) {
  std::string text = fmt::format("{:.6g}", value);
  if (text == "-0") text = "0";
  return text.front() == '-' ? "\u2212" + text.substr(1) : text;
}

}  // namespace

std::vector<double> nice_ticks(double low, double high, int count) {
  const double rough = (high - low) / std::max(1, count - 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = power;
  for (const double multiple : {1.0, 2.0, 5.0, 10.0}) {
    step = multiple * power;
    if (step >= rough * (1 - 1e-9)) break;
  }
  std::vector<double> ticks;
  const auto first = static_cast<std::int64_t>(std::floor(low / step + 1e-9));
  const auto last = static_cast<std::int64_t>(std::ceil(high / step - 1e-9));
  for (std::int64_t i = first; i <= last; ++i) ticks.push_back(static_cast<double>(i) * step);
  return ticks;
}

std::string line_chart_svg(const LineChart& chart, int width) {
  Range x_range, y_range;
  std::vector<double> x_values;
  for (const ChartSeries& series : chart.series)
    for (const ChartPoint& point : series.points) {
      x_range.add(point.x);
      x_values.push_back(point.x);
      y_range.add(point.y);
      y_range.add(point.low);
      y_range.add(point.high);
    }
  if (x_values.empty()) throw Error("chart: there is no point to draw");
  for (const ReferenceLine& line : chart.references) {
    y_range.add(line.y);
    y_range.add(line.low);
    y_range.add(line.high);
  }
  x_range.widen();
  y_range.widen();
  const bool logarithmic = y_range.low > 0 && y_range.high / y_range.low > 5;
  std::sort(x_values.begin(), x_values.end());
  x_values.erase(std::unique(x_values.begin(), x_values.end()), x_values.end());

  const bool narrow = width < 480;
  const std::vector<double> y_ticks = logarithmic ? logarithmic_ticks(y_range.low, y_range.high)
                                                  : nice_ticks(y_range.low, y_range.high, narrow ? 5 : 6);
  const double y_step = logarithmic ? y_ticks.front() : y_ticks[1] - y_ticks[0];
  double tick_width = 0;
  for (const double tick : y_ticks) tick_width = std::max(tick_width, text_width(tick_text(tick, y_step)));

  // Legend first, in as many rows as it needs.
  std::string out;
  double legend_x = 0, legend_y = 14;
  const auto next_entry = [&](const std::string& name) {
    const double needed = 30 + text_width(name) + 16;
    if (legend_x > 0 && legend_x + needed > width) {
      legend_x = 0;
      legend_y += 21;
    }
    const double at = legend_x;
    legend_x += needed;
    return at;
  };
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const double x = next_entry(chart.series[i].name);
    if (chart.series[i].joined)
      out += line_at(x + 2, legend_y - 4, x + 24, legend_y - 4, fmt::format("line s{}", i % series_colours));
    out += marker_at(x + 13, legend_y - 4, i);
    out += text_at(x + 30, legend_y, chart.series[i].name, "start", "label");
  }
  for (std::size_t i = 0; i < chart.references.size(); ++i) {
    const double x = next_entry(chart.references[i].name);
    out += line_at(x + 2, legend_y - 4, x + 24, legend_y - 4, fmt::format("reference r{}", i % 3));
    out += text_at(x + 30, legend_y, chart.references[i].name, "start", "label");
  }

  const bool has_second = !chart.second_label.empty();
  const double left = std::max({tick_width, text_width(chart.x_label), text_width(chart.second_label)}) + 12;
  const double right = width - 2.0;
  const double top = legend_y + 44, plot_height = chart.plot_height.value_or(narrow ? 240 : 320),
               bottom = top + plot_height;
  const double height = bottom + (has_second ? 48 : 28);
  const double padding = narrow ? 16 : 28;
  const auto x_of = [&](double x) {
    return left + padding + (x - x_range.low) / (x_range.high - x_range.low) * (right - left - 2 * padding);
  };
  const auto y_of = [&](double y) {
    const auto scale = [&](double value) { return logarithmic ? std::log(value) : value; };
    const double low = scale(y_ticks.front()), high = scale(y_ticks.back());
    return bottom - (scale(y) - low) / (high - low) * plot_height;
  };

  out += text_at(0, top - 16, chart.y_label + (logarithmic ? ", log scale" : ""), "start", "axis-title");
  for (const double tick : y_ticks) {
    out += line_at(left, y_of(tick), right, y_of(tick), "grid");
    out += text_at(left - 7, y_of(tick) + 4, tick_text(tick, y_step), "end", "tick");
  }
  out += line_at(left, bottom, right, bottom, "axis");

  if (chart.round_ticks) {
    x_values = nice_ticks(x_range.low, x_range.high, narrow ? 5 : 8);
    std::erase_if(x_values, [&](double x) { return x < x_range.low || x > x_range.high; });
  }
  // Where the labels of ticks crowd, some are left out.
  double last_label = -1e9;
  for (const double value : x_values) {
    const double x = x_of(value);
    out += line_at(x, bottom, x, bottom + 5, "axis");
    const std::string second = plain_number(value + chart.second_offset);
    const double needed = std::max(text_width(plain_number(value)), has_second ? text_width(second) : 0) + 6;
    if (x - last_label < needed) continue;
    last_label = x;
    out += text_at(x, bottom + 19, plain_number(value), "middle", "tick");
    if (has_second) out += text_at(x, bottom + 39, second, "middle", "tick");
  }
  out += text_at(left - 7, bottom + 19, chart.x_label, "end", "axis-title");
  if (has_second) out += text_at(left - 7, bottom + 39, chart.second_label, "end", "axis-title");

  for (std::size_t i = 0; i < chart.references.size(); ++i) {
    const ReferenceLine& line = chart.references[i];
    if (line.low && line.high)
      out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"band r{}\"/>\n",
                         left, y_of(*line.high), right - left, y_of(*line.low) - y_of(*line.high), i % 3);
    out += line_at(left, y_of(line.y), right, y_of(line.y), fmt::format("reference r{}", i % 3));
  }

  const auto middle = static_cast<double>(chart.series.size() - 1) / 2;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    // Series stand a little apart, so that whiskers at one x do not cover each other.
    const double shift = (static_cast<double>(i) - middle) * (narrow ? 4 : 6);
    const std::string colour = fmt::format("s{}", i % series_colours);
    std::string path;
    for (const ChartPoint& point : chart.series[i].points)
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x_of(point.x) + shift, y_of(point.y));
    if (chart.series[i].joined && chart.series[i].points.size() > 1)
      out += fmt::format("<path d=\"{}\" class=\"line {}\"/>\n", path, colour);
    for (const ChartPoint& point : chart.series[i].points)
      if (point.low && point.high)
        out += whisker_at(x_of(point.x) + shift, y_of(*point.low), y_of(*point.high), colour);
    for (const ChartPoint& point : chart.series[i].points) out += marker_at(x_of(point.x) + shift, y_of(point.y), i);
  }
  return frame(chart.alternative, width, height, out);
}

std::string forest_plot_svg(const ForestPlot& plot, int width) {
  if (plot.rows.empty()) throw Error("chart: there is no row to draw");
  Range range;
  range.add(0.0);
  for (const ForestRow& row : plot.rows) {
    range.add(row.value);
    range.add(row.low);
    range.add(row.high);
    for (const double point : row.points) range.add(point);
  }
  range.widen();
  const bool narrow = width < 480;
  double label_width = 0;
  for (const ForestRow& row : plot.rows)
    label_width = std::max({label_width, text_width(row.label), text_width(row.detail)});
  label_width = std::min(label_width, width * 0.45);

  const double left = narrow ? 10 : label_width + 16, right = width - 14.0;
  const double row_height = narrow ? 58 : 40;
  const double top = plot.left_label.empty() && plot.right_label.empty() ? 8 : 26;
  const double bottom = top + row_height * static_cast<double>(plot.rows.size());
  const std::vector<double> ticks = nice_ticks(range.low, range.high, narrow ? 4 : 7);
  const double step = ticks.size() > 1 ? ticks[1] - ticks[0] : 1;
  const auto x_of = [&](double x) {
    return left + (x - ticks.front()) / (ticks.back() - ticks.front()) * (right - left);
  };

  std::string out;
  for (const double tick : ticks) {
    const double x = x_of(tick);
    out += line_at(x, top, x, bottom, "grid");
    // The outer labels stay inside the drawing.
    const bool first = narrow && tick == ticks.front(), last = tick == ticks.back();
    out += text_at(first  ? x - 8
                   : last ? x + 12
                          : x,
                   bottom + 18, tick_text(tick, step),
                   first  ? "start"
                   : last ? "end"
                          : "middle",
                   "tick");
  }
  const double zero = x_of(0);
  out += line_at(zero, top, zero, bottom, "zero");
  if (!plot.left_label.empty() && zero - left > text_width(plot.left_label) + 14)
    out += text_at(zero - 8, top - 10, "\u2190 " + plot.left_label, "end", "axis-title");
  if (!plot.right_label.empty() && right - zero > text_width(plot.right_label) + 14)
    out += text_at(zero + 8, top - 10, plot.right_label + " \u2192", "start", "axis-title");
  out +=
      text_at(narrow ? right : (left + right) / 2, bottom + 37, plot.x_label, narrow ? "end" : "middle", "axis-title");

  for (std::size_t i = 0; i < plot.rows.size(); ++i) {
    const ForestRow& row = plot.rows[i];
    const double row_top = top + row_height * static_cast<double>(i);
    const double y = narrow ? row_top + 42 : row_top + row_height / 2;
    if (narrow) {
      out += text_at(2, row_top + 16, row.label, "start", "label halo");
      out += text_at(2, row_top + 31, row.detail, "start", "tick halo");
    } else {
      out += text_at(label_width, row.detail.empty() ? y + 4 : y - 2, row.label, "end", "label");
      if (!row.detail.empty()) out += text_at(label_width, y + 13, row.detail, "end", "tick");
    }
    const char* tone = row.tone == Tone::good ? "good" : row.tone == Tone::bad ? "bad" : "neutral";
    for (const double point : row.points)
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\" class=\"seed\"/>\n", x_of(point), y + 9);
    if (row.low && row.high) {
      const std::string classes = fmt::format("whisker {}", tone);
      out += line_at(x_of(*row.low), y, x_of(*row.high), y, classes);
      out += line_at(x_of(*row.low), y - 4.5, x_of(*row.low), y + 4.5, classes);
      out += line_at(x_of(*row.high), y - 4.5, x_of(*row.high), y + 4.5, classes);
    }
    // Filled when the interval leaves zero out.
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"9\" height=\"9\" class=\"estimate {}\"/>\n",
                       x_of(row.value) - 4.5, y - 4.5, tone);
  }
  return frame(plot.alternative, width, bottom + 48, out);
}

std::string standalone_svg(const std::string& svg) {
  std::string out = svg;
  out.replace(0, 4, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
  const std::size_t after = out.find(">\n") + 2;
  out.insert(
      after,
      fmt::format("<style>\n{}.chart {{ font-family: system-ui, sans-serif; background: var(--surface); }}\n</style>\n",
                  chart_css));
  return out;
}

}  // namespace assay
