#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "diffusion/networks/network_cost.h"
#include "diffusion/networks/sd/attention_observer.h"
#include "diffusion/networks/sd/clip_text.h"
#include "diffusion/networks/sd/unet.h"
#include "diffusion/networks/sd/vae.h"
#include "diffusion/networks/trainable_denoiser.h"
#include "diffusion/text/clip_tokenizer.h"

namespace assay {

class SafetensorsFile;

/// What the configuration files of a text-to-image model say, as a folder of the hub holds them.
struct TextToImageConfig {
  nlohmann::json unet = {};          // of UNet2DConditionModel
  nlohmann::json text_encoder = {};  // of CLIPTextModel
  nlohmann::json scheduler = {};     // scheduler_config.json, whose `prediction_type` says what the UNet predicts
  nlohmann::json vae = {};           // of AutoencoderKL; null: the UNet draws pixels
  std::string where = {};            // of all of them, for messages
};

/// Names the text encoder whose weights are the keys of this file under `prefix`, whatever that is.
std::string text_identity_of(const SafetensorsFile& file, const std::string& prefix);

/// A text-to-image model: Stable Diffusion's UNet and the text encoder that tells it the prompt, as one denoiser, with
/// the tokenizer in front and the autoencoder behind, where there is one. UNet and text encoder share one set of
/// parameters, under `unet.` and `text_encoder.text_model.`, so that both can be trained together; the autoencoder has
/// its own and is never trained.
///
/// The condition is a text: states of states() [B, L, width], or token ids [B, L] int64 that predict() encodes itself.
/// The null condition is the empty prompt.
class TextToImage : public TrainableDenoiser {
 public:
  /// Weights as declared: materialise or load parameters() and vae_parameters(). Throws InputError for configurations
  /// that are not built or do not fit each other.
  TextToImage(const TextToImageConfig& config, ClipTokenizer tokenizer);

  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition) const override;
  /// The same, seen by an observer of the UNet's attention.
  at::Tensor predict(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                     AttentionObserver* observer) const;
  /// There is no dropout in it: as predict().
  at::Tensor predict_in_training(const at::Tensor& x, const at::Tensor& timesteps, const Condition& condition,
                                 std::uint64_t dropout_seed) const override;
  Condition drop_condition(const Condition& condition, const at::Tensor& drop) const override;
  std::int64_t condition_size() const override { return 0; }
  bool takes_text() const override { return true; }
  Prediction prediction() const override { return prediction_; }

  /// Token ids [B, length] int64 on the model's device, cut where they are too long. `dropped`, where given, gets the
  /// number of pieces cut from each.
  at::Tensor ids(const std::vector<std::string>& prompts, std::vector<std::int64_t>* dropped = nullptr) const;
  /// States [B, L, width] of token ids [B, L], differentiable. `extra_rows` [K, width] take the place of the rows of
  /// the tokens that were added; the rows of all other tokens are multiplied by `others`.
  at::Tensor states(const at::Tensor& ids, const at::Tensor& extra_rows = {}, double others = 1.0) const;
  at::Tensor states(const std::vector<std::string>& prompts, const at::Tensor& extra_rows = {},
                    double others = 1.0) const {
    return states(ids(prompts), extra_rows, others);
  }
  /// Images [B, 3, H, W] in [-1, 1] of latents, differentiable.
  at::Tensor decode(const at::Tensor& latents) const;

  /// Adds a word to the vocabulary, whose embedding is `row` [width], and gives its id. Throws InputError for a row of
  /// another width, and where ClipTokenizer::add_token does.
  std::int64_t add_token(const std::string& word, const at::Tensor& row);
  /// The embedding [width] of a token of the vocabulary or of one that was added.
  at::Tensor token_row(std::int64_t id) const;

  /// [C, H, W] of a latent, as the UNet's configuration has it. Throws InputError where that says nothing of it.
  std::vector<std::int64_t> latent_shape() const;
  /// Pixels of an image that a latent stands for, a side.
  std::int64_t latent_factor() const { return vae_ ? vae_->factor() : 1; }
  std::int64_t text_width() const { return text_.config().hidden_size; }

  const TextToImageConfig& config() const { return config_; }
  const ClipTokenizer& tokenizer() const { return tokenizer_; }
  const SdUNet& unet() const { return unet_; }
  const ClipText& text_encoder() const { return text_; }
  /// Arranges UNet and autoencoder for prediction alone, as Parameters::pack(): for models that neither are trained nor
  /// pass gradients on, on the CPU; elsewhere nothing changes but that they only predict.
  void pack();

  /// Null where the UNet draws pixels.
  const SdVae* vae() const { return vae_.get(); }
  Parameters& parameters() override { return parameters_; }
  const Parameters& parameters() const override { return parameters_; }
  Parameters& vae_parameters() { return vae_parameters_; }
  const Parameters& vae_parameters() const { return vae_parameters_; }

  /// Names the weights of the text encoder, for what was learned with them alone: those of its file where they were
  /// converted (set_text_identity), which text_identity_of() names.
  std::string text_identity() const;
  void set_text_identity(const std::string& identity) { text_identity_ = identity; }

  /// A prediction of one latent, its text encoded before; without the autoencoder.
  NetworkCost cost() const;

  static constexpr const char* unet_prefix = "unet.";
  static constexpr const char* text_prefix = "text_encoder.text_model.";

 private:
  at::Tensor states_of(const Condition& condition, std::int64_t batch) const;
  /// Ids [1, length] of the empty prompt.
  at::Tensor empty_ids(std::int64_t length) const;
  at::Device device() const { return text_.token_embeddings().device(); }

  TextToImageConfig config_;
  ClipTokenizer tokenizer_;
  Prediction prediction_;
  Parameters parameters_, vae_parameters_;
  SdUNet unet_;
  ClipText text_;
  std::unique_ptr<SdVae> vae_;
  at::Tensor added_rows_;  // [K, width] float32; undefined: none
  std::string text_identity_;
};

}  // namespace assay
