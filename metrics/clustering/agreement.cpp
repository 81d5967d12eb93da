#include "metrics/clustering/agreement.h"

#include <utility>

#include "core/parallel.h"
#include "metrics/clustering/clustering.h"

namespace assay {

namespace {

double ami_of(const CountedTable& c) {
  return c.terms == nullptr ? ami(c.table, c.information) : ami(c.table, c.information, *c.terms);
}

}  // namespace

CountedTable::CountedTable(Contingency counted) : table(std::move(counted)), information(mutual_information(table)) {}

CountedTable::CountedTable(Contingency counted, SharedTerms& shared)
    : table(std::move(counted)), information(mutual_information(table, shared)), terms(&shared) {}

std::vector<AgreementMeasure> agreement_measures(const Contingency& table) {
  const double cells = 20.0 * static_cast<double>(table.cells.size());
  const double ami_cost = 5.0 * ami_terms(table), assignment_cost = 2.0 * assignment_steps(table);
  const auto nmi_by = [](Average average) {
    return [average](const CountedTable& c) { return nmi(c.information, average); };
  };
  return {
      {"nmi", "", nmi_by(Average::arithmetic), cells},
      {"nmi", "geometric", nmi_by(Average::geometric), cells},
      {"nmi", "min", nmi_by(Average::min), cells},
      {"nmi", "max", nmi_by(Average::max), cells},
      {"ami", "", ami_of, ami_cost},
      {"ari", "", [](const CountedTable& c) { return ari(c.table); }, cells},
      {"homogeneity", "", [](const CountedTable& c) { return v_measure(c.information).homogeneity; }, cells},
      {"completeness", "", [](const CountedTable& c) { return v_measure(c.information).completeness; }, cells},
      {"v_measure", "", [](const CountedTable& c) { return v_measure(c.information).v_measure; }, cells},
      {"accuracy_one_to_one", "", [](const CountedTable& c) { return accuracy_one_to_one(c.table); }, assignment_cost},
      {"accuracy_many_to_one", "", [](const CountedTable& c) { return accuracy_many_to_one(c.table); }, cells}};
}

std::vector<std::vector<double>> agreement_replicates(const Contingency& table,
                                                      const std::vector<AgreementMeasure>& measures,
                                                      std::int64_t replicates, std::uint64_t seed, int threads) {
  constexpr double limit = 2e10;
  std::vector<std::vector<double>> values(measures.size());
  const auto count = static_cast<double>(replicates);
  if (replicates == 0 || table.n < 2 || 100.0 * static_cast<double>(table.cells.size()) * count > limit) return values;
  for (std::size_t m = 0; m < measures.size(); ++m)
    if (measures[m].cost * count <= limit) values[m].resize(static_cast<std::size_t>(replicates));
  double cost = 100.0 * static_cast<double>(table.cells.size());
  for (std::size_t m = 0; m < measures.size(); ++m)
    if (!values[m].empty()) cost += measures[m].cost;
  threads = threads_worth(count * cost, threads);
  const TableResampler resampler(table);
  std::vector<SharedTerms> terms(static_cast<std::size_t>(worker_count(replicates, threads)), SharedTerms(table));
  parallel_for(replicates, threads, [&](std::int64_t r, int worker) {
    const CountedTable drawn(resampler.draw(seed, r), terms[static_cast<std::size_t>(worker)]);
    for (std::size_t m = 0; m < measures.size(); ++m)
      if (!values[m].empty()) values[m][static_cast<std::size_t>(r)] = measures[m].value(drawn);
  });
  return values;
}

}  // namespace assay
