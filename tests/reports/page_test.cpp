// The page as a browser shows it: headless Chromium, light and dark, phone and desktop width.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "core/file.h"
#include "reports/report.h"
#include "tests/reports/sample_pictures.h"
#include "tests/reports/sample_store.h"
#include "tests/support/temporary_folder.h"

namespace assay {
namespace {

constexpr int phone = 390;
constexpr int desktop = 1280;
constexpr int window_height = 1600;

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> buffer{};
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) text.append(buffer.data(), n);
  ::pclose(pipe);
  return text;
}

std::string browser() {
  std::string path = output_of("command -v chromium || command -v chromium-browser || command -v google-chrome");
  while (!path.empty() && path.back() == '\n') path.pop_back();
  return path.substr(0, path.find('\n'));
}

class Page : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (browser().empty()) return;
    folder = new test::TemporaryFolder;
    test::fill_full_store(*folder / "results.sqlite");
    ReportOptions options;
    options.store = *folder / "results.sqlite";
    options.out = folder->path();
    write_report(options);
    // Below 500 pixels the browser has no window: the report is shown in frames of the widths wanted. Frames of one
    // folder may look into each other with --allow-file-access-from-files.
    write_file_atomically(*folder / "measure.html", fmt::format(R"(<!DOCTYPE html><body>
<iframe src="report.html" style="width:{}px;height:1600px"></iframe>
<iframe src="report.html" style="width:{}px;height:1600px"></iframe>
<pre id="result"></pre><script>
onload = () => {{
  const result = [...document.querySelectorAll("iframe")].map(frame => {{
    const page = frame.contentDocument, root = page.documentElement;
    page.querySelectorAll("details").forEach(each => each.open = true);
    const shown = element => element.getClientRects().length > 0;
    return {{
      scroll_width: root.scrollWidth, client_width: root.clientWidth,
      wide: [...page.querySelectorAll("main *")].filter(shown)
        .filter(each => !each.closest(".scroll") && each.getBoundingClientRect().right > root.clientWidth + 0.5)
        .map(each => each.tagName + "." + each.className).slice(0, 5),
      sections: [...page.querySelectorAll("section")].filter(shown).map(each => each.id),
      images: page.images.length,
      decoded: [...page.images].filter(each => each.naturalWidth > 0).length,
      charts: [...page.querySelectorAll("svg")].filter(shown).length,
      overflowing_labels: [...page.querySelectorAll("svg")].filter(shown).flatMap(svg => {{
        const box = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")].filter(text => {{
          const r = text.getBoundingClientRect();
          return r.left < box.left - 1 || r.right > box.right + 1 || r.bottom > box.bottom + 1;
        }}).map(text => text.textContent);
      }}),
      smallest_text: Math.min(...[...page.querySelectorAll("p,td,th,li,dd,dt,code,figcaption,svg text")].filter(shown)
        .map(each => parseFloat(frame.contentWindow.getComputedStyle(each).fontSize))),
      first_page: [".showcase", ".opening svg", ".verdicts"].map(name =>
        Math.max(...[...page.querySelectorAll(name)].filter(shown).map(each => each.getBoundingClientRect().bottom))),
      rendering: page.images.length ? frame.contentWindow.getComputedStyle(page.images[0]).imageRendering : "",
      requests: frame.contentWindow.performance.getEntriesByType("resource")
        .filter(each => !each.name.startsWith("data:")).length,
    }};
  }});
  document.getElementById("result").textContent = "BEGIN" + JSON.stringify(result) + "END";
}};
</script></body>)",
                                                                phone, desktop));
    for (const int width : {phone, desktop})
      write_file_atomically(
          *folder / fmt::format("frame{}.html", width),
          fmt::format("<!DOCTYPE html><body style=\"margin:0;overflow:hidden\"><iframe src=\"report.html\" "
                      "style=\"border:0;display:block;width:{}px;height:{}px\"></iframe></body>",
                      width, window_height));
  }
  static void TearDownTestSuite() {
    delete folder;
    folder = nullptr;
  }
  void SetUp() override {
    if (folder == nullptr) GTEST_SKIP() << "no Chromium here (Debian package: chromium)";
  }

  static std::string run(const std::string& arguments) {
    return output_of(
        fmt::format("timeout 120 {} --headless --no-sandbox --disable-gpu --hide-scrollbars "
                    "--allow-file-access-from-files --user-data-dir='{}' {} 2>/dev/null",
                    browser(), (*folder / "profile").string(), arguments));
  }

  /// What the script in measure.html found: phone first, then desktop.
  static nlohmann::json measure() {
    static nlohmann::json found;
    if (!found.is_null()) return found;
    std::string dom = run(fmt::format("--dump-dom 'file://{}'", (*folder / "measure.html").string()));
    const std::size_t begin = dom.find("BEGIN["), end = dom.rfind("]END");
    if (begin == std::string::npos || end == std::string::npos)
      throw std::runtime_error("the browser did not run the page: " + dom.substr(0, 500));
    std::string text = dom.substr(begin + 5, end - begin - 4);
    for (const auto& [entity, character] : {std::pair{"&gt;", ">"}, {"&lt;", "<"}, {"&amp;", "&"}})
      for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos;)
        text.replace(at, std::string(entity).size(), character);
    found = nlohmann::json::parse(text);
    return found;
  }

  static test::PixelImage screenshot(int width, bool dark) {
    const std::filesystem::path file = *folder / fmt::format("{}-{}.png", width, dark ? "dark" : "light");
    run(fmt::format("--blink-settings=preferredColorScheme={} --window-size={},{} --screenshot='{}' 'file://{}'",
                    dark ? 0 : 1, std::max(width, 500), window_height, file.string(),
                    (*folder / fmt::format("frame{}.html", width)).string()));
    return test::read_png(file);
  }

  static test::TemporaryFolder* folder;
};
test::TemporaryFolder* Page::folder = nullptr;

