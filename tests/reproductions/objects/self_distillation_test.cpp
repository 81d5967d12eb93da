#include "reproductions/objects/self_distillation.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/avg_pool2d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "core/safetensors.h"
#include "diffusion/training/epoch_order.h"
#include "kernels/host_tensor.h"
#include "metrics/features/augment.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tests/support/throws.h"

namespace assay {
namespace {

using test::max_abs_difference;
using test::message_of;
using test::normal;
using test::same_bits;
using test::TemporaryFolder;
using ::testing::HasSubstr;

SelfDistillationOptions tiny() {
  SelfDistillationOptions o;
  o.width = 12;
  o.depth = 2;
  o.heads = 3;
  o.hidden = 10;
  o.bottleneck = 6;
  o.outputs = 8;
  o.local_views = 2;
  o.steps = 4;
  o.batch = 3;
  o.warmup_steps = 0;
  return o;
}

at::Tensor images() { return normal({7, 3, 16, 16}, 9).clamp(-1, 1); }

/// -sum p log q averaged over pairs of different views, loop by loop.
double loss_by_loops(const at::Tensor& student, const at::Tensor& teacher, const at::Tensor& centre,
                     const SelfDistillationOptions& o) {
  const std::int64_t k = centre.size(0), batch = teacher.size(0) / 2, views = student.size(0) / batch;
  const at::Tensor s = student.to(at::kDouble), t = teacher.to(at::kDouble), c = centre.to(at::kDouble);
  double sum = 0;
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t j = 0; j < views; ++j)
      for (std::int64_t b = 0; b < batch && i != j; ++b) {
        double all_t = 0, all_s = 0;
        const auto asked = [&](std::int64_t n) {
          return std::exp((t[i * batch + b][n].item<double>() - c[n].item<double>()) / o.teacher_temperature);
        };
        const auto said = [&](std::int64_t n) { return s[j * batch + b][n].item<double>() / o.student_temperature; };
        for (std::int64_t n = 0; n < k; ++n) {
          all_t += asked(n);
          all_s += std::exp(said(n));
        }
        for (std::int64_t n = 0; n < k; ++n) sum -= asked(n) / all_t * (said(n) - std::log(all_s));
      }
  return sum / static_cast<double>(2 * (views - 1) * batch);
}

TEST(SelfDistillationLoss, EqualsALoopOverPairsOfViews) {
  const SelfDistillationOptions o = tiny();
  for (const std::int64_t views : {2, 5}) {
    const at::Tensor student = normal({views * 3, 8}, 1) * 0.3, teacher = normal({6, 8}, 2) * 0.1;
    const at::Tensor centre = normal({8}, 3) * 0.1;
    EXPECT_NEAR(self_distillation_loss(student, teacher, centre, o).item<double>(),
                loss_by_loops(student, teacher, centre, o), 1e-5)
        << views;
  }
}

TEST(SelfDistillationLoss, OfAnswersThatAllAgreeIsTheirEntropy) {
  // A teacher that asks for the first of two with weights 3 to 1, and a student that says the same.
  SelfDistillationOptions o = tiny();
  o.student_temperature = o.teacher_temperature = 1;
  const double logit = std::log(3.0);
  const at::Tensor answer = test::values({static_cast<float>(logit), 0}, {1, 2});
  const at::Tensor four = answer.repeat({4, 1});
  EXPECT_NEAR(self_distillation_loss(four, four.narrow(0, 0, 2), at::zeros({2}), o).item<double>(),
              -(0.75 * std::log(0.75) + 0.25 * std::log(0.25)), 1e-6);
}

TEST(MovedCentre, IsAMovingAverageOfTheTeachersAnswers) {
  const at::Tensor centre = test::values({1, -2}), teacher = test::values({3, 0, 5, 4}, {2, 2});
  EXPECT_LT(max_abs_difference(moved_centre(centre, teacher, 0.75), test::values({1.75f, -1.0f})), 1e-6);
}

TEST(TeacherMomentum, RisesFromTheFirstToOne) {
  EXPECT_DOUBLE_EQ(teacher_momentum(0.9, 0, 10), 0.9);
  EXPECT_NEAR(teacher_momentum(0.9, 5, 10), 0.95, 1e-12);
  EXPECT_DOUBLE_EQ(teacher_momentum(0.9, 10, 10), 1.0);
}

class SelfDistillation : public ::testing::Test {
 protected:
  std::vector<double> run(const std::string& name, const SelfDistillationOptions& o, std::int64_t stop_after = -1) {
    std::vector<double> losses;
    train_by_self_distillation(images(), o, 5, {folder / name, "tiny", 0.0}, [&](std::int64_t step, double loss) {
      losses.push_back(loss);
      if (step == stop_after) throw std::runtime_error("stopped");
    });
    return losses;
  }
  at::Tensor stored(const std::string& name, const std::string& key) {
    return tensor_of(SafetensorsFile(folder / name), key);
  }

