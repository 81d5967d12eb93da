#include <algorithm>
#include <cstdlib>
#include <limits>

#include "reproductions/diffusion_seg/algorithm/max_flow.h"

namespace assay::diffusion_seg {
namespace {

enum class Tree : std::uint8_t { none, source, sink };

// What stands in place of the arc to a parent.
constexpr std::int32_t no_parent = -1, terminal_parent = -2, orphan = -3;
constexpr std::int32_t far = std::numeric_limits<std::int32_t>::max();

struct Pixel {
  std::int64_t terminal = 0;        // what s can still send here, or negated, what can still go from here to t
  std::int32_t first = 0;           // of its arcs, which end where those of the next pixel start
  std::int32_t parent = no_parent;  // the arc that leads to it
  std::int32_t stamp = 0;           // when `distance` was last known to be right
  std::int32_t distance = 0;        // arcs to the terminal, along the tree
  Tree tree = Tree::none;
  bool active = false;
};

struct Arc {
  std::int64_t residual = 0;
  std::int32_t head = 0;
  std::int32_t reverse = 0;
};

/// Two trees of arcs with capacity left grow from s and from t. Where they meet there is a path to augment; pixels that
/// it cuts off look for another parent in their tree and become free without one.
class SearchTrees {
 public:
  SearchTrees(const std::vector<std::int64_t>& terminal, std::span<const FlowEdge> edges)
      : pixels_(terminal.size() + 1), arcs_(2 * edges.size()), queue_(terminal.size()) {
    for (const FlowEdge& e : edges) {
      ++pixels_[static_cast<std::size_t>(e.i) + 1].first;
      ++pixels_[static_cast<std::size_t>(e.j) + 1].first;
    }
    for (std::size_t i = 1; i < pixels_.size(); ++i) pixels_[i].first += pixels_[i - 1].first;
    std::vector<std::int32_t> next(terminal.size());
    for (std::size_t i = 0; i < next.size(); ++i) next[i] = pixels_[i].first;
    for (const FlowEdge& e : edges) {
      const std::int32_t there = next[static_cast<std::size_t>(e.i)]++, back = next[static_cast<std::size_t>(e.j)]++;
      arcs_[static_cast<std::size_t>(there)] = {e.capacity, e.j, back};
      arcs_[static_cast<std::size_t>(back)] = {e.capacity, e.i, there};
    }
    for (std::size_t i = 0; i < terminal.size(); ++i) {
      Pixel& p = pixels_[i];
      p.terminal = terminal[i];
      if (p.terminal == 0) continue;
      p.tree = p.terminal > 0 ? Tree::source : Tree::sink;
      p.parent = terminal_parent;
      p.distance = 1;
      activate(static_cast<std::int32_t>(i));
    }
  }

  MaxFlow run() {
    while (waiting_ > 0) {
      const std::int32_t i = queue_[head_];
      head_ = head_ + 1 < queue_.size() ? head_ + 1 : 0;
      --waiting_;
      pixel(i).active = false;
      // A path that is augmented may leave the pixel in its tree, with arcs that were not looked at.
      while (pixel(i).tree != Tree::none) {
        const std::int32_t bridge = grow(i);
        if (bridge < 0) break;
        ++clock_;
        augment(bridge);
        adopt();
      }
    }
    MaxFlow flow{value_, std::vector<std::uint8_t>(pixels_.size() - 1)};
    for (std::size_t i = 0; i < flow.source_side.size(); ++i)
      flow.source_side[i] = pixels_[i].tree == Tree::source ? 1 : 0;
    return flow;
  }

 private:
  Pixel& pixel(std::int32_t i) { return pixels_[static_cast<std::size_t>(i)]; }
  Arc& arc(std::int32_t a) { return arcs_[static_cast<std::size_t>(a)]; }
  Arc& reverse(std::int32_t a) { return arc(arc(a).reverse); }
  std::int32_t last_arc(std::int32_t i) { return pixels_[static_cast<std::size_t>(i) + 1].first; }

  void activate(std::int32_t i) {
    if (pixel(i).active) return;
    pixel(i).active = true;
    const std::size_t end = head_ + waiting_++;
    queue_[end < queue_.size() ? end : end - queue_.size()] = i;
  }

  /// Whether the arc `a` out of a pixel of that tree can carry flow away from s or towards t.
  bool open(Tree tree, std::int32_t a) { return (tree == Tree::source ? arc(a) : reverse(a)).residual > 0; }

