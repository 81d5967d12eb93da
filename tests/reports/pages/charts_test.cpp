#include "reports/pages/charts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "core/error.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<double> attribute(const std::string& svg, const std::string& element, const std::string& name) {
  std::vector<double> values;
  const std::regex tag("<" + element + "[^>]*>");
  const std::regex value(" " + name + "=\"([^\"]*)\"");
  for (std::sregex_iterator it(svg.begin(), svg.end(), tag), end; it != end; ++it) {
    const std::string text = it->str();
    std::smatch match;
    if (std::regex_search(text, match, value)) values.push_back(std::stod(match[1]));
  }
  return values;
}

LineChart curve() {
  LineChart chart;
  chart.alternative = "fd against w";
  chart.x_label = "w";
  chart.second_label = "w_cfg";
  chart.second_offset = -1;
  chart.y_label = "fd";
  chart.series = {{"label", {{1, 20, 15, 25}, {2, 10, 8, 12}, {3, 30, 28, 32}}}};
  return chart;
}

TEST(Ticks, AreRoundAndCoverTheRange) {
  EXPECT_THAT(nice_ticks(0, 10, 6), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(nice_ticks(-67, 326, 7), ElementsAre(-100, 0, 100, 200, 300, 400));
  const std::vector<double> small = nice_ticks(0.31, 0.39, 5);
  EXPECT_NEAR(small.front(), 0.3, 1e-12);
  EXPECT_NEAR(small.back(), 0.4, 1e-12);
}

TEST(LineChartSvg, DrawsHigherValuesHigher) {
  // The markers of a first series are circles; the first circle belongs to the legend.
  const std::vector<double> y = attribute(line_chart_svg(curve(), 700), "circle", "cy");
  ASSERT_EQ(y.size(), 4U);
  EXPECT_GT(y[2], y[1]) << "10 below 20";
  EXPECT_LT(y[3], y[1]) << "30 above 20";
}

TEST(LineChartSvg, PlacesValuesOnALinearScale) {
  const std::vector<double> y = attribute(line_chart_svg(curve(), 700), "circle", "cy");
  ASSERT_EQ(y.size(), 4U);
  EXPECT_NEAR(y[1] - y[3], y[2] - y[1], 0.21) << "20 is midway between 10 and 30";
}

TEST(LineChartSvg, SpansOfMoreThanFiveAreLogarithmic) {
  LineChart chart = curve();
  chart.series = {{"label", {{1, 10, {}, {}}, {2, 100, {}, {}}, {3, 1000, {}, {}}}}};
  const std::string svg = line_chart_svg(chart, 700);
  const std::vector<double> y = attribute(svg, "circle", "cy");
  ASSERT_EQ(y.size(), 4U);
  EXPECT_NEAR(y[1] - y[2], y[2] - y[3], 0.21);
  EXPECT_THAT(svg, HasSubstr("log scale"));
  EXPECT_THAT(line_chart_svg(curve(), 700), Not(HasSubstr("log scale")));
}

TEST(LineChartSvg, ShowsBothConventionsOfTheWeight) {
  const std::string svg = line_chart_svg(curve(), 700);
  EXPECT_THAT(svg, HasSubstr(">w</text>"));
  EXPECT_THAT(svg, HasSubstr(">w_cfg</text>"));
  EXPECT_THAT(svg, HasSubstr(">0</text>")) << "w = 1 is w_cfg = 0";
}

TEST(LineChartSvg, StaysInsideItsWidth) {
  LineChart chart = curve();
  chart.series.push_back({"an arm with a rather long name", {{1, 22, 20, 24}, {3, 18, 17, 19}}});
  chart.references.push_back({"uncond_w0", 25, 24, 26});
  for (const int width : {320, 860}) {
    const std::string svg = line_chart_svg(chart, width);
    for (const char* name : {"x1", "x2"})
      for (const double x : attribute(svg, "line", name)) {
        EXPECT_GE(x, 0);
        EXPECT_LE(x, width);
      }
    const double height = attribute(svg, "svg", "height")[0];
    for (const double y : attribute(svg, "text", "y")) EXPECT_LE(y, height);
  }
}

TEST(LineChartSvg, EscapesNames) {
  LineChart chart = curve();
  chart.series[0].name = "<script>";
  chart.alternative = "\"><script>";
  EXPECT_THAT(line_chart_svg(chart, 700), Not(HasSubstr("<script>")));
}

TEST(LineChartSvg, RefusesNothingAndNan) {
  EXPECT_THROW(line_chart_svg(LineChart{}, 700), Error);
  LineChart chart = curve();
  chart.series[0].points[1].y = std::nan("");
  EXPECT_THROW(line_chart_svg(chart, 700), Error);
}

TEST(LineChartSvg, OnePointIsEnough) {
  LineChart chart = curve();
  chart.series = {{"label", {{2, 5, {}, {}}}}};
  EXPECT_THAT(line_chart_svg(chart, 700), Not(HasSubstr("nan")));
}

ForestPlot differences() {
  ForestPlot plot;
  plot.alternative = "differences";
  plot.x_label = "difference of fd";
  plot.left_label = "A better";
  plot.right_label = "B better";
  plot.rows = {{"a - b", "w = 1", -20, -30.0, -10.0, {-25, -15}, Tone::good},
               {"c - b", "w = 1", 10, -10.0, 30.0, {}, Tone::neutral}};
  return plot;
}

TEST(ForestPlotSvg, PutsDifferencesOnTheirSideOfZero) {
  for (const int width : {340, 860}) {
    const std::string svg = forest_plot_svg(differences(), width);
    std::smatch zero;
    ASSERT_TRUE(std::regex_search(svg, zero, std::regex("x1=\"([0-9.]+)\"[^>]*class=\"zero\"")));
    const std::vector<double> squares = attribute(svg, "rect", "x");
    ASSERT_EQ(squares.size(), 2U);
    EXPECT_LT(squares[0] + 4.5, std::stod(zero[1]));
    EXPECT_GT(squares[1] + 4.5, std::stod(zero[1]));
    EXPECT_EQ(attribute(svg, "circle", "cx").size(), 2U) << "one dot a seed";
  }
}

TEST(ForestPlotSvg, AlwaysShowsZero) {
  ForestPlot plot = differences();
  plot.rows = {{"a - b", "", 100, 90.0, 110.0, {}, Tone::bad}};
  EXPECT_THAT(forest_plot_svg(plot, 700), HasSubstr(">0</text>"));
}

TEST(ForestPlotSvg, RefusesNothing) { EXPECT_THROW(forest_plot_svg(ForestPlot{}, 700), Error); }

TEST(StandaloneSvg, BringsItsNameSpaceAndColours) {
  const std::string svg = standalone_svg(line_chart_svg(curve(), 700));
  EXPECT_THAT(svg, HasSubstr("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox"));
  EXPECT_THAT(svg, HasSubstr("--s0:"));
  EXPECT_LT(svg.find("<style>"), svg.find("<line"));
}

}  // namespace
}  // namespace assay
