#include "reproductions/class_tokens/algorithm/token_learning.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/error.h"
#include "core/philox.h"
#include "kernels/adamw_step.h"

namespace assay::class_tokens {
namespace {

constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

/// Sums over images.
struct Verdict {
  double loss = 0;
  std::int64_t correct = 0;
};

/// The cross entropy of each image, [n].
at::Tensor losses_of(const at::Tensor& logits, std::int64_t target) {
  if (target < 0 || target >= logits.size(1))
    throw InputError(
        fmt::format("class {}: the classifier has {}; accepted: 0 to {}", target, logits.size(1), logits.size(1) - 1));
  return -at::log_softmax(logits, 1).select(1, target);
}

void add(Verdict& verdict, const at::Tensor& logits, const at::Tensor& losses, std::int64_t target) {
  const at::NoGradGuard no_grad;
  verdict.loss += losses.detach().to(at::kDouble).sum().item<double>();
  verdict.correct += at::argmax(logits.detach(), 1).eq(target).sum().item<std::int64_t>();
}

/// The images of an epoch: templates in turn, shuffled, and the noise in order.
std::vector<PromptedNoise> images_of_epoch(std::int64_t epoch, std::int64_t first_noise, std::int64_t templates,
                                           const LearningOptions& options, std::uint64_t seed) {
  RandomStream random(seed, Purpose::order, static_cast<std::uint64_t>(epoch));
  const std::vector<std::int64_t> order = permutation(options.images, random);
  std::vector<PromptedNoise> images;
  images.reserve(order.size());
  for (std::int64_t i = 0; i < options.images; ++i)
    images.push_back({order[static_cast<std::size_t>(i)] % templates, first_noise + i});
  return images;
}

/// A row whose gradients accumulate.
class RowGradient {
 public:
  explicit RowGradient(const at::Tensor& row) : leaf_(row.detach().clone()) { leaf_.set_requires_grad(true); }

  const at::Tensor& row() const { return leaf_; }
  /// Adds the gradient of a scalar.
  void add(const at::Tensor& loss) {
    const std::vector<at::Tensor> inputs = {leaf_};
    loss.backward({}, /*keep_graph=*/false, /*create_graph=*/false, inputs);
  }
  /// torch.nn.utils.clip_grad_norm_: nothing where there is no gradient yet.
  void clip(double max_norm) {
    if (!leaf_.grad().defined()) return;
    const at::NoGradGuard no_grad;
    const double norm = leaf_.grad().norm().item<double>();
    leaf_.mutable_grad().mul_(std::min(1.0, max_norm / (norm + 1e-6)));
  }
  const at::Tensor& gradient() const { return leaf_.grad(); }