  TemporaryFolder folder;
};

/// The answers of a checkpoint's student in double: head by hand, network by the class that is held to DINO's pack.
at::Tensor answers(const SafetensorsFile& file, const SelfDistillationOptions& o, const at::Tensor& views) {
  std::map<std::string, at::Tensor> network;
  const std::string prefix = "model.backbone.";
  for (const auto& [name, view] : file.tensors())
    if (name.starts_with(prefix)) network.emplace(name.substr(prefix.size()), tensor_of(file, name).to(at::kDouble));
  const auto head = [&](const std::string& name) { return tensor_of(file, "model.head." + name).to(at::kDouble); };
  at::Tensor x = VisionTransformer(network_of(o, 16), network).forward(views.to(at::kDouble)).cls;
  x = at::gelu(at::linear(x, head("mlp.0.weight"), head("mlp.0.bias")));
  x = at::gelu(at::linear(x, head("mlp.2.weight"), head("mlp.2.bias")));
  x = at::linear(x, head("mlp.4.weight"), head("mlp.4.bias"));
  x = x / x.square().sum(1, true).sqrt();
  const at::Tensor rows = head("last_layer.weight_v");
  return at::linear(x, rows / rows.square().sum(1, true).sqrt());
}

TEST_F(SelfDistillation, FirstLossIsThatOfItsViewsInDouble) {
  for (const std::int64_t local_views : {0, 2}) {
    // The first step of a warm-up has no rate: the file holds what the loss was of.
    SelfDistillationOptions o = tiny();
    o.local_views = local_views;
    o.steps = 1;
    o.warmup_steps = 1;
    const std::vector<double> losses = run("file", o);
    const SafetensorsFile file(folder / "file");

    EpochOrder order(7, 5);
    const std::vector<std::int64_t> shown = {order.image(0), order.image(1), order.image(2)};
    const at::Tensor batch = rows_of(images(), shown);
    Augmentation ranges{.smallest_crop = o.smallest_global,
                        .flip = true,
                        .brightness = o.colour / 2,
                        .contrast = o.colour,
                        .colour = o.colour,
                        .grey = o.grey};
    const at::Tensor global = at::cat({augment(batch, ranges, 5, 0), augment(batch, ranges, 5, 3)});
    ranges.smallest_crop = o.smallest_local;
    ranges.largest_crop = o.largest_local;
    const at::Tensor teacher = answers(file, o, global);
    at::Tensor student = teacher;
    for (std::int64_t i = 0; i < local_views; ++i) {
      const at::Tensor local = augment(batch, ranges, 5, static_cast<std::uint64_t>(6 + 3 * i));
      student = at::cat({student, answers(file, o, at::avg_pool2d(local, {2, 2}))});
    }
    ASSERT_EQ(losses.size(), 1U);
    EXPECT_NEAR(losses[0], loss_by_loops(student, teacher, at::zeros({8}), o), 1e-4) << local_views;
  }
}

TEST_F(SelfDistillation, TeacherIsTheAverageOfStudents) {
  SelfDistillationOptions o = tiny();
  o.steps = 1;
  o.teacher_momentum = 0.75;
  run("file", o);
  const VisionTransformer before = untrained_network(o, 16, 5);
  const at::Tensor probe = normal({1, 3, 16, 16}, 4);
  const at::Tensor student = stored("file", "model.backbone.patch_embed.proj.bias");
  const at::Tensor teacher = stored("file", "ema.backbone.patch_embed.proj.bias");
  // AdamW's first step is the rate along the sign of each gradient, and a little decay.
  const at::Tensor start = (teacher - 0.25 * student) / 0.75;
  EXPECT_NEAR(max_abs_difference(student, start), o.learning_rate, 0.1 * o.learning_rate);
  // What was averaged is what this seed starts from: pulled a quarter of the way, the network answers nearly alike.
  EXPECT_LT(max_abs_difference(self_distilled_network(folder / "file", o, 16).forward(probe).last_k,
                               before.forward(probe).last_k),
            0.1);
}

TEST_F(SelfDistillation, MovesEveryWeight) {
  SelfDistillationOptions o = tiny();
  o.steps = 1;
  o.warmup_steps = 1;
  run("start", o);
  o = tiny();
  run("end", o);
  const SafetensorsFile end(folder / "end");
  int moved = 0;
  std::int64_t values = 0;
  for (const auto& [name, view] : end.tensors()) {
    if (!name.starts_with("model.")) continue;
    EXPECT_GT(max_abs_difference(stored("end", name), stored("start", name)), 1e-5) << name;
    ++moved;
    values += view.numel();
  }
  EXPECT_EQ(moved, 4 + 2 * 12 + 2 + 7);
  EXPECT_EQ(values, trained_values(o, 16));
}

TEST_F(SelfDistillation, GoesOnToTheSameBits) {
  const std::vector<double> whole = run("whole", tiny());
  EXPECT_THROW(run("parts", tiny(), 1), std::runtime_error);
  EXPECT_THROW(run("parts", tiny(), 3), std::runtime_error);
  const std::vector<double> rest = run("parts", tiny());
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest.back(), whole.back());
  EXPECT_EQ(read_file(folder / "parts"), read_file(folder / "whole"));
  EXPECT_FALSE(std::filesystem::exists(folder / "parts.partial"));
}

TEST(SelfDistillationOptions, AreReadAsTheyAreWritten) {
  const nlohmann::json given = to_json(tiny());
  EXPECT_EQ(to_json(read_self_distillation_options(given, "x")), given);
  EXPECT_EQ(to_json(read_self_distillation_options(nlohmann::json::object(), "x")), to_json(SelfDistillationOptions{}));
  EXPECT_THAT(message_of<InputError>([] {
                read_self_distillation_options({{"width", 7}, {"heads", 2}}, "x");
              }),
              HasSubstr("x.width: 7"));
  EXPECT_THAT(message_of<InputError>([] { network_of(tiny(), 12); }), HasSubstr("accepted: a multiple of 8"));
  EXPECT_THAT(message_of<InputError>([] {
                train_by_self_distillation(at::zeros({2, 3, 16, 8}), tiny(), 1, {"none", "", 0}, {});
              }),
              HasSubstr("[N, 3, S, S]"));
}

}  // namespace
}  // namespace assay
