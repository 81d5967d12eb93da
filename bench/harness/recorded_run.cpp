#include "bench/harness/recorded_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "bench/harness/machine.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/process_memory.h"
#include "core/progress.h"
#include "kernels/thread_count.h"

namespace assay {
namespace {

/// Holds a lock file while it lives: another process that needs the same product waits, until the user stops it.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& file)
      : descriptor_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (descriptor_ < 0) throw InputError(fmt::format("{}: cannot be written", file.string()));
    // A signal goes to one thread of the process, so a lock that waits inside the system would not hear of it.
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK && !interrupt_requested())
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ~FileLock() { ::close(descriptor_); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_;
};

/// Holds a flag true while it lives.
class RaisedFlag {
 public:
  explicit RaisedFlag(bool& flag) : flag_(flag) { flag_ = true; }
  ~RaisedFlag() { flag_ = false; }
  RaisedFlag(const RaisedFlag&) = delete;
  RaisedFlag& operator=(const RaisedFlag&) = delete;

 private:
  bool& flag_;
};

}  // namespace

std::filesystem::path product_file(const std::filesystem::path& folder, const std::string& kind,
                                   const nlohmann::json& identity) {
  return folder / "cache" / fmt::format("{}-{}.safetensors", kind, hash_text(identity.dump()).substr(0, 16));
}

RecordedRun::RecordedRun(RunContext& context, RowId id, nlohmann::json config, std::uint64_t seed)
    : context_(context),
      id_(id),
      config_(std::move(config)),
      seed_(seed),
      folder_(context.folder / "artifacts" / fmt::format("run-{}", id)) {
  ensure_folder(folder_);
}

RecordedRun::RecordedRun(const RecordedRun& whole, StagePositions positions)
    : context_(whole.context_),
      id_(whole.id_),
      config_(whole.config_),
      seed_(whole.seed_),
      folder_(whole.folder_),
      positions_(positions) {}

void RecordedRun::require_no_parts(const std::string& what) const {
  if (parts_at_work_)
    throw Error(fmt::format("{}: the parts of this run are at work; a part uses the run that it is given", what));
}

const Dataset& RecordedRun::dataset() const {
  if (!context_.dataset) throw Error("this configuration has no data set");
  return *context_.dataset;
}

nlohmann::json RecordedRun::stage(const std::string& name, const std::function<void(StageOutput&)>& body) {
  require_no_parts("stage " + name);
  const std::int64_t position = positions_.next();
  std::optional<StageRecorder> stage;
  {
    const std::lock_guard lock(context_.recorder_lock);
    if (context_.recorder->stage_done(id_, name)) return context_.recorder->stage_result(id_, name);
    stage.emplace(context_.recorder->begin_stage(id_, name, position));
  }
  stop_if_interrupted();
  StageOutput out;
  body(out);
  const std::lock_guard lock(context_.recorder_lock);
  record(*stage, out);
  stage->commit(out.result);
  return out.result;
}

void RecordedRun::record(StageRecorder& stage, const StageOutput& out) {
  for (const ProtocolUse& use : out.protocols) {
    const Protocol protocol = used_protocol(use);
    context_.recorder->upsert_protocol({.name = protocol.id,
                                        .hash = {},
                                        .description = protocol.description,
                                        .origin = protocol.origin,
                                        .choices = protocol.choices});
  }
  for (const Score& score : out.scores) {
    ScoreRow row;
    row.arm = score.arm;
    row.name = score.name;
    row.value = score.value;
    row.unit = score.unit;
    row.better = score.direction;
    row.n = score.n;
    row.interval = score.interval;
    row.protocol = score.protocol;
    row.params = score.params;
    stage.add_score(row);
  }
  for (const Timing& timing : out.timings) {
    TimingRow row;
    row.op = timing.op;
    row.variant = timing.variant;
    row.shape = timing.shape;
    row.dtype = "float32";
    row.device = context_.device_name;
    row.threads = at::get_num_threads();
    row.seconds = timing.seconds;
    row.items = timing.items;
    row.item_unit = timing.item_unit;
    row.flops = timing.flops;
    row.peak_memory_bytes = peak_memory_bytes();
    row.code_version = code_version();
    row.machine = context_.machine;
    stage.add_timing(row);
  }
  for (const Artifact& artifact : out.artifacts) {
    ArtifactRow row;
    row.name = artifact.name;
    row.kind = artifact.kind;
    row.path = artifact.file.lexically_relative(context_.folder).generic_string();
    row.meta = artifact.meta;
    stage.add_artifact(row);
  }
  for (const Curve& curve : out.curves) stage.add_curve(curve.name, curve.steps, curve.values);
  for (const std::string& note : out.notes) stage.add_note(note);
}

std::filesystem::path RecordedRun::product(const std::string& kind, const nlohmann::json& identity,
                                           const std::function<void(const std::filesystem::path&)>& produce) {
  std::filesystem::path file = product_file(context_.folder, kind, identity);
  ensure_folder(file.parent_path());
  std::mutex* in_process = nullptr;
  {
    const std::lock_guard lock(context_.product_locks_lock);
    auto& slot = context_.product_locks[file];
    if (!slot) slot = std::make_unique<std::mutex>();
    in_process = slot.get();
  }
  const std::lock_guard lock(*in_process);
  const FileLock between_processes(file.string() + ".lock");
  stop_if_interrupted();
  if (!std::filesystem::exists(file)) produce(file);
  return file;
}

std::function<void(std::int64_t)> RecordedRun::progress(const std::string& what, std::int64_t total,
                                                        const std::string& unit) {
  const auto line = std::make_shared<Progress>(fmt::format("seed {}: {}", seed_, what), total, unit);
  return [line](std::int64_t done) {
    line->update(done);
    stop_if_interrupted();
  };
}

void RecordedRun::side_by_side(const std::vector<std::function<void(Run&)>>& parts) {
  require_no_parts("side_by_side");
  const auto count = static_cast<std::int64_t>(parts.size());
  const int threads = at::get_num_threads();
  const int workers = context_.device.is_cpu() ? worker_count(count, threads) : 1;
  const std::vector<StagePositions> positions = positions_.split(parts.size());
  const RaisedFlag at_work(parts_at_work_);
  parallel_for(count, workers, [&](std::int64_t i, int) {
    const ThreadCount share(threads / workers);
    const auto at = static_cast<std::size_t>(i);
    RecordedRun part(*this, positions[at]);
    parts[at](part);
  });
}

}  // namespace assay
