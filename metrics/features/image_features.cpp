#include "metrics/features/image_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/convertible_weights.h"
#include "core/elapsed.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/progress.h"
#include "core/safetensors.h"

namespace assay {
namespace {

/// A key that only this network's state_dict has.
const char* telling_key(FeatureNetworkId id) {
  switch (id) {
    case FeatureNetworkId::inception:
      return "Mixed_5b.branch1x1.conv.weight";
    case FeatureNetworkId::vgg16:
      return "classifier.6.weight";
    case FeatureNetworkId::dinov2:
      return "cls_token";
  }
  throw Error("unknown feature network");
}

const char* name_of(FeatureNetworkId id) {
  switch (id) {
    case FeatureNetworkId::inception:
      return "inception";
    case FeatureNetworkId::vgg16:
      return "vgg16";
    case FeatureNetworkId::dinov2:
      return "dinov2";
  }
  throw Error("unknown feature network");
}

/// Threads that read, resize and normalise images into a ring of batches while the caller consumes them in order.
class PreparedBatches {
 public:
  PreparedBatches(const ImageSource& source, const ImageProtocol& protocol, std::int64_t batch)
      : source_(source), protocol_(protocol), batch_(batch), count_(source.count()) {
    const auto side = static_cast<std::size_t>(input_side(protocol.network));
    image_size_ = 3 * side * side;
    for (Slot& slot : ring_) slot.values.resize(image_size_ * static_cast<std::size_t>(batch));
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
    threads_.reserve(threads);
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~PreparedBatches() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  PreparedBatches(const PreparedBatches&) = delete;
  PreparedBatches& operator=(const PreparedBatches&) = delete;

  /// Calls `use` with each batch in order. Throws what reading the first bad image threw.
  template <class Use>
  void for_each(Use use) {
    for (std::int64_t begin = 0; begin < count_; begin += batch_) {
      const std::int64_t size = std::min(batch_, count_ - begin);
      Slot& slot = slot_of(begin);
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return slot.done == size; });
        if (slot.fault) std::rethrow_exception(slot.fault);
      }
      use(std::span<const float>(slot.values).first(image_size_ * static_cast<std::size_t>(size)), begin + size);
      {
        const std::lock_guard lock(mutex_);
        slot.done = 0;
        consumed_ = begin + size;
      }
      changed_.notify_all();
    }
  }

 private:
  static constexpr std::int64_t depth = 3;
  struct Slot {
    std::vector<float> values;
    std::int64_t done = 0;
    std::int64_t fault_index = 0;
    std::exception_ptr fault;
  };

  Slot& slot_of(std::int64_t index) { return ring_[static_cast<std::size_t>(index / batch_ % depth)]; }

  void work() {
    while (true) {
      std::int64_t index = 0;
      {
        std::unique_lock lock(mutex_);
        // A batch may be filled once the one that lay in its slot before was used.
        changed_.wait(
            lock, [&] { return stopping_ || next_ >= count_ || next_ / batch_ * batch_ < consumed_ + depth * batch_; });
        if (stopping_ || next_ >= count_) return;
        index = next_++;
      }
      Slot& slot = slot_of(index);
      std::exception_ptr fault;
      try {
        const Image image = source_.read(index);
        prepare_image(
            {image.pixels.data(), image.width, image.height}, protocol_,
            std::span(slot.values).subspan(image_size_ * static_cast<std::size_t>(index % batch_), image_size_));
      } catch (...) {
        fault = std::current_exception();
      }
      {
        const std::lock_guard lock(mutex_);
        ++slot.done;
        if (fault && (!slot.fault || index < slot.fault_index)) {
          slot.fault = fault;
          slot.fault_index = index;
        }
      }
      changed_.notify_all();
    }
  }

