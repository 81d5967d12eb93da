#include "reproductions/self_guided/signals.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>

#include "core/error.h"
#include "images/png.h"
#include "metrics/clustering/clustering.h"
#include "metrics/masks/corloc.h"
#include "reproductions/self_guided/layout_signals.h"
#include "reproductions/self_guided/overlap_scores.h"
#include "tests/reproductions/memory_run.h"
#include "tests/reproductions/tiny_study.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay::self_guided {
namespace {

using test::indices;
using test::max_abs_difference;
using test::MemoryRun;
using test::message_of;
using test::TemporaryFolder;
using test::tiny_self_guided;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using Ids = std::vector<std::int64_t>;

constexpr OverlapIntervals twenty{20, 1};

/// Maps [n, 4, 4] whose leftmost `columns` are 1.
at::Tensor left(std::int64_t n, std::int64_t columns) {
  at::Tensor maps = at::zeros({n, 4, 4}, at::kLong);
  if (columns > 0) maps.narrow(2, 0, columns).fill_(1);
  return maps;
}

TEST(LayoutOverlap, IsOneForEqualLayoutsAndNoughtForDisjointOnes) {
  const at::Tensor ids = indices({0, 1, 2, 2}).view({1, 2, 2});
  EXPECT_EQ(LayoutOverlap(ids, ids, 3).mean_iou(), 1);
  EXPECT_EQ(LayoutOverlap(ids, (ids + 1).remainder(3), 3).mean_iou(), 0);
  EXPECT_EQ(LayoutOverlap(left(3, 2), left(3, 2), 2).mean_iou(), 1);
  EXPECT_EQ(LayoutOverlap(left(3, 2), 1 - left(3, 2), 2).mean_iou(), 0);
}

TEST(LayoutOverlap, IsTheMeanOverTheClassesThatOccurOfAllPixels) {
  // 8 pixels asked for, 4 of them found: 4 / 8, and 8 / 12 of the ground. Class 2 does not occur.
  EXPECT_NEAR(LayoutOverlap(left(1, 2), left(1, 1), 3).mean_iou(), (4.0 / 8 + 8.0 / 12) / 2, 1e-12);
  // An image that is right, twice, and one of which nothing is found.
  const LayoutOverlap two(at::cat({left(1, 2), left(1, 2)}), at::cat({left(1, 2), left(1, 0)}), 2);
  EXPECT_EQ(two.images(), 2);
  const Ids right = {0}, all = {0, 1}, more = {0, 0, 1};
  EXPECT_EQ(two.mean_iou(right), 1);
  EXPECT_NEAR(two.mean_iou(all), (8.0 / 16 + 16.0 / 24) / 2, 1e-12);
  EXPECT_EQ(two.mean_iou(), two.mean_iou(all));
  EXPECT_NEAR(two.mean_iou(more), (16.0 / 24 + 24.0 / 32) / 2, 1e-12);
}

TEST(LayoutOverlap, RefusesIdsThatAreNoClass) {
  EXPECT_THAT(message_of<InputError>([] { LayoutOverlap(2 * left(1, 1), left(1, 1), 2); }), HasSubstr("true label 2"));
  EXPECT_THAT(message_of<InputError>([] { LayoutOverlap(left(1, 1), 2 * left(1, 1), 2); }),
              HasSubstr("predicted label 2"));
}

TEST(LayoutOverlap, ScoresHoldTheirValueAndTheIntervalOfTheImages) {
  const LayoutOverlap half(at::cat({left(4, 2), left(4, 2)}), at::cat({left(4, 2), left(4, 0)}), 2);
  const Score score = overlap_score("self_box", half, {{"w", 2}}, twenty);
  EXPECT_EQ(score.arm, "self_box");
  EXPECT_EQ(score.name, "layout_miou");
  EXPECT_EQ(score.protocol, "layout");
  EXPECT_EQ(score.n, 8);
  EXPECT_EQ(score.value, half.mean_iou());
  EXPECT_LT(score.interval->low, score.value);
  EXPECT_GT(score.interval->high, score.value);
  EXPECT_EQ(overlap_score("", LayoutOverlap(left(4, 2), left(4, 2), 2), {}, twenty).interval->low, 1);
}

TEST(LayoutOverlap, DifferencesArePairedByImage) {
  // Every other image is missed, so that a value alone has a wide interval; its difference to itself has none.
  const at::Tensor asked = left(12, 3);
  at::Tensor found = left(12, 3);
  for (std::int64_t i = 0; i < 12; i += 2) found[i].fill_(0);
  const LayoutOverlap a(asked, found, 2), b(asked, found, 2), none(asked, 1 - asked, 2), all(asked, asked, 2);
  const Score same = overlap_difference("x", a, "y", b, {{"w", 2}}, twenty);
  EXPECT_EQ(same.arm, "x - y");
  EXPECT_EQ(same.name, "layout_miou difference");
  EXPECT_EQ(same.value, 0);
  EXPECT_EQ(same.interval->low, 0);
  EXPECT_EQ(same.interval->high, 0);
  const Score whole = overlap_difference("x", all, "y", none, {}, twenty);
  EXPECT_EQ(whole.value, 1);
  EXPECT_EQ(whole.interval->low, 1);
  const Score some = overlap_difference("x", all, "y", a, {}, twenty);
  EXPECT_NEAR(some.value, 1 - a.mean_iou(), 1e-15);
  EXPECT_LT(some.interval->low, some.interval->high);
  EXPECT_GT(some.interval->low, 0);
}

/// What the training images of a run are told, by arm.
class Signals : public ::testing::Test {
 protected:
  MemoryRun run{tiny_self_guided(), 5};
  Study s{run, read_config(run.config())};
  const std::int64_t images = s.train.images.size(0), held_out = s.validation.images.size(0);
};

TEST_F(Signals, OfImagesAreTheLabelsTheClustersOfEveryKAndRandomIds) {
  const std::vector<Signal> signals = image_signals(s);
  std::vector<std::string> arms;
  for (const Signal& signal : signals) {
    arms.push_back(signal.arm());
    EXPECT_EQ(signal.held_out.name, signal.arm());
    EXPECT_THAT(signal.train.ids, SizeIs(images));
    EXPECT_THAT(signal.held_out.ids, SizeIs(held_out));
    EXPECT_EQ(signal.held_out.classes, signal.train.classes);
    EXPECT_THAT(signal.train.ids, Each(::testing::AllOf(::testing::Ge(0), ::testing::Lt(signal.train.classes))));
  }
  EXPECT_THAT(arms, ElementsAre("label", "self_label_k3", "self_label_k5", "random_label"));
  EXPECT_EQ(signals[0].train.ids, s.train.groups);
  EXPECT_EQ(signals[0].held_out.ids, s.validation.groups);
  EXPECT_EQ(signals[0].train.classes, static_cast<std::int64_t>(run.dataset().groups().size()));
  EXPECT_EQ(signals[2].train.classes, 5);
  // Random ids are as many as those of the first K, and are not the same for images in the same place of the splits.
  EXPECT_EQ(signals[3].train.classes, 3);
  EXPECT_THAT(std::set<std::int64_t>(signals[3].train.ids.begin(), signals[3].train.ids.end()), SizeIs(3));
  EXPECT_NE(Ids(signals[3].train.ids.begin(), signals[3].train.ids.begin() + held_out), signals[3].held_out.ids);
  EXPECT_LT(std::abs(ari(signals[3].train.ids, s.train.groups)), 0.2);
}

TEST_F(Signals, ClustersAreTheFirstFitAndTheirAgreementIsTheMeanOfAllFits) {
  const std::vector<Signal> signals = image_signals(s);
  const EncoderFeatures features = cluster_features(s, Encoder::random);
  EXPECT_LT(features.train.mean(0).abs().max().item<double>(), 1e-5);
  // The training images' mean is taken off both.
  const ConvEncoder g(encoder_config(s.config.encoder), 0);
  EXPECT_LT(max_abs_difference(features.held_out[0] - features.train[0], (pooled_in_batches(g, s.validation.images)[0] -
                                                                          pooled_in_batches(g, s.train.images)[0])),
            1e-5);
  double mean = 0;
  for (const std::int64_t fit : {0, 1}) {
    const KMeans fitted = fit_clusters(s, features.train, 5, fit);
    const Ids ids = kmeans_assign(features.train, fitted.centroids, s.config.kmeans.assign_normalised);
    mean += nmi(s.train.groups, ids) / 2;
    if (fit == 0) {
      EXPECT_EQ(signals[2].train.ids, ids);
      EXPECT_EQ(signals[2].held_out.ids,
                kmeans_assign(features.held_out, fitted.centroids, s.config.kmeans.assign_normalised));
    } else {
      EXPECT_NE(signals[2].train.ids, ids);
    }
  }
  const Score& score = run.score("clusters", "encoder", "nmi", {{"K", 5}, {"split", "train"}, {"labels", "group"}});
  EXPECT_NEAR(score.value, mean, 1e-12);
  EXPECT_EQ(score.n, images);
  EXPECT_LT(score.interval->low, score.value);
  EXPECT_GT(score.interval->high, score.value);
}

TEST_F(Signals, ABoxIsShownWithTheClusterOfItsOwnImage) {
  const Signal clusters = image_signals(s)[1];
  const LayoutSignals layouts = layout_signals(s, clusters);
  EXPECT_EQ(layouts.box.arm(), "self_box");
  EXPECT_EQ(layouts.box.train.ids, clusters.train.ids);
  EXPECT_EQ(layouts.box.held_out.ids, clusters.held_out.ids);
  EXPECT_EQ(layouts.box.train.classes, 3);
  EXPECT_TRUE(at::equal(layouts.box.train.layout, layouts.finder.boxes(s.train.images).layout));
  EXPECT_TRUE(at::equal(layouts.box.held_out.layout, layouts.finder.boxes(s.validation.images).layout));
  EXPECT_EQ(layouts.box.train.layout.sizes(), (std::vector<std::int64_t>{images, 1, 8, 8}));
  // Boxes differ, so that one image's cannot pass for another's.
  EXPECT_GT(max_abs_difference(layouts.box.train.layout[0], layouts.box.train.layout[1]), 0);
}

TEST_F(Signals, AMaskIsOneHotOverItsClustersAndSaysWhichOccur) {
  const LayoutSignals layouts = layout_signals(s, image_signals(s)[1]);
  const ConditionBlock& mask = layouts.mask.train;
  EXPECT_EQ(mask.name, "self_mask");
  EXPECT_EQ(mask.classes, 4);
  EXPECT_EQ(mask.layout.sizes(), (std::vector<std::int64_t>{images, 4, 8, 8}));
  EXPECT_TRUE(at::equal(mask.layout.argmax(1), layouts.finder.segments(s.train.images, layouts.centroids)));
  EXPECT_TRUE(at::equal(mask.layout.sum(1), at::ones({images, 8, 8})));
  EXPECT_TRUE(at::equal(mask.rows, mask.layout.amax({2, 3})));
  EXPECT_TRUE(at::equal(layouts.mask.held_out.layout.argmax(1),
                        layouts.finder.segments(s.validation.images, layouts.centroids)));
}

TEST_F(Signals, ImagesWhoseLayoutsAreThoseAskedForOverlapWholly) {
  const LayoutSignals layouts = layout_signals(s, image_signals(s)[1]);
  Ids own(static_cast<std::size_t>(images));
  std::iota(own.begin(), own.end(), 0);
  Ids other(own.rbegin(), own.rend());
  for (const char* arm : {"self_box", "self_mask"}) {
    EXPECT_EQ(layouts.overlap(arm, s.train.images, own)->mean_iou(), 1) << arm;
    EXPECT_LT(layouts.overlap(arm, s.train.images, other)->mean_iou(), 0.9) << arm;
    EXPECT_EQ(layouts.overlap(arm, s.train.images.flip({0}), other)->mean_iou(), 1) << arm;
  }
  EXPECT_FALSE(layouts.overlap("label", s.train.images, own).has_value());
}

TEST_F(Signals, LostIsRightAsOftenAsItsBoxesAreAndComparedWithTheCentreByImage) {
  const LayoutSignals layouts = layout_signals(s, image_signals(s)[1]);
  const std::vector<PixelBox> found = layouts.finder.boxes(s.train.images).boxes;
  // Half of the 64 pixels around the centre.
  const double low = 4 - std::sqrt(8.0), high = 4 + std::sqrt(8.0);
  double lost = 0, centre = 0;
  const std::vector<std::int64_t> items = assay::indices(run.dataset(), Split::train);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Box box = run.dataset().sample(items[i]).box;
    const std::vector<BoxCorners> truth = {{1.0 * box.x0, 1.0 * box.y0, 1.0 * box.x1, 1.0 * box.y1}};
    lost += correctly_localised({1.0 * found[i][0], 1.0 * found[i][1], 1.0 * found[i][2], 1.0 * found[i][3]}, truth);
    centre += correctly_localised({low, low, high, high}, truth);
  }
  const auto n = static_cast<double>(items.size());
  EXPECT_NEAR(run.score("layouts", "lost", "corloc").value, lost / n, 1e-12);
  EXPECT_NEAR(run.score("layouts", "centre_box", "corloc").value, centre / n, 1e-12);
  const Score& difference = run.score("layouts", "lost - centre_box", "corloc difference");
  EXPECT_NEAR(difference.value, (lost - centre) / n, 1e-12);
  EXPECT_LT(difference.interval->low, difference.value);
  EXPECT_GT(difference.interval->high, difference.value);
}

