#include <algorithm>
#include <utility>

#include "reproductions/diffusion_seg/algorithm/max_flow.h"

namespace assay::diffusion_seg {
namespace {

/// Push-relabel from t to s rather than from s to t: its first phase finds a largest preflow and which pixels still
/// reach the terminal that flow runs to. Towards s these are the smallest source side, and the second phase, which
/// would turn the preflow into a flow, is not needed. All edges are symmetric, so the graph is its own reverse.
class Preflow {
 public:
  Preflow(const std::vector<std::int64_t>& terminal, std::vector<std::int64_t> residual)
      : n_(static_cast<std::int32_t>(terminal.size())),
        residual_(std::move(residual)),
        excess_(terminal.size()),
        room_(terminal.size()),
        label_(terminal.size()),
        place_(terminal.size()),
        level_(terminal.size() + 1),
        active_(terminal.size() + 1) {
    for (std::size_t i = 0; i < terminal.size(); ++i) {
      excess_[i] = std::max<std::int64_t>(-terminal[i], 0);
      room_[i] = std::max<std::int64_t>(terminal[i], 0);
    }
  }

  MaxFlow run() {
    relabel_all();
    while (highest_ > 0) {
      std::vector<std::int32_t>& waiting = active_[static_cast<std::size_t>(highest_)];
      if (waiting.empty()) {
        --highest_;
        continue;
      }
      const std::int32_t i = waiting.back();
      waiting.pop_back();
      discharge(i);
      // Labels are lower bounds that drift from the true distances; a search from the terminal costs about as much as
      // n relabellings and makes them exact again.
      if (relabelled_ > n_) relabel_all();
    }
    relabel_all();
    MaxFlow flow{value_, std::vector<std::uint8_t>(excess_.size())};
    for (std::size_t i = 0; i < excess_.size(); ++i) flow.source_side[i] = label_[i] < n_ + 1 ? 1 : 0;
    return flow;
  }

 private:
  // Labels: pixels with room have 1, what reaches them over k edges at least 1 + k; n + 1 stands for no way at all.
  std::int64_t* row(std::int32_t i) {
    return residual_.data() + static_cast<std::int64_t>(i) * static_cast<std::int64_t>(n_);
  }
  std::vector<std::int32_t>& level(std::int32_t label) { return level_[static_cast<std::size_t>(label)]; }

  void enter(std::int32_t i, std::int32_t label) {
    const auto at = static_cast<std::size_t>(i);
    label_[at] = label;
    if (label > n_) return;
    place_[at] = static_cast<std::int32_t>(level(label).size());
    level(label).push_back(i);
    deepest_ = std::max(deepest_, label);
  }

  void leave(std::int32_t i) {
    const auto at = static_cast<std::size_t>(i);
    std::vector<std::int32_t>& list = level(label_[at]);
    const std::int32_t last = list.back();
    list[static_cast<std::size_t>(place_[at])] = last;
    place_[static_cast<std::size_t>(last)] = place_[at];
    list.pop_back();
  }

  void activate(std::int32_t i) {
    const std::int32_t label = label_[static_cast<std::size_t>(i)];
    if (label > n_) return;
    active_[static_cast<std::size_t>(label)].push_back(i);
    highest_ = std::max(highest_, label);
  }

  /// Exact labels by a search backwards from the terminal.
  void relabel_all() {
    relabelled_ = 0;
    for (auto* lists : {&level_, &active_})
      for (std::vector<std::int32_t>& list : *lists) list.clear();
    deepest_ = highest_ = 0;
    std::vector<std::int32_t> rest;
    rest.reserve(excess_.size());
    for (std::int32_t i = 0; i < n_; ++i) {
      if (room_[static_cast<std::size_t>(i)] > 0)
        enter(i, 1);
      else
        rest.push_back(i);
    }
    for (std::int32_t label = 1; label <= n_ && !level(label).empty() && !rest.empty(); ++label) {
      const auto reaches = [&](std::int32_t i) {
        const std::int64_t* to = row(i);
        return std::any_of(level(label).begin(), level(label).end(), [to](std::int32_t j) { return to[j] > 0; });
      };
      std::size_t kept = 0;
      for (const std::int32_t i : rest) {
        if (reaches(i))
          enter(i, label + 1);
        else
          rest[kept++] = i;
      }
      rest.resize(kept);
    }
    for (const std::int32_t i : rest) enter(i, n_ + 1);
    for (std::int32_t i = 0; i < n_; ++i)
      if (excess_[static_cast<std::size_t>(i)] > 0) activate(i);
  }