 private:
  at::Tensor leaf_;
};

void check(const LearningOptions& o, std::int64_t templates) {
  if (o.epochs < 1 || o.images < 1 || o.batch < 1 || o.judged < 1 || templates < 1)
    throw InputError("token: epochs, images, batch, judged images and templates must be at least 1");
  if (o.images >= first_judged_noise / o.epochs)
    throw InputError(fmt::format("token: {} epochs of {} images are too many", o.epochs, o.images));
}

Verdict judge(const TokenLogits& logits, const TokenRows& rows, std::int64_t target, std::int64_t templates,
              const LearningOptions& options) {
  const at::NoGradGuard no_grad;
  std::vector<PromptedNoise> images;
  images.reserve(static_cast<std::size_t>(options.judged));
  for (std::int64_t i = 0; i < options.judged; ++i) images.push_back({i % templates, first_judged_noise + i});
  const at::Tensor seen = logits(images, rows);
  Verdict verdict;
  add(verdict, seen, losses_of(seen, target), target);
  return verdict;
}

/// The gradient of the mean loss over the images into `row`, and what the classifier made of them.
Verdict descend_images(const TokenLogits& logits, RowGradient& row, double others,
                       const std::vector<PromptedNoise>& images, std::int64_t target, const LearningOptions& options) {
  const bool clip_first = options.quirks().clip_before_backward;
  const std::int64_t count = static_cast<std::int64_t>(images.size()), batch = clip_first ? 1 : options.batch;
  const double scale = (clip_first ? options.loss_scale : 1.0) / static_cast<double>(count);
  Verdict verdict;
  for (std::int64_t begin = 0; begin < count; begin += batch) {
    const std::vector<PromptedNoise> part(images.begin() + begin, images.begin() + std::min(begin + batch, count));
    const at::Tensor seen = logits(part, {row.row(), others});
    const at::Tensor losses = losses_of(seen, target);
    add(verdict, seen, losses, target);
    if (clip_first) row.clip(options.max_norm);
    row.add(losses.sum() * scale);
  }
  if (!clip_first) row.clip(options.max_norm);
  return verdict;
}

}  // namespace

Quirks quirks_of(LearningMode mode) {
  if (mode == LearningMode::fixed) return {};
  return {.unpadded_prompts = true,
          .clip_before_backward = true,
          .decay_every_row = true,
          .repeated_latents = true,
          .collapse_changes_seed = true,
          .judged_in_training = true,
          .kept_one_update_late = true};
}

LearnedToken learn_token(const TokenLogits& logits, const at::Tensor& initial, std::int64_t target,
                         std::int64_t templates, const LearningOptions& options, std::uint64_t seed,
                         const std::function<void(std::int64_t)>& progress) {
  check(options, templates);
  const Quirks quirks = options.quirks();
  at::Tensor row = initial.detach().clone(), first = at::zeros_like(row), second = at::zeros_like(row);
  double others = 1.0, least = std::numeric_limits<double>::infinity();
  std::int64_t patience = options.patience;
  LearnedToken learned;
  learned.rows = {row.clone(), others};
  learned.stopped = "epochs";

  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const std::int64_t noise = options.images * (quirks.repeated_latents ? learned.collapses : epoch);
    RowGradient with_gradient(row);
    const Verdict trained = descend_images(logits, with_gradient, others,
                                           images_of_epoch(epoch, noise, templates, options, seed), target, options);
    learned.losses.push_back(trained.loss / static_cast<double>(options.images));
    const TokenRows before = {row.clone(), others};
    {
      const at::NoGradGuard no_grad;
      adamw_step(row, with_gradient.gradient(), first, second, std::nullopt,
                 {.learning_rate = options.learning_rate,
                  .beta1 = beta1,
                  .beta2 = beta2,
                  .epsilon = epsilon,
                  .weight_decay = options.weight_decay,
                  .step = ++learned.steps,
                  .grad_scale = quirks.clip_before_backward ? 1.0 / options.loss_scale : 1.0});
    }
    if (quirks.decay_every_row) others *= 1.0 - options.learning_rate * options.weight_decay;

    const std::int64_t judged = quirks.judged_in_training ? options.images : options.judged;
    const Verdict verdict =
        quirks.judged_in_training ? trained : judge(logits, {row, others}, target, templates, options);
    const double accuracy = static_cast<double>(verdict.correct) / static_cast<double>(judged);
    learned.accuracies.push_back(accuracy);
    if (quirks.collapse_changes_seed && verdict.loss > options.collapse * least) ++learned.collapses;
    if (verdict.loss < least) {
      least = verdict.loss;
      patience = options.patience;
      // The loss of the trained images is that of the rows before the step.
      const bool after = !quirks.judged_in_training || quirks.kept_one_update_late;
      learned.rows = after ? TokenRows{row.clone(), others} : before;
      learned.kept_step = after ? learned.steps : learned.steps - 1;
    } else {
      --patience;
    }
    if (progress) progress(epoch + 1);
    if (accuracy > options.accuracy_to_stop || patience < 0) {
      learned.stopped = accuracy > options.accuracy_to_stop ? "accuracy" : "patience";
      break;
    }
  }
  return learned;
}

at::Tensor first_gradient(const TokenLogits& logits, const at::Tensor& initial, std::int64_t target,
                          std::int64_t templates, const LearningOptions& options, std::uint64_t seed) {
  check(options, templates);
  LearningOptions unclipped = options;
  unclipped.mode = LearningMode::fixed;
  // Prompts that are not padded may differ in length and cannot be told at once.
  if (options.quirks().unpadded_prompts) unclipped.batch = 1;
  unclipped.max_norm = std::numeric_limits<double>::infinity();
  RowGradient row(initial);
  descend_images(logits, row, 1.0, images_of_epoch(0, 0, templates, options, seed), target, unclipped);
  return row.gradient().detach();
}

}  // namespace assay::class_tokens