TEST(GivenMasks, BecomeTheChannelsOfTheirImagesByStem) {
  const TemporaryFolder masks;
  nlohmann::json config = tiny_self_guided();
  config["layouts"]["masks"] = masks.path().string();
  MemoryRun run(config, 5);
  // Item i shows cluster i mod 4 in its left half, cluster 3 elsewhere.
  const auto& items = run.dataset().items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    Image map(8, 8, 1, 3);
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 4; ++x) *map.at(x, y) = static_cast<std::uint8_t>(i % 4);
    write_png(masks / (items[i].stem + ".png"), map);
  }
  Study s(run, read_config(run.config()));
  const LayoutSignals layouts = layout_signals(s, image_signals(s)[1]);
  for (const auto& [split, block] :
       {std::pair(Split::train, &layouts.mask.train), std::pair(Split::validation, &layouts.mask.held_out)}) {
    const std::vector<std::int64_t> chosen = assay::indices(run.dataset(), split);
    for (std::size_t row = 0; row < chosen.size(); ++row) {
      at::Tensor want = at::full({8, 8}, 3, at::kLong);
      want.narrow(1, 0, 4).fill_(chosen[row] % 4);
      EXPECT_TRUE(at::equal(block->layout[static_cast<std::int64_t>(row)].argmax(0), want)) << row;
    }
  }
  // Another program's segments cannot be found in generated images.
  EXPECT_FALSE(layouts.overlap("self_mask", s.train.images.narrow(0, 0, 1), {0}).has_value());
}

}  // namespace
}  // namespace assay::self_guided
