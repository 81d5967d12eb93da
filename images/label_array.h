#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/array_file.h"

namespace assay {

/// The labels of a set's samples as a file holds them.
struct LabelArray {
  std::vector<std::int64_t> labels;      // one a sample, or empty
  std::vector<std::string> class_names;  // name of label k at k; empty where labels are numbers and nothing else
  std::string fault;                     // why there are none, a whole line, for those who need labels; else empty
  std::vector<std::string> notes;        // what was understood or left out, one line each; `fault` is not among them
};

/// Reads labels as people save them: integers of any width, booleans, whole floats, text (a class a word, in the order
/// of bytes), [samples] with any sides of 1, and one-hot rows [samples, classes]. Names of classes come from the array
/// `class_names`, or a JSON list of strings under that key in safetensors metadata. An array that is no label of each
/// sample gives a fault; so do labels that have no name where others have one.
/// Throws InputError naming file and array where the file is damaged, and where an array that is named as labels has
/// another number of rows than `count`.
LabelArray read_labels(const ArrayFile& file, const std::string& name, std::int64_t count);

/// The names of the samples, `names`: text of a NumPy file, or a JSON list of strings under that key in safetensors
/// metadata. Empty without them, and with a note where they are something else or not one for each of `count` samples.
std::vector<std::string> read_row_names(const ArrayFile& file, std::int64_t count, std::vector<std::string>& notes);

}  // namespace assay
