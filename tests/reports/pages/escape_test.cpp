#include "reports/pages/escape.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

TEST(Escape, HtmlMarkupBecomesText) {
  EXPECT_EQ(escape_html("<script>alert('a' & \"b\")</script>"),
            "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;");
}

TEST(Escape, ValidUtf8Stays) { EXPECT_EQ(escape_html("é \u2212 \U0001F600"), "é \u2212 \U0001F600"); }

TEST(Escape, BrokenUtf8AndControlsAreReplaced) {
  EXPECT_EQ(escape_html("a\xFF"), "a\uFFFD");
  EXPECT_EQ(escape_html("\xC3"), "\uFFFD") << "cut short";
  EXPECT_EQ(escape_html("\xC0\xBC"), "\uFFFD\uFFFD") << "an overlong '<'";
  EXPECT_EQ(escape_html("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(escape_html("a\x01\nb"), "a\uFFFD\nb");
}

TEST(Escape, MarkdownMarkupBecomesText) {
  EXPECT_EQ(escape_markdown("a|b *c* [d](e) `f` <b>\nnext"), "a\\|b \\*c\\* \\[d\\](e) \\`f\\` &lt;b&gt; next");
}

TEST(Escape, UnderscoresWithinWordsStay) {
  EXPECT_EQ(escape_markdown("self_label_k100"), "self_label_k100");
  EXPECT_EQ(escape_markdown("_a_ b_"), "\\_a\\_ b\\_");
}

// The examples of RFC 4648, section 10.
TEST(Base64, GivesTheExamplesOfTheRfc) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64(std::string("\xFF\xFE\xFD", 3)), "//79");
}

}  // namespace
}  // namespace assay
