#pragma once
#include <nlohmann/json.hpp>

#include "reproductions/tiers.h"

namespace assay::test {

/// The smoke preset of Self-Guided Diffusion, small enough to train in a moment: 8 x 8 pixels, one level.
inline nlohmann::json tiny_self_guided() {
  nlohmann::json config = method_preset("self_guided", Tier::smoke);
  config["dataset"] = {{"name", "shapes"}, {"size", 8}, {"count", 90}};
  for (nlohmann::json* unet : {&config["unet"], &config["layouts"]["unet"]}) {
    (*unet)["image_size"] = 8;
    (*unet)["channel_mult"] = {1};
    (*unet)["attention_resolutions"] = nlohmann::json::array();
  }
  config["clusters"] = {3, 5};
  config["encoders"] = {"random"};
  for (const char* part : {"encoder", "fd_small"}) config[part]["steps"] = 2;
  config["fd_small"]["features"] = 4;
  config["train"]["steps"] = 2;
  config["train"]["batch"] = 4;
  config["sample"]["count"] = 12;
  config["sample"]["batch"] = 5;
  config["sample"]["steps"] = 2;
  config["bootstrap"] = 20;
  return config;
}

}  // namespace assay::test
