#include "app/dataset_tables.h"

#include <fmt/format.h>

#include <atomic>
#include <ostream>
#include <set>
#include <string_view>

#include "core/config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/parallel.h"
#include "core/progress.h"
#include "images/image_folder.h"
#include "images/png.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

/// Items of one class: both splits, training, validation.
struct Count {
  std::int64_t train = 0, validation = 0;
  void add(Split split) { ++(split == Split::train ? train : validation); }
  std::int64_t items() const { return train + validation; }
};

struct Counts {
  Count all;
  std::vector<Count> groups, subgroups;
  std::vector<int> group_of;  // per subgroup; -1 where it is empty

  explicit Counts(const Dataset& dataset)
      : groups(dataset.groups().size()), subgroups(dataset.subgroups().size()), group_of(subgroups.size(), -1) {
    for (const Item& item : dataset.items()) {
      all.add(item.split);
      groups[static_cast<std::size_t>(item.group)].add(item.split);
      subgroups[static_cast<std::size_t>(item.subgroup)].add(item.split);
      group_of[static_cast<std::size_t>(item.subgroup)] = item.group;
    }
  }
};

nlohmann::json count_json(const std::string& name, const Count& count) {
  return {{"name", name}, {"items", count.items()}, {"train", count.train}, {"validation", count.validation}};
}

nlohmann::json problems_json(const std::vector<Problem>& problems) {
  nlohmann::json list = nlohmann::json::array();
  for (const Problem& problem : problems) list.push_back({{"item", problem.item}, {"what", problem.what}});
  return list;
}

void print_problems(const std::vector<Problem>& problems, std::ostream& out) {
  if (problems.empty()) return;
  out << fmt::format("problems: {}\n", problems.size());
  for (const Problem& problem : problems) out << fmt::format("  {}: {}\n", problem.item, problem.what);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string labels_csv(const Dataset& dataset) {
  std::string csv = "stem,group,subgroup,name,split\n";
  for (const Item& item : dataset.items())
    csv += fmt::format("{},{},{},{},{}\n", csv_field(item.stem),
                       csv_field(dataset.groups()[static_cast<std::size_t>(item.group)]),
                       csv_field(dataset.subgroups()[static_cast<std::size_t>(item.subgroup)]), csv_field(item.name),
                       name_of(item.split));
  return csv;
}

const char* const record_name = "dataset.json";

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// What a killed export leaves besides its files: "FILE.PID.part" of a write that was cut off, or the empty file with
/// which a folder was tried. `file` is relative to the export.
bool is_leftover(const std::string& file, const std::set<std::string>& expected) {
  const std::string_view name = std::string_view(file).substr(file.rfind('/') + 1);
  if (name.starts_with(".assay-probe.")) return all_digits(name.substr(13));
  if (!file.ends_with(".part")) return false;
  const std::string stem = file.substr(0, file.size() - 5);
  const auto dot = stem.rfind('.');
  return dot != std::string::npos && all_digits(std::string_view(stem).substr(dot + 1)) &&
         expected.contains(stem.substr(0, dot));
}

/// Throws unless the folder is absent, empty, or holds nothing but files of an export with this hash; what systems
/// leave in folders does not count. Returns what a killed export left besides its files.
std::vector<fs::path> check_folder(const fs::path& folder, const std::string& hash,
                                   const std::set<std::string>& expected) {
  std::error_code code;
  if (!fs::exists(folder, code)) return {};
  if (!fs::is_directory(folder, code)) throw InputError(fmt::format("{}: is not a folder", folder.string()));
  std::vector<fs::path> leftovers;
  std::set<std::string> foreign;
  bool any = false;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator at(folder); at != end; ++at) {
    const fs::directory_entry& entry = *at;
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    if (!entry.is_symlink() && entry.is_directory() && (name == "images" || name == "masks")) {
      any = true;
    } else if (!entry.is_symlink() && entry.is_regular_file() && expected.contains(name)) {
      any = true;
    } else if (!entry.is_symlink() && entry.is_regular_file() && is_leftover(name, expected)) {
      leftovers.push_back(entry.path());
    } else if (is_hidden_entry(entry.path().filename().string())) {
      at.disable_recursion_pending();
    } else {
      foreign.insert(name);
    }
  }
  if (!any && foreign.empty()) return leftovers;
  if (!fs::exists(folder / record_name, code))
    throw InputError(
        fmt::format("{}: the folder is not empty; accepted: a new or empty folder, or one with an "
                    "interrupted export of the same dataset",
                    folder.string()));
  const auto record = parse_json(read_file(folder / record_name), (folder / record_name).string());
  const std::string found = record.is_object() && record.contains("hash") && record["hash"].is_string()
                                ? record["hash"].get<std::string>()
                                : "none";
  if (found != hash)
    throw InputError(
        fmt::format("{}: the folder holds an export of another dataset (hash {}, not {}); accepted: a new or empty "
                    "folder",
                    folder.string(), found, hash));
  if (!foreign.empty())
    throw InputError(fmt::format("{}: is not part of the export that the folder holds; move it away",
                                 (folder / *foreign.begin()).string()));
  return leftovers;
}

/// Writes what is not there yet; refuses to change what is. Returns whether it wrote.
bool write_new(const fs::path& file, const std::string& content) {
  std::error_code code;
  if (!fs::exists(file, code)) {
    write_file_atomically(file, content);
    return true;
  }
  if (read_file(file) != content)
    throw InputError(
        fmt::format("{}: differs from what this export writes; remove it or choose another folder", file.string()));
  return false;
}