  /// The smallest label that an edge with capacity left allows pixel i, which has no room; none is below `least` + 1.
  void relabel(std::int32_t i, std::int32_t least) {
    const std::int64_t* to = row(i);
    const std::int32_t old = label_[static_cast<std::size_t>(i)];
    leave(i);
    ++relabelled_;
    std::int32_t label = n_ + 1;
    // A level without pixels cuts off all that lie above it.
    for (std::int32_t l = least; l <= deepest_ && !level(l).empty(); ++l) {
      const std::vector<std::int32_t>& list = level(l);
      if (std::any_of(list.begin(), list.end(), [to](std::int32_t j) { return to[j] > 0; })) {
        label = l + 1;
        break;
      }
    }
    enter(i, label);
    if (level(old).empty()) cut_off(old);
  }

  /// Nothing is left at `gap`: what lies above it cannot reach the terminal any more.
  void cut_off(std::int32_t gap) {
    for (std::int32_t l = gap + 1; l <= deepest_; ++l) {
      for (const std::int32_t i : level(l)) label_[static_cast<std::size_t>(i)] = n_ + 1;
      level(l).clear();
      active_[static_cast<std::size_t>(l)].clear();
    }
    deepest_ = gap;
  }

  void discharge(std::int32_t i) {
    std::int64_t& excess = excess_[static_cast<std::size_t>(i)];
    std::int64_t* to = row(i);
    const std::int32_t label = label_[static_cast<std::size_t>(i)];
    const std::vector<std::int32_t>& below = level(label - 1);
    // Backwards, since a pixel that loses its room leaves the list, and the last one takes its place.
    for (std::size_t k = below.size(); k > 0 && excess > 0; --k) {
      const std::int32_t j = below[k - 1];
      if (to[j] == 0) continue;
      const auto at = static_cast<std::size_t>(j);
      std::int64_t pushed = std::min(excess, to[j]);
      if (label == 2) pushed = std::min(pushed, room_[at]);  // on to the terminal at once
      excess -= pushed;
      to[j] -= pushed;
      row(j)[i] += pushed;
      if (label == 2) {
        value_ += pushed;
        room_[at] -= pushed;
        if (room_[at] == 0) relabel(j, 1);
      } else {
        if (excess_[at] == 0) activate(j);
        excess_[at] += pushed;
      }
    }
    if (excess == 0) return;
    // Losing room may have cut this pixel off.
    if (label_[static_cast<std::size_t>(i)] == label) relabel(i, label);
    activate(i);
  }

  std::int32_t n_;
  std::vector<std::int64_t> residual_;
  std::vector<std::int64_t> excess_, room_;  // what waits at a pixel, and what it can still pass to the terminal
  std::vector<std::int32_t> label_, place_;  // place: in the list of its level
  std::vector<std::vector<std::int32_t>> level_, active_;
  std::int32_t deepest_ = 0, highest_ = 0;  // of the levels with pixels, and of those with active ones, at most
  std::int32_t relabelled_ = 0;
  std::int64_t value_ = 0;
};

}  // namespace

MaxFlow dense_max_flow(const std::vector<std::int64_t>& terminal, std::vector<std::int64_t> capacity) {
  return Preflow(terminal, std::move(capacity)).run();
}

}  // namespace assay::diffusion_seg
