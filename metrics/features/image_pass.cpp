#include "metrics/features/image_pass.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/elapsed.h"
#include "core/interrupt.h"
#include "core/safetensors.h"

namespace assay {
namespace {

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

void append(std::vector<float>& all, std::span<const float> part) { all.insert(all.end(), part.begin(), part.end()); }

std::span<const float> features_under(const ImageProtocol& protocol, const ImagePass& pass) {
  return protocol.output == FeatureOutput::spatial ? pass.spatial : pass.features;
}

}  // namespace

ImagePass run_pass(const ImageSource& images, const ImageProtocol& protocol, const FeatureNetwork& network,
                   std::int64_t batch, const std::function<void(std::int64_t)>& progress) {
  const auto start = std::chrono::steady_clock::now();
  const auto outputs = std::make_shared<NetworkFeatures>();
  PreparedBatches batches(images, protocol, batch);
  batches.for_each([&](std::span<const float> prepared, std::int64_t done) {
    stop_if_interrupted();
    const NetworkFeatures part = network.run(prepared);
    append(outputs->features, part.features);
    append(outputs->spatial, part.spatial);
    append(outputs->logits, part.logits);
    if (progress) progress(done);
  });
  ImagePass pass;
  pass.count = images.count();
  pass.features = outputs->features;
  pass.spatial = outputs->spatial;
  pass.logits = outputs->logits;
  pass.storage = outputs;
  pass.images_per_second = static_cast<double>(pass.count) / seconds_since(start);
  return pass;
}

void write_pass(const std::filesystem::path& file, const ImagePass& pass, const std::vector<std::int64_t>& labels) {
  SafetensorsWriter writer;
  const auto add = [&](const char* name, std::span<const float> values) {
    if (!values.empty()) writer.add(name, {pass.count, static_cast<std::int64_t>(values.size()) / pass.count}, values);
  };
  add("features", pass.features);
  add("spatial", pass.spatial);
  add("logits", pass.logits);
  if (!labels.empty()) writer.add("labels", {pass.count}, std::span<const std::int64_t>(labels));
  writer.write(file);
}

ImagePass read_pass(const std::filesystem::path& file) {
  const auto stored = std::make_shared<const SafetensorsFile>(file);
  const auto part = [&](const char* name) {
    return stored->has(name) ? stored->at(name).f32(name) : std::span<const float>();
  };
  ImagePass pass;
  pass.features = stored->at("features").f32("features");
  pass.count = stored->at("features").shape.at(0);
  pass.spatial = part("spatial");
  pass.logits = part("logits");
  pass.storage = stored;
  return pass;
}

FeatureSet feature_set(const std::string& name, const ImagePass& pass, const ImageProtocol& protocol) {
  FeatureSet set;
  set.name = name;
  set.count = pass.count;
  set.features = features_under(protocol, pass);
  set.width = static_cast<std::int64_t>(set.features.size()) / set.count;
  set.logits = pass.logits;
  set.classes = static_cast<std::int64_t>(set.logits.size()) / set.count;
  set.storage = pass.storage;
  return set;
}

FeatureSet read_feature_set(const std::string& name, std::span<const std::filesystem::path> passes,
                            const ImageProtocol& protocol) {
  struct Rows {
    std::vector<float> features, logits;
  };
  const auto rows = std::make_shared<Rows>();
  FeatureSet set;
  set.name = name;
  for (const std::filesystem::path& file : passes) {
    const ImagePass pass = read_pass(file);
    set.count += pass.count;
    append(rows->features, features_under(protocol, pass));
    append(rows->logits, pass.logits);
  }
  set.features = rows->features;
  set.width = static_cast<std::int64_t>(set.features.size()) / set.count;
  set.logits = rows->logits;
  set.classes = static_cast<std::int64_t>(set.logits.size()) / set.count;
  set.storage = rows;
  return set;
}

}  // namespace assay
