#include "images/damaged_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "core/interrupt.h"
#include "core/parallel.h"
#include "core/phrases.h"
#include "core/progress.h"
#include "images/image_file.h"

namespace assay {

InputError with_skip_option(const InputError& error) {
  return InputError(fmt::format("{}; --skip-damaged leaves damaged images out", error.what()));
}

std::vector<DamagedImage> find_damaged(const std::string& what, std::int64_t count, int threads,
                                       const std::function<void(std::int64_t)>& decode) {
  std::vector<DamagedImage> damaged;
  std::mutex mutex;
  std::int64_t done = 0;
  Progress progress("check " + what, count, "images");
  parallel_for(count, threads, [&](std::int64_t i, int) {
    stop_if_interrupted();
    std::string why;
    try {
      decode(i);
    } catch (const FormatNotBuilt&) {
      throw;  // another build reads the image: leaving it out would hide that this one cannot
    } catch (const InputError& error) {
      why = error.what();
    }
    const std::lock_guard lock(mutex);
    if (!why.empty()) damaged.push_back({i, "", why});
    progress.update(++done);
  });
  std::sort(damaged.begin(), damaged.end(), [](const auto& a, const auto& b) { return a.index < b.index; });
  return damaged;
}

std::string damaged_note(const std::string& where, const std::vector<DamagedImage>& damaged, std::int64_t count,
                         std::string_view what) {
  const auto n = static_cast<std::int64_t>(damaged.size());
  if (n == count)
    throw InputError(fmt::format("{}: no {} is left, {} damaged; the first: {}", where, what,
                                 n == 1 ? std::string("the only one is") : fmt::format("all {} are", n),
                                 damaged.front().why));
  std::vector<std::string> names;
  names.reserve(damaged.size());
  for (const DamagedImage& image : damaged) names.push_back(image.name);
  return fmt::format("{}: {} of {} left out as damaged ({}); the first: {}", where, n, counted(count, what),
                     first_few(names), damaged.front().why);
}

}  // namespace assay