/// Images and masks; returns how many files it wrote. Several threads, since each file waits for the disk.
std::int64_t write_images(const Dataset& dataset, const fs::path& folder) {
  const auto& items = dataset.items();
  Progress progress("export " + dataset.name(), static_cast<std::int64_t>(items.size()), "items");
  constexpr int threads = 8;
  std::atomic<std::int64_t> written{0};
  parallel_for(static_cast<std::int64_t>(items.size()), threads, [&](std::int64_t i, int worker) {
    const Sample sample = dataset.sample(i);
    const std::string file = items[static_cast<std::size_t>(i)].stem + ".png";
    written += write_new(folder / "images" / file, encode_png(sample.image)) ? 1 : 0;
    written += write_new(folder / "masks" / file, encode_png(sample.mask)) ? 1 : 0;
    if (worker == 0) progress.update(i + 1);
  });
  progress.update(static_cast<std::int64_t>(items.size()));
  return written;
}

}  // namespace

int dataset_list(bool json, std::ostream& out) {
  nlohmann::json list = nlohmann::json::array();
  for (const DatasetEntry& entry : dataset_table()) {
    const std::string missing = entry.missing();
    if (json)
      list.push_back({{"name", entry.name},
                      {"description", entry.description},
                      {"available", missing.empty()},
                      {"missing", missing}});
    else
      out << fmt::format("{:<8} {}{}\n", entry.name, entry.description,
                         missing.empty() ? "" : "\n         missing: " + missing);
  }
  if (json) out << nlohmann::json{{"datasets", list}}.dump() << '\n';
  return 0;
}

int dataset_info(const DatasetSpec& spec, bool json, std::ostream& out) {
  const std::unique_ptr<Dataset> dataset = open_dataset(spec);
  const Counts counts(*dataset);
  if (json) {
    nlohmann::json object = count_json(dataset->name(), counts.all);
    object.erase("name");
    object["dataset"] = to_json(spec);
    object["hash"] = dataset->hash();
    object["groups"] = nlohmann::json::array();
    object["subgroups"] = nlohmann::json::array();
    for (std::size_t g = 0; g < counts.groups.size(); ++g)
      object["groups"].push_back(count_json(dataset->groups()[g], counts.groups[g]));
    for (std::size_t s = 0; s < counts.subgroups.size(); ++s) {
      nlohmann::json entry = count_json(dataset->subgroups()[s], counts.subgroups[s]);
      const int group = counts.group_of[s];
      entry["group"] =
          group < 0 ? nlohmann::json() : nlohmann::json(dataset->groups()[static_cast<std::size_t>(group)]);
      object["subgroups"].push_back(std::move(entry));
    }
    object["problems"] = problems_json(dataset->problems());
    out << object.dump() << '\n';
    return 0;
  }
  const auto row = [&](const std::string& name, const Count& count) {
    out << fmt::format("{:<34} {:>8} {:>8} {:>10}\n", name, count.items(), count.train, count.validation);
  };
  out << fmt::format("{}, {} x {} pixels, hash {}\n\n", dataset->name(), dataset->size(), dataset->size(),
                     dataset->hash());
  out << fmt::format("{:<34} {:>8} {:>8} {:>10}\n", "", "items", "train", "validation");
  row("all", counts.all);
  for (std::size_t g = 0; g < counts.groups.size(); ++g) {
    row(dataset->groups()[g], counts.groups[g]);
    for (std::size_t s = 0; s < counts.subgroups.size(); ++s)
      if (counts.group_of[s] == static_cast<int>(g)) row("  " + dataset->subgroups()[s], counts.subgroups[s]);
  }
  print_problems(dataset->problems(), out);
  return 0;
}

int dataset_export(const DatasetSpec& spec, const fs::path& folder, bool json, std::ostream& out) {
  const std::unique_ptr<Dataset> dataset = open_dataset(spec);
  const auto& items = dataset->items();
  std::set<std::string> expected{record_name, "labels.csv"};
  for (const Item& item : items) {
    expected.insert("images/" + item.stem + ".png");
    expected.insert("masks/" + item.stem + ".png");
  }
  for (const fs::path& leftover : check_folder(folder, dataset->hash(), expected)) fs::remove(leftover);
  ensure_folder(folder);
  // Written first: it marks the folder as this export's own should it be interrupted.
  const nlohmann::json record{{"dataset", to_json(spec)},
                              {"hash", dataset->hash()},
                              {"items", items.size()},
                              {"problems", problems_json(dataset->problems())}};
  std::int64_t written = write_new(folder / record_name, record.dump(2) + "\n") ? 1 : 0;
  ensure_folder(folder / "images");
  ensure_folder(folder / "masks");
  written += write_images(*dataset, folder);
  // Last, so that a folder with labels is a whole one.
  written += write_new(folder / "labels.csv", labels_csv(*dataset)) ? 1 : 0;
  if (json) {
    out << nlohmann::json{{"out", folder.string()},
                          {"hash", dataset->hash()},
                          {"items", items.size()},
                          {"written", written},
                          {"problems", problems_json(dataset->problems())}}
               .dump()
        << '\n';
  } else {
    out << fmt::format("{}: {} images and masks, labels.csv ({} files written)\n", folder.string(), items.size(),
                       written);
    print_problems(dataset->problems(), out);
  }
  return 0;
}

}  // namespace assay
