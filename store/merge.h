#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "store/store.h"

namespace assay {

struct Merged {
  std::int64_t batches = 0, runs = 0, scores = 0, timings = 0;  // that came in
  std::int64_t known = 0;                                       // batches that were there already
  std::int64_t files = 0;                                       // artifacts that were copied
  std::vector<std::string> notes;                               // what differs, or could not be taken over
};

/// Adds the batches of another store that `into` does not hold yet, with all that belongs to them, in one transaction.
/// Batches are the same where their `uid` is: merging twice adds nothing. A batch that both hold stays as it is in
/// `into`, with a note where the other one has more stages. Rows get new keys; artifacts are copied to where their new
/// runs have theirs, those of a cache unless a file of that name is there,
/// and of those that lie outside the other store's folder the rows alone. Timings of no batch have no name that holds
/// in every store and stay behind, with a note. Stages that were sealed are sealed again behind those of `into`.
///
/// Throws InputError where the other file is no store or is `into` itself, and where a seal of it is broken; Error when
/// one of the two cannot be read or written.
Merged merge_store(Store& into, const std::filesystem::path& from);

}  // namespace assay
