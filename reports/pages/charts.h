#pragma once
#include <optional>
#include <string>
#include <vector>

#include "reports/pages/document.h"

namespace assay {

/// Drawings as SVG elements. Colours come from the classes in chart.css (light, dark, safe for colour blindness);
/// series differ by marker too. Widths in CSS pixels; below 480 the layout suits a phone.

struct ChartPoint {
  double x = 0.0;
  double y = 0.0;
  std::optional<double> low;
  std::optional<double> high;
};

struct ChartSeries {
  std::string name;
  std::vector<ChartPoint> points;  // by x
  bool joined = true;              // by a line
};

/// A horizontal line with its interval as a band.
struct ReferenceLine {
  std::string name;
  double y = 0.0;
  std::optional<double> low;
  std::optional<double> high;
};

struct LineChart {
  std::string alternative;  // said instead of the drawing
  std::string x_label;
  std::string second_label;  // of a second x axis that shows x + second_offset; empty for none
  double second_offset = 0.0;
  std::string y_label;
  std::vector<ChartSeries> series;
  std::vector<ReferenceLine> references;
  bool round_ticks = false;           // of x; otherwise they stand at the values of the points
  std::optional<double> plot_height;  // CSS pixels, without axes and legend; by the width unless given
};

/// The y axis is logarithmic where all is positive and spans more than a factor of 5. Throws Error when there is no
/// point, or a number is not finite.
std::string line_chart_svg(const LineChart& chart, int width);

struct ForestRow {
  std::string label;
  std::string detail;
  double value = 0.0;
  std::optional<double> low;
  std::optional<double> high;
  std::vector<double> points;  // single seeds
  Tone tone = Tone::neutral;
};

/// Differences with intervals, one a row, around a line at zero.
struct ForestPlot {
  std::string alternative;
  std::string x_label;
  std::string left_label;  // what lies left of zero; may be empty
  std::string right_label;
  std::vector<ForestRow> rows;
};

/// Throws Error when there is no row, or a number is not finite.
std::string forest_plot_svg(const ForestPlot& plot, int width);

/// Round numbers that cover [low, high]: about `count` of them, steps of 1, 2 or 5 times a power of ten.
std::vector<double> nice_ticks(double low, double high, int count);

/// An SVG that stands alone: with name space and the rules of chart.css.
std::string standalone_svg(const std::string& svg);

}  // namespace assay