double luminance(const test::PixelImage& image, int x, int y) {
  const std::uint8_t* p = &image.pixels[(static_cast<std::size_t>(y) * image.width + x) * 3];
  return (0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2]) / 255;
}

TEST_F(Page, NeverScrollsSideways) {
  const nlohmann::json found = measure();
  for (const int i : {0, 1}) {
    EXPECT_EQ(found[i]["client_width"], i == 0 ? phone : desktop);
    EXPECT_LE(found[i]["scroll_width"], found[i]["client_width"]);
    EXPECT_TRUE(found[i]["wide"].empty()) << found[i]["wide"];
  }
}

TEST_F(Page, ShowsEverySectionAndPicture) {
  const nlohmann::json found = measure();
  const nlohmann::json sections{"overview",    "claims",   "ledger",     "paper-tables", "scores",
                                "comparisons", "guidance", "learning",   "clusters",     "images",
                                "timings",     "notes",    "provenance", "protocols",    "artifacts"};
  for (const int i : {0, 1}) {
    EXPECT_EQ(found[i]["sections"], sections);
    EXPECT_EQ(found[i]["images"], 21);
    EXPECT_EQ(found[i]["decoded"], 21);
    EXPECT_EQ(found[i]["rendering"], "pixelated");
    EXPECT_EQ(found[i]["charts"], 4) << "one of the two widths each";
  }
}

TEST_F(Page, FirstScreenShowsPicturesChartAndVerdictsWithoutScrolling) {
  const nlohmann::json found = measure();
  for (const auto& bottom : found[1]["first_page"]) EXPECT_LE(bottom, 900);
}

TEST_F(Page, IsReadable) {
  const nlohmann::json found = measure();
  for (const int i : {0, 1}) {
    EXPECT_TRUE(found[i]["overflowing_labels"].empty()) << found[i]["overflowing_labels"];
    EXPECT_GE(found[i]["smallest_text"], 11.0);
  }
}

TEST_F(Page, MakesNoRequest) {
  const nlohmann::json found = measure();
  for (const int i : {0, 1}) EXPECT_EQ(found[i]["requests"], 0);
}

TEST_F(Page, IsLightOrDarkAsAskedAtBothWidths) {
  for (const int width : {phone, desktop})
    for (const bool dark : {false, true}) {
      const std::string what = fmt::format("{} px, {}", width, dark ? "dark" : "light");
      const test::PixelImage image = screenshot(width, dark);
      ASSERT_EQ(image.width, std::max(width, 500)) << what;
      ASSERT_EQ(image.height, window_height) << what;
      // The left edge is page ground all the way down; text and charts are what differs from it.
      const double ground = luminance(image, 3, 800);
      EXPECT_TRUE(dark ? ground < 0.15 : ground > 0.9) << what << ": " << ground;
      std::int64_t like_ground = 0, contrasting = 0;
      std::set<int> rows;
      for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < width; ++x) {
          const double value = luminance(image, x, y);
          if (std::abs(value - ground) < 0.25) ++like_ground;
          if (std::abs(value - ground) > 0.5) {
            ++contrasting;
            rows.insert(y);
          }
        }
      // Pictures of any brightness stand on it.
      EXPECT_GT(like_ground, width * image.height / 2) << what;
      EXPECT_GT(contrasting, width * image.height / 200) << what << " is blank";
      EXPECT_GT(rows.size(), 300U) << what << " has text on few lines only";
    }
}

}  // namespace
}  // namespace assay