  /// Takes in the free neighbours of a pixel. Returns an open arc from the source's tree to the sink's, or -1.
  std::int32_t grow(std::int32_t i) {
    const Pixel& p = pixel(i);
    const std::int32_t end = last_arc(i);
    for (std::int32_t a = p.first; a < end; ++a) {
      if (!open(p.tree, a)) continue;
      const std::int32_t j = arc(a).head;
      Pixel& q = pixel(j);
      if (q.tree == Tree::none) {
        q.tree = p.tree;
        q.parent = arc(a).reverse;
        q.stamp = p.stamp;
        q.distance = p.distance + 1;
        activate(j);
      } else if (q.tree != p.tree) {
        return p.tree == Tree::source ? a : arc(a).reverse;
      } else if (q.stamp <= p.stamp && q.distance > p.distance) {
        // A shorter way to the terminal.
        q.parent = arc(a).reverse;
        q.stamp = p.stamp;
        q.distance = p.distance + 1;
      }
    }
    return -1;
  }

  /// Flow between a pixel of that tree and the head of its arc `a`, a parent, runs along this arc.
  Arc& flow_arc(Tree tree, std::int32_t a) { return tree == Tree::source ? reverse(a) : arc(a); }

  void augment(std::int32_t bridge) {
    std::int64_t least = arc(bridge).residual;
    const std::int32_t ends[] = {reverse(bridge).head, arc(bridge).head};
    for (std::int32_t i : ends) {
      for (; pixel(i).parent != terminal_parent; i = arc(pixel(i).parent).head)
        least = std::min(least, flow_arc(pixel(i).tree, pixel(i).parent).residual);
      least = std::min(least, std::abs(pixel(i).terminal));
    }
    arc(bridge).residual -= least;
    reverse(bridge).residual += least;
    for (std::int32_t i : ends) {
      while (pixel(i).parent != terminal_parent) {
        Arc& along = flow_arc(pixel(i).tree, pixel(i).parent);
        const std::int32_t up = arc(pixel(i).parent).head;
        along.residual -= least;
        arc(along.reverse).residual += least;
        if (along.residual == 0) make_orphan(i);
        i = up;
      }
      Pixel& root = pixel(i);
      root.terminal += root.terminal > 0 ? -least : least;
      if (root.terminal == 0) make_orphan(i);
    }
    value_ += least;
  }

  void make_orphan(std::int32_t i) {
    pixel(i).parent = orphan;
    orphans_.push_back(i);
  }

  /// Arcs between a pixel and the terminal of its tree, or `far` where an orphan lies between. Marks the way, so that
  /// it is walked once until the next path is augmented.
  std::int32_t distance_to_terminal(std::int32_t start) {
    std::int32_t steps = 0, i = start;
    while (pixel(i).stamp != clock_) {
      Pixel& p = pixel(i);
      if (p.parent == orphan) return far;
      if (p.parent == terminal_parent) {
        p.stamp = clock_;
        p.distance = 1;
        break;
      }
      i = arc(p.parent).head;
      ++steps;
    }
    const std::int32_t total = pixel(i).distance + steps;
    std::int32_t distance = total;
    for (i = start; pixel(i).stamp != clock_; i = arc(pixel(i).parent).head) {
      pixel(i).stamp = clock_;
      pixel(i).distance = distance--;
    }
    return total;
  }

  /// Finds the nearest parent for every orphan, or frees it and orphans its children.
  void adopt() {
    for (std::size_t next = 0; next < orphans_.size(); ++next) {
      const std::int32_t i = orphans_[next];
      Pixel& p = pixel(i);
      std::int32_t best = no_parent, least = far;
      for (std::int32_t a = p.first; a < last_arc(i) && least > 1; ++a) {
        if (pixel(arc(a).head).tree != p.tree || flow_arc(p.tree, a).residual == 0) continue;
        const std::int32_t distance = distance_to_terminal(arc(a).head);
        if (distance < least) {
          least = distance;
          best = a;
        }
      }
      if (best != no_parent) {
        p.parent = best;
        p.stamp = clock_;
        p.distance = least + 1;
      } else {
        release(i);
      }
    }
    orphans_.clear();
  }

  void release(std::int32_t i) {
    Pixel& p = pixel(i);
    for (std::int32_t a = p.first; a < last_arc(i); ++a) {
      const std::int32_t j = arc(a).head;
      const Pixel& q = pixel(j);
      if (q.tree != p.tree) continue;
      if (flow_arc(p.tree, a).residual > 0) activate(j);  // it may take this pixel in again
      if (q.parent >= 0 && arc(q.parent).head == i) make_orphan(j);
    }
    p.tree = Tree::none;
    p.parent = no_parent;
  }

  std::vector<Pixel> pixels_;  // one more than there are, whose `first` ends the arcs of the last
  std::vector<Arc> arcs_;
  std::vector<std::int32_t> queue_, orphans_;  // the queue is a ring: no pixel waits twice
  std::size_t head_ = 0, waiting_ = 0;
  std::int32_t clock_ = 0;
  std::int64_t value_ = 0;
};

}  // namespace

MaxFlow sparse_max_flow(const std::vector<std::int64_t>& terminal, std::span<const FlowEdge> edges) {
  return SearchTrees(terminal, edges).run();
}

}  // namespace assay::diffusion_seg
