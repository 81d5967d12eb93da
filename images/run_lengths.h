#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "images/image.h"

namespace assay {

/// A binary mask as COCO stores it: pixels in the order of columns, each from top to bottom, as lengths of runs of
/// background and foreground in turn, background first. Runs may be empty, as files of others have them. The functions
/// below give what pycocotools 2.0.11 gives, to the bit, but where that errs on empty runs
/// (findings/pycocotools-empty-runs.sh). Those that go along the runs throw Error where these do not add up.
struct RunLengths {
  int width = 0, height = 0;
  std::vector<std::uint32_t> counts;  // their sum is width * height, below 2^32

  bool operator==(const RunLengths&) const = default;
};

/// The mask of the pixels other than 0 of an image of one channel, without empty runs but a first one.
RunLengths run_lengths_of(const Image& mask);

/// Runs that a file lists. Throws InputError that starts with `where` for a negative one, and where they do not add up
/// to width * height.
RunLengths run_lengths_from(std::span<const std::int64_t> counts, int width, int height, const std::string& where);

/// Of COCO's text: each run from the fourth on as its difference to the one before the last, 5 bits a character, lowest
/// first. Throws InputError that starts with `where` for other characters, a run that does not end, and as
/// run_lengths_from() does.
RunLengths run_lengths_from_text(std::string_view text, int width, int height, const std::string& where);
std::string text_of(const RunLengths& mask);

/// 1 channel: `foreground` where the mask is, else 0.
Image image_of(const RunLengths& mask, std::uint8_t foreground = 255);

/// Number of foreground pixels.
std::int64_t area_of(const RunLengths& mask);

/// The smallest box around the foreground; an empty one without any.
Box box_of(const RunLengths& mask);

enum class MaskMerge { any, all };  // union, intersection

/// The pixels that are foreground in any or all of the masks. Throws Error without a mask and for masks of other sizes
/// than the first.
RunLengths merged(std::span<const RunLengths> masks, MaskMerge merge);

/// Common pixels over the pixels of both; 0 where there are none. Where `truth_is_crowd`, over the pixels of `mask`
/// alone: COCO's share of a mask that lies in a crowd. Throws Error for masks of different sizes.
double overlap(const RunLengths& mask, const RunLengths& truth, bool truth_is_crowd = false);

}  // namespace assay
