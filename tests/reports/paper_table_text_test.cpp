#include "reports/paper_table_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "reports/pages/escape.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// Two rows of two metrics: one cell with ours beside it, one not run, one unknown and run, one unknown and not run.
class PaperTableText : public ::testing::Test {
 protected:
  PaperTableText() {
    const auto cell = [](const std::string& label, const std::string& metric, const std::string& printed) {
      PublishedRow row;
      row.method = "ed_dpm";
      row.title = "ImageNet 50% & more";
      row.source = "README, section_2";
      row.label = label;
      row.metric = metric;
      row.better = metric == "FID" ? Better::lower : Better::higher;
      row.printed = printed;
      if (printed.empty()) return row;
      row.value = std::stod(printed);
      row.trust = metric == "FID" ? "ED" : "M";
      row.trust_meaning = metric == "FID" ? "read in the release" : "recalled";
      return row;
    };
    cells = {cell("[25]-G", "FID", "14.22"), cell("[25]-G", "IS", "83.38"), cell("G+EDS, 90%", "FID", ""),
             cell("G+EDS, 90%", "IS", "")};
    cells[0].ours = nlohmann::json::parse(
        R"([{"arm": "g", "score": "fid", "protocol": "fid-tf1", "params": {}, "stand_in": false}])");
    cells[2].ours = nlohmann::json::parse(
        R"([{"arm": "eds", "score": "fid", "protocol": "fid-tf1", "params": {}, "stand_in": false}])");
    for (const char* arm : {"g", "eds"})
      for (std::int64_t seed = 0; seed < 2; ++seed) {
        ScoreRow score;
        score.run = seed + 1;
        score.arm = arm;
        score.name = "fid";
        score.protocol = "fid-tf1";
        score.n = 500;
        // Mean 20.3235, half-width of t over two seeds 12.7062 * 0.2828 / sqrt 2 = 2.541.
        score.value = 20.123456 + 0.4 * static_cast<double>(seed);
        scores.push_back(score);
      }
    for (std::int64_t seed = 0; seed < 2; ++seed) {
      RunRow run;
      run.id = seed + 1;
      run.method = "ed_dpm";
      run.tier = "mini";
      run.dataset = "emoji";
      run.seed = seed;
      runs.push_back(run);
    }
    groups = group_scores(scores, runs);
    tables = published_tables(cells, groups);
  }

  std::vector<PublishedRow> cells;
  std::vector<ScoreRow> scores;
  std::vector<RunRow> runs;
  std::vector<ScoreGroup> groups;
  std::vector<PublishedTable> tables;
};

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> parts{""};
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text.compare(i, by.size(), by) == 0) {
      parts.emplace_back();
      i += by.size() - 1;
    } else {
      parts.back() += text[i];
    }
  return parts;
}

/// Reads RFC 4180 by its grammar.
std::vector<std::vector<std::string>> read_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows{{""}};
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"')
      rows.back().back() += text[i++];
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == ',')
      rows.back().emplace_back();
    else if (!quoted && c == '\r')
      continue;
    else if (!quoted && c == '\n')
      rows.push_back({""});
    else
      rows.back().back() += c;
  }
  rows.pop_back();
  return rows;
}

TEST_F(PaperTableText, MarkdownSaysTierIntervalSeedsAndVerdictAndLeavesUnknownBlank) {
  const std::string text = paper_tables_markdown(tables);
  EXPECT_THAT(text, HasSubstr("### ed_dpm: ImageNet 50% &amp; more"));
  // A half-width of 2.5 supports one decimal.
  EXPECT_THAT(text,
              HasSubstr("| \\[25\\]-G | FID (lower is better) | 14.22 (ED) | 20.3 | \\[17.8, 22.9\\] | 2 | mini | "
                        "not comparable | mini tier |"));
  EXPECT_THAT(text, HasSubstr("| \\[25\\]-G | IS (higher is better) | 83.38 (M) |  |  |  |  | not run |  |"));
  EXPECT_THAT(text, HasSubstr("| FID (lower is better) |  | 20.3 | \\[17.8, 22.9\\] | 2 | mini | not comparable | the "
                              "published number is unknown |"));
  EXPECT_THAT(text, HasSubstr("| IS (higher is better) |  |  |  |  |  | not run |  |"));
  EXPECT_THAT(text, HasSubstr("Interval: 95%, t over 2 seeds."));
}

TEST_F(PaperTableText, CsvHasOneLineACellAndNothingWhereNothingIsKnown) {
  const auto rows = read_csv(paper_tables_csv(tables));
  ASSERT_EQ(rows.size(), 5U);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows.front().size());
  const auto field = [&](std::size_t row, const std::string& name) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), name);
    return found == rows[0].end() ? "no such column" : rows[row][static_cast<std::size_t>(found - rows[0].begin())];
  };
  EXPECT_EQ(field(1, "row"), "[25]-G");
  EXPECT_EQ(field(1, "published"), "14.22");
  EXPECT_EQ(field(1, "ours"), "20.3");
  EXPECT_EQ(field(1, "low"), "17.8");
  EXPECT_EQ(field(1, "high"), "22.9");
  EXPECT_EQ(field(1, "runs"), "1 2");
  EXPECT_EQ(field(1, "verdict"), "not comparable");
  EXPECT_EQ(field(2, "ours"), "");
  EXPECT_EQ(field(3, "published"), "");
  EXPECT_EQ(field(3, "row"), "G+EDS, 90%");
  EXPECT_EQ(field(4, "published") + field(4, "ours") + field(4, "tier") + field(4, "seeds"), "");
}

