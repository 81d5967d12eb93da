#pragma once
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"
#include "store/query.h"
#include "store/recorder.h"
#include "tests/support/temporary_folder.h"

namespace assay::test {

/// What an action throws.
template <class Exception = Error, class Action>
std::string failure(Action&& action) {
  try {
    action();
  } catch (const Exception& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

/// A store of its own, and rows to write into it.
class Recording : public ::testing::Test {
 protected:
  RowId begin_batch(const std::string& command = "assay run self_guided --tier mini") {
    BatchRow row;
    row.command = command;
    row.config = {{"steps", 100}};
    return recorder.begin_batch(row);
  }

  RowId begin_run(RowId batch, std::int64_t seed = 0, const std::string& method = "self_guided") {
    RunRow row;
    row.batch = batch;
    row.method = method;
    row.tier = "mini";
    row.dataset = "emoji";
    row.dataset_hash = "0123";
    row.seed = seed;
    row.config = {{"k", 100}, {"train", {{"lr", 0.001}}}};
    row.code_version = "0.1.0+abc";
    row.device = "cpu";
    row.driver = "none";
    row.libraries = {{"libtorch", "2.11.0"}};
    row.machine = {{"cpu", "EPYC"}, {"cores", 2}, {"os", "Debian 12"}};
    return recorder.begin_run(row);
  }

  void add_protocol(const std::string& name = "fd-small", const nlohmann::json& choices = {{"width", 64}}) {
    ProtocolRow row;
    row.name = name;
    row.description = "Frechet distance\nof a small network";
    row.origin = "this suite";
    row.choices = choices;
    recorder.upsert_protocol(row);
  }

  static ScoreRow score(const std::string& arm, double value) {
    ScoreRow row;
    row.arm = arm;
    row.name = "fd";
    row.value = value;
    row.n = 1000;
    row.protocol = "fd-small";
    return row;
  }

  TemporaryFolder folder;
  Store store = Store::open_or_create(folder / "results.sqlite");
  Recorder recorder{store};
  Query query{store};
};

}  // namespace assay::test
