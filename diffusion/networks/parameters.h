#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "diffusion/networks/packed_weight.h"

namespace assay {

class SafetensorsFile;
class SafetensorsWriter;

/// How a parameter starts; the bounds are those of the layers of the official code (PyTorch's defaults). normal_002 has
/// deviation 0.02, as vision transformers start. The official code truncates it at 2, a hundred deviations away, which
/// never happens.
enum class Initial { zeros, ones, uniform_fan_in, normal, normal_fan_in, normal_002 };

/// A parameter of a network as its layers see it; filled by Parameters::materialise.
struct Parameter {
  std::string name;  // official state_dict key
  std::vector<std::int64_t> shape = {};
  Initial initial = Initial::zeros;
  std::int64_t fan_in = 1;  // for uniform_fan_in: U(-1/sqrt(fan_in), 1/sqrt(fan_in)); normal_fan_in: N(0, 1/fan_in)
  bool trainable = true;
  WeightUse use = {};           // what Parameters::pack() arranges it for
  std::string older_name = {};  // what a file may have in the place of `name`; its shape may end in sides of 1 there
  at::Tensor value = {};        // a view into the flat buffer, or on its own in a network that only predicts
};

/// A part of a file for a part of a network: keys `in_file` + X are those of the parameters `of_names` + X.
struct StatePart {
  std::string in_file = {}, of_names = {};
};

/// All parameters of one network under their official key names.
/// Trainable ones share one flat float32 buffer (and one flat gradient), so that the optimiser, the EMA and a
/// checkpoint treat the network as one array. Layers keep `const Parameter*`, stable for the life of this object.
class Parameters {
 public:
  Parameters() = default;
  Parameters(const Parameters&) = delete;
  Parameters& operator=(const Parameters&) = delete;

  /// Declares a parameter; names must be unique. Only before materialise().
  const Parameter* declare(Parameter parameter);

  /// Allocates the buffers on `device` and initialises every parameter from `seed`: parameter i draws from its own
  /// stream, so adding a layer changes no other weight.
  void materialise(std::uint64_t seed, at::Device device = at::kCPU);
  /// Makes trainable parameters leaves of autograd whose gradients accumulate into flat_gradient().
  void require_gradients();

  /// Gives every parameter values of its own in `type`, as materialise() would round them, without a flat buffer: from
  /// here on the parameters only predict.
  void materialise_to_predict(std::uint64_t seed, at::ScalarType type, at::Device device = at::kCPU);
  /// Takes a part of the parameters from a file in F32, F16 or BF16, strictly as load(), without a flat buffer: from
  /// here on the parameters only predict. Values keep the file's type, or are converted to `type`. What is not
  /// converted and stays on the CPU is not copied either: it lies in the file's memory, which lives as long as a
  /// parameter. Throws InputError where the file holds several types and none is asked for.
  void load_to_predict(const std::shared_ptr<const SafetensorsFile>& file, const StatePart& part = {},
                       std::optional<at::ScalarType> type = {}, at::Device device = at::kCPU);

  /// Arranges on the CPU what layers say they multiply as packed() does, in its own type, and makes float32 of the rest
  /// (but of large matrices) where that computes: they only predict then, and pass no gradient on. Takes no more memory
  /// than the largest beside all; blocks above 1 MiB are given back to the system when freed, in the whole process.
  void pack();

  const std::deque<Parameter>& all() const { return parameters_; }
  std::int64_t trainable_count() const;
  /// Values of all parameters, frozen ones included, and of those with the given names.
  std::int64_t count() const;
  std::int64_t count(const std::set<std::string>& names) const;
  at::Tensor& flat() { return flat_; }
  at::Tensor& flat_gradient() { return flat_gradient_; }

  /// Keeps the parameters of the given names in `type`, all others in float32, and gives up the flat buffer: from here
  /// on the parameters only predict; loading, saving and training throw Error.
  void cast(at::ScalarType type, const std::set<std::string>& names);

  /// Loads every parameter strictly: a missing key, an extra key or another shape throws InputError that counts them
  /// and names the first ten.
  void load(const SafetensorsFile& file);
  /// The same for the part of the file whose keys start with `prefix`, which is stripped; other keys are passed over.
  void load_partly(const SafetensorsFile& file, const std::string& prefix);
  /// What keeps the file (its part under `prefix`) from loading, in one line of counts and the first ten wrong keys, of
  /// all kinds in turn: of another shape, missing, unexpected. Empty when it fits.
  std::string misfit(const SafetensorsFile& file, const std::string& prefix = "") const;
  /// Adds every parameter under `prefix` + name. `flat` replaces the trainable values (the EMA copy, say) if defined.
  void save(SafetensorsWriter& writer, const std::string& prefix = "", const at::Tensor& flat = {}) const;
  /// Copies `flat` (same layout as flat()) into the parameters.
  void assign(const at::Tensor& flat);

 private:
  void load_under(const SafetensorsFile& file, const std::string& prefix);
  void refuse_where_only_predicting(const char* what) const;

  std::deque<Parameter> parameters_;
  std::map<std::string, const Parameter*> by_name_;
  at::Tensor flat_, flat_gradient_;
  bool only_predicts_ = false;
};

}  // namespace assay