  const ImageSource& source_;
  const ImageProtocol protocol_;
  const std::int64_t batch_, count_;
  std::size_t image_size_ = 0;
  std::array<Slot, depth> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t next_ = 0, consumed_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

void append(std::vector<float>& all, const std::vector<float>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

/// The parts of a pass under the names that a cache file gives them.
template <class Outputs, class Do>
void for_each_part(Outputs& outputs, Do act) {
  act("features", outputs.features);
  act("spatial", outputs.spatial);
  act("logits", outputs.logits);
}

ImagePass read_pass(const std::filesystem::path& file) {
  const SafetensorsFile stored(file);
  ImagePass pass;
  for_each_part(pass.outputs, [&](const char* name, std::vector<float>& values) {
    if (!stored.has(name)) return;
    const auto numbers = stored.at(name).f32(name);
    values.assign(numbers.begin(), numbers.end());
    pass.count = stored.at(name).shape.at(0);
  });
  return pass;
}

void write_pass(const std::filesystem::path& file, const ImagePass& pass) {
  SafetensorsWriter writer;
  for_each_part(pass.outputs, [&](const char* name, const std::vector<float>& values) {
    if (!values.empty())
      writer.add(name, {pass.count, static_cast<std::int64_t>(values.size()) / pass.count},
                 std::span<const float>(values));
  });
  writer.write(file);
}

}  // namespace

const std::filesystem::path& FeatureNetworks::file_of(FeatureNetworkId id) {
  if (!files_.contains(id))
    for (const std::filesystem::path& file : options_.weights)
      if (SafetensorsFile(file).has(telling_key(id))) files_.emplace(id, file);
  const auto found = files_.find(id);
  if (found != files_.end()) return found->second;
  // One file that is no network's is more likely a damaged one than another network's.
  if (options_.weights.size() == 1) {
    const SafetensorsFile only(options_.weights.front());
    const bool another = std::any_of(image_protocols().begin(), image_protocols().end(),
                                     [&](const ImageProtocol& p) { return only.has(telling_key(p.network)); });
    if (!another) return files_.emplace(id, options_.weights.front()).first->second;
  }
  if (options_.weights.empty()) throw InputError(how_to_get_weights(id));
  std::string files, hint;
  for (const std::filesystem::path& file : options_.weights) {
    files += (files.empty() ? "" : ", ") + file.string();
    if (hint.empty()) hint = conversion_hint(SafetensorsFile(file));
  }
  throw InputError(fmt::format("{}: none of them is the network {}, which {}{}{}", files, name_of(id),
                               how_to_get_weights(id), hint.empty() ? "" : ". ", hint));
}

const FeatureNetwork& FeatureNetworks::network(FeatureNetworkId id) {
  auto& slot = networks_[id];
  if (!slot) slot = load_feature_network(id, file_of(id));
  return *slot;
}

std::string FeatureNetworks::weights_hash(FeatureNetworkId id) {
  std::string& hash = hashes_[id];
  if (hash.empty()) hash = hash_file(file_of(id));
  return hash;
}

ImageFeatures::ImageFeatures(const std::filesystem::path& path, FeatureNetworks& networks)
    : path_(path), networks_(networks), source_(open_images(path)) {}

std::vector<std::int64_t> ImageFeatures::leave_out_damaged() {
  std::vector<std::int64_t> images;
  if (!networks_.options().skip_damaged) return images;
  const std::vector<DamagedImage> damaged = source_->damaged();
  images.reserve(damaged.size());
  for (const DamagedImage& image : damaged) images.push_back(image.index);
  if (!images.empty()) leave_out(images, damaged_note(path_.string(), damaged, source_->count()));
  return images;
}

void ImageFeatures::leave_out(std::span<const std::int64_t> images, const std::string& note) {
  if (!passes_.empty()) throw Error("images are left out before the first pass over them");
  source_ = without(std::move(source_), images, note);
  hash_.clear();
}

const std::string& ImageFeatures::hash() {
  if (hash_.empty()) hash_ = source_->hash();
  return hash_;
}

ImagePass ImageFeatures::run(const ImageProtocol& protocol) {
  const FeatureNetwork& network = networks_.network(protocol.network);
  ImagePass pass;
  pass.count = source_->count();
  const auto start = std::chrono::steady_clock::now();
  Progress progress(fmt::format("{} of {}", name_of(protocol.network),
                                (path_ / "").lexically_normal().parent_path().filename().string()),
                    pass.count, "images");
  PreparedBatches batches(*source_, protocol, networks_.options().batch);
  batches.for_each([&](std::span<const float> images, std::int64_t done) {
    stop_if_interrupted();
    const NetworkFeatures part = network.run(images);
    append(pass.outputs.features, part.features);
    append(pass.outputs.spatial, part.spatial);
    append(pass.outputs.logits, part.logits);
    progress.update(done);
  });
  pass.images_per_second = static_cast<double>(pass.count) / seconds_since(start);
  return pass;
}

const ImagePass& ImageFeatures::pass(const ImageProtocol& protocol) {
  for (const auto& [done, pass] : passes_)
    if (done.same_pass(protocol)) return *pass;
  std::shared_ptr<const ImagePass> made;
  const std::filesystem::path& cache = networks_.options().cache;
  std::filesystem::path file;
  if (!cache.empty()) {
    ensure_folder(cache);
    Hasher key;
    key.text("image pass 1")
        .text(hash())
        .text(networks_.weights_hash(protocol.network))
        .text(assay::name_of(protocol.resize));
    for (const float value : protocol.normalisation.offset) key.number(static_cast<double>(value));
    for (const float value : protocol.normalisation.scale) key.number(static_cast<double>(value));
    file = cache / (key.hex() + ".safetensors");
  }
  if (!file.empty() && std::filesystem::exists(file)) {
    made = std::make_shared<const ImagePass>(read_pass(file));
    if (made->count != source_->count())
      throw InputError(
          fmt::format("{}: holds {} images instead of {}; remove it", file.string(), made->count, source_->count()));
  } else {
    made = std::make_shared<const ImagePass>(run(protocol));
    if (!file.empty()) write_pass(file, *made);
  }
  passes_.emplace_back(protocol, made);
  return *made;
}

FeatureSet ImageFeatures::of(const ImageProtocol& protocol) {
  const ImagePass& found = pass(protocol);
  FeatureSet set;
  set.name = path_.string();
  set.count = found.count;
  const NetworkFeatures& outputs = found.outputs;
  set.features = protocol.output == FeatureOutput::spatial ? outputs.spatial : outputs.features;
  set.width = static_cast<std::int64_t>(set.features.size()) / set.count;
  set.logits = outputs.logits;
  set.classes = static_cast<std::int64_t>(set.logits.size()) / set.count;
  set.labels = source_->labels();
  set.class_names = source_->class_names();
  set.label_fault = source_->label_fault();
  for (const auto& [done, kept] : passes_)
    if (done.same_pass(protocol)) set.storage = kept;
  set.hash = hash_of_samples(set);
  return set;
}

}  // namespace assay
