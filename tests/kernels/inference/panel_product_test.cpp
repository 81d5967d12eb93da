#include "kernels/inference/panel_product.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/inference/panels.h"
#include "kernels/thread_count.h"
#include "tests/support/tensors.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::normal;
using test::same_bits;

struct Size {
  std::int64_t rows, in, out;
};

// Around a tile of rows, a block of depth and a panel.
constexpr Size sizes[] = {{1, 1, 1},     {2, 3, 16},    {5, 255, 17},  {6, 256, 48},  {7, 257, 5},
                          {11, 40, 320}, {13, 600, 33}, {400, 20, 31}, {777, 64, 272}};

TEST(PanelProduct, GivesWhatDoubleGives) {
  for (const Size& s : sizes) {
    const at::Tensor x = normal({s.rows, s.in}, 1), weight = normal({s.out, s.in}, 2), bias = normal({s.out}, 3),
                     other = normal({s.rows, s.out}, 4);
    const at::Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
    const at::Tensor panels = matrix_panels(weight);
    const double most = 1e-6 * (4 + static_cast<double>(s.in)) / 4;
    EXPECT_LT(max_abs_difference(panel_product(x, panels, bias), exact), most) << s.rows << ", " << s.in;
    EXPECT_LT(max_abs_difference(panel_product(x, panels, bias, other), exact + other), most) << s.rows << ", " << s.in;
  }
}

TEST(PanelProduct, DoesWithoutABias) {
  const at::Tensor x = normal({2, 5, 24}, 1), weight = normal({32, 24}, 2);
  const at::Tensor exact = at::linear(x.to(at::kDouble), weight.to(at::kDouble));
  EXPECT_LT(max_abs_difference(panel_product(x, matrix_panels(weight)), exact), 1e-5);
}

TEST(PanelProduct, GivesARowTheSameBitsAloneAndForEveryNumberOfThreads) {
  const at::Tensor x = normal({900, 300}, 1), panels = matrix_panels(normal({72, 300}, 2)), bias = normal({72}, 3);
  const ThreadCount one(1);
  const at::Tensor all = panel_product(x, panels, bias);
  for (const std::int64_t row : {0, 5, 383, 899})
    EXPECT_TRUE(same_bits(panel_product(x.narrow(0, row, 1), panels, bias), all.narrow(0, row, 1))) << row;
  for (const int threads : {2, 3, 5}) {
    const ThreadCount many(threads);
    EXPECT_TRUE(same_bits(panel_product(x, panels, bias), all)) << threads;
  }
}

TEST(PanelProduct, GivesWeightsOf16BitsTheBitsThatFloatsOfTheirValuesGive) {
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf})
    for (const Size& s : sizes) {
      const at::Tensor x = normal({s.rows, s.in}, 1), weight = normal({s.out, s.in}, 2).to(type),
                       bias = normal({s.out}, 3), other = normal({s.rows, s.out}, 4);
      const at::Tensor panels = matrix_panels(weight);
      EXPECT_EQ(panels.scalar_type(), type);
      EXPECT_TRUE(same_bits(panel_product(x, panels, bias, other),
                            panel_product(x, matrix_panels(weight.to(at::kFloat)), bias, other)))
          << type << ", " << s.rows << ", " << s.in;
    }
}

// Both sets of instructions, where the processor has them.
TEST(PanelProduct, RoundsTheSameWithEverySetOfInstructions) {
  if (multiply_panels() == multiply_panels_v3) GTEST_SKIP() << "no AVX-512 here";
  for (const Size& s : sizes) {
    const at::Tensor x = normal({s.rows, s.in}, 1), panels = matrix_panels(normal({s.out, s.in}, 2));
    const std::int64_t count = panels.size(0), width = count * panel_width;
    at::Tensor results[2];
    for (int i = 0; i < 2; ++i) {
      results[i] = normal({s.rows, width}, 3);
      (i == 0 ? multiply_panels_v3 : multiply_panels_v4)({x.const_data_ptr<float>(), s.in, s.rows,
                                                          panels.const_data_ptr<float>(), s.in * panel_width, count,
                                                          results[i].mutable_data_ptr<float>(), width, s.in, true});
    }
    EXPECT_TRUE(same_bits(results[0], results[1])) << s.rows << ", " << s.in << ", " << s.out;
  }
}

TEST(WindowProduct, GivesWhatDoubleGives) {
  struct Case {
    std::vector<std::int64_t> image;
    std::int64_t out, kernel, stride, padding;
  };
  const std::vector<Case> cases = {{{2, 3, 7, 5}, 10, 3, 1, 1},  {{1, 20, 8, 9}, 16, 3, 2, 1},
                                   {{2, 4, 9, 8}, 33, 3, 2, 0},  {{3, 40, 6, 6}, 7, 1, 1, 0},
                                   {{1, 300, 3, 4}, 4, 1, 1, 0}, {{1, 1, 1, 1}, 1, 3, 1, 1},
                                   {{1, 8, 30, 28}, 20, 3, 1, 1}};
  for (const Case& c : cases) {
    const at::Tensor x = normal(c.image, 1), weight = normal({c.out, c.image[1], c.kernel, c.kernel}, 2),
                     bias = normal({c.out}, 3);
    const at::Tensor exact =
        at::conv2d(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), c.stride, c.padding);
    const at::Tensor got = window_product(x, window_panels(weight), c.kernel, c.stride, c.padding, bias);
    EXPECT_EQ(got.sizes(), exact.sizes());
    EXPECT_TRUE(got.is_contiguous(at::MemoryFormat::ChannelsLast));
    EXPECT_LT(max_abs_difference(got, exact), 1e-4) << c.image[1] << ", " << c.out;
    const at::Tensor other = normal(exact.sizes(), 4), of_images = normal({c.image[0], c.out}, 5);
    EXPECT_LT(max_abs_difference(
                  window_product(x, window_panels(weight), c.kernel, c.stride, c.padding, bias + of_images, other),
                  exact + of_images.unsqueeze(2).unsqueeze(3) + other),
              1e-4);
    for (const at::ScalarType type : {at::kBFloat16, at::kHalf}) {
      const at::Tensor kept = weight.to(type);
      EXPECT_TRUE(same_bits(window_product(x, window_panels(kept), c.kernel, c.stride, c.padding, bias),
                            window_product(x, window_panels(kept.to(at::kFloat)), c.kernel, c.stride, c.padding, bias)))
          << type << ", " << c.image[1];
    }
  }
}

}  // namespace
}  // namespace assay