/// What LaTeX would refuse, read by a small reader of its grammar: specials that are not escaped, braces and
/// environments that do not match, mathematics that does not end, rows with another number of cells than columns.
std::string fault_of_latex(const std::string& text) {
  std::vector<std::string> open;
  int braces = 0;
  bool mathematics = false;
  std::size_t cells = 0, columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x80) return "a character beyond ASCII";
    if (c == '\\') {
      const char next = i + 1 < text.size() ? text[i + 1] : '\0';
      if (next == '\\') {
        if (cells + 1 != columns) return "a row of " + std::to_string(cells + 1) + " cells";
        cells = 0;
        // What follows must not be read as an argument of it.
        const std::size_t after = text.find_first_not_of(" \n", i + 2);
        if (after != std::string::npos && (text[after] == '[' || text[after] == '*')) return "an argument behind a row";
        ++i;
      } else if (std::string("&%$#_{}").find(next) != std::string::npos) {
        ++i;
      } else {
        std::size_t end = i + 1;
        while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end])) != 0) ++end;
        const std::string command = text.substr(i + 1, end - i - 1);
        if (command == "begin" || command == "end") {
          const std::string name = text.substr(end + 1, text.find('}', end) - end - 1);
          if (command == "begin") {
            open.push_back(name);
            if (name == "tabular") {
              const std::size_t from = end + 3 + name.size();
              columns = text.find('}', from) - from;
            }
          } else if (open.empty() || open.back() != name) {
            return "\\end{" + name + "}";
          } else {
            open.pop_back();
          }
        }
        i = end - 1;
      }
    } else if (c == '%') {
      if (i != 0 && text[i - 1] != '\n') return "a comment in a line";
      i = std::min(text.find('\n', i), text.size());
    } else if (c == '{') {
      ++braces;
    } else if (c == '}') {
      if (--braces < 0) return "a brace too many";
    } else if (c == '$') {
      mathematics = !mathematics;
    } else if (c == '&') {
      ++cells;
    } else if ((c == '_' || c == '^') && !mathematics) {
      return std::string("an unescaped ") + c;
    } else if (c == '#') {
      return "an unescaped #";
    }
  }
  return braces != 0 ? "an open brace" : mathematics ? "open mathematics" : open.empty() ? "" : "open " + open.back();
}

TEST_F(PaperTableText, LatexIsWellFormedAndItsRowsHaveAsManyCellsAsColumns) {
  const std::string text = paper_tables_latex(tables);
  EXPECT_EQ(fault_of_latex(text), "") << text;
  EXPECT_THAT(text, HasSubstr("\\caption{ImageNet 50\\% \\& more (ed\\_dpm). Read in: README, section\\_2."));
  EXPECT_THAT(text, HasSubstr("    {[}25{]}{-}G & FID $\\downarrow$ & 14.22\\textsuperscript{ED} & 20.3 & "
                              "{[}17.8, 22.9{]} & 2 & mini & not comparable\\textsuperscript{1} \\\\"));
  EXPECT_THAT(text, HasSubstr("     & IS $\\uparrow$ & 83.38\\textsuperscript{M} &  &  &  &  & not run \\\\"));
  EXPECT_THAT(text, HasSubstr("\\textsuperscript{1}~mini tier; \\textsuperscript{2}~the published number is unknown."));
  EXPECT_THAT(text, HasSubstr("\\bottomrule"));
}

TEST(LatexReader, FindsWhatItIsMeantToFind) {
  EXPECT_EQ(fault_of_latex("50% of_it"), "a comment in a line");
  EXPECT_EQ(fault_of_latex("a_b"), "an unescaped _");
  EXPECT_EQ(fault_of_latex("{a"), "an open brace");
  EXPECT_EQ(fault_of_latex("\\begin{tabular}{ll}a \\\\\\end{tabular}"), "a row of 1 cells");
  EXPECT_EQ(fault_of_latex("\\begin{tabular}{l}a \\\\ [b] \\\\\\end{tabular}"), "an argument behind a row");
  EXPECT_EQ(fault_of_latex("\xC2\xB1"), "a character beyond ASCII");
}

TEST(EscapeLatex, LeavesNothingThatLatexWouldReadAsMarkup) {
  EXPECT_EQ(escape_latex("50% & a_b #1 {x} $y"), "50\\% \\& a\\_b \\#1 \\{x\\} \\$y");
  EXPECT_EQ(escape_latex("a\\b~c^d"), "a\\textbackslash{}b\\textasciitilde{}c\\textasciicircum{}d");
  EXPECT_EQ(escape_latex("1.5 ± 0.2, 32×32, −1 ≤ x"), "1.5 $\\pm$ 0.2, 32$\\times$32, $-$1 $\\leq$ x");
  EXPECT_EQ(escape_latex("a\nb"), "a b");
  EXPECT_EQ(escape_latex("Fréchet 画"), "Fréchet ?");
  EXPECT_EQ(escape_latex("\xFF"), "?");
  std::string all;
  for (char c = ' '; c < 127; ++c) all += c;
  EXPECT_EQ(fault_of_latex(escape_latex(all)), "");
}

TEST(PaperTableTextOfNothing, IsEmpty) {
  EXPECT_EQ(paper_tables_markdown({}), "");
  EXPECT_EQ(read_csv(paper_tables_csv({})).size(), 1U);
  EXPECT_THAT(split(paper_tables_latex({}), "\n"), ElementsAre("% Needs \\usepackage{booktabs}.", ""));
  EXPECT_THAT(paper_tables_latex({}), Not(HasSubstr("tabular")));
}

}  // namespace
}  // namespace assay
