#include "reproductions/class_tokens/algorithm/token_painter.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/error.h"
#include "core/philox.h"
#include "diffusion/guidance/prompt_guidance.h"
#include "diffusion/sampling/diffusers/make_scheduler.h"
#include "kernels/host_tensor.h"

namespace assay::class_tokens {
namespace {

at::Tensor numbers(const std::vector<std::int64_t>& values) {
  return host_tensor(std::span<const std::int64_t>(values));
}

/// Different texts in the order of their first place, and the number of each.
struct Distinct {
  std::vector<std::string> texts;
  std::vector<std::int64_t> number;
};
Distinct distinct(const std::vector<std::string>& texts) {
  Distinct found;
  found.number.reserve(texts.size());
  for (const std::string& text : texts) {
    const auto place = std::find(found.texts.begin(), found.texts.end(), text);
    found.number.push_back(place - found.texts.begin());
    if (place == found.texts.end()) found.texts.push_back(text);
  }
  return found;
}

}  // namespace

LastStepsChain painting_chain(const nlohmann::json& scheduler, const std::string& where, const Drawn& drawn) {
  const auto make = [scheduler, where, name = drawn.scheduler] { return scheduler_of_config(scheduler, where, name); };
  if (make()->needs_noise())
    throw InputError(fmt::format(
        "{}: this scheduler draws noise at its steps; accepted: one that does not (eta 0, no sde- algorithm)", where));
  return {make, drawn.steps, drawn.differentiated};
}

TokenPainter::TokenPainter(const TextToImage& model, const std::string& token, const Drawn& drawn)
    : model_(model),
      prompts_(model.tokenizer(), token),
      guidance_(drawn.guidance),
      chain_(painting_chain(model.config().scheduler, model.config().where + "scheduler", drawn)) {}

at::Tensor TokenPainter::states(const std::vector<std::string>& prompts, const TokenRows& rows, bool padded) const {
  const Distinct told = distinct(prompts);
  std::vector<std::vector<std::int64_t>> ids;
  ids.reserve(told.texts.size() + 1);
  for (const std::string& text : told.texts) ids.push_back(prompts_.ids_of(text, padded));
  const std::size_t length = ids.front().size();
  for (const std::vector<std::int64_t>& row : ids)
    if (row.size() != length)
      throw InputError(fmt::format("prompts of {} and {} tokens in one batch without padding; accepted: one length",
                                   length, row.size()));
  ids.insert(ids.begin(), prompts_.empty_ids(length));

  // The token's row stands behind the vocabulary.
  const at::Tensor table = model_.text_encoder().token_embeddings();
  const std::int64_t behind = table.size(0);
  std::vector<std::int64_t> flat;
  flat.reserve(ids.size() * length);
  for (const std::vector<std::int64_t>& row : ids)
    for (const std::int64_t id : row) flat.push_back(id == prompts_.token_id() ? behind : id);
  const at::Tensor of_each =
      model_.states(numbers(flat).view({static_cast<std::int64_t>(ids.size()), -1}).to(table.device()),
                    rows.row.to(table.device()).unsqueeze(0), rows.others);

  // The empty prompt for every image, then each image's own.
  std::vector<std::int64_t> order(prompts.size(), 0);
  for (const std::int64_t number : told.number) order.push_back(1 + number);
  return at::index_select(of_each, 0, numbers(order).to(table.device()));
}

at::Tensor TokenPainter::images(const std::vector<std::string>& prompts, const TokenRows& rows, bool padded,
                                const at::Tensor& noise) const {
  const auto predict = [&model = model_, weight = guidance_](const SamplingPoint& point, const at::Tensor& told) {
    const std::int64_t batch = point.x.size(0);
    return PromptGuidance(Condition::of_text(told.narrow(0, batch, batch)),
                          Condition::of_text(told.narrow(0, 0, batch)), weight)
        .predict(model, point)
        .mixed();
  };
  return model_.decode(chain_.sample(predict, states(prompts, rows, padded), noise));
}

at::Tensor TokenPainter::row_of(const std::string& word) const {
  return model_.token_row(prompts_.piece_of(word)).detach().to(at::kFloat).clone();
}

at::Tensor TokenPainter::random_row(std::uint64_t seed, std::uint64_t item) const {
  const at::Tensor table = model_.text_encoder().token_embeddings().detach().to(at::kDouble);
  const double mean = table.mean().item<double>(), deviation = (table - mean).square().mean().sqrt().item<double>();
  at::Tensor row = at::empty({table.size(1)}, at::kFloat);
  RandomStream(seed, Purpose::initialise, item)
      .fill_normal({row.mutable_data_ptr<float>(), static_cast<std::size_t>(row.numel())});
  return (row * deviation + mean).to(table.device(), at::kFloat);
}

}  // namespace assay::class_tokens
