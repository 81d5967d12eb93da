"""`assay baseline` and `assay regress` as a nightly job uses them: exit codes, files, and JUnit XML that two JUnit
readers, junitparser and junit2html, read as it was meant.

usage: gate_test.py ASSAY STORE_FOLDER; STORE_FOLDER holds the .sql files of the schema. Exit code 77 (skipped) where one
of the two packages is not installed, after the rest was tested.
"""
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ASSAY, SCHEMA = sys.argv[1], pathlib.Path(sys.argv[2])
MACHINE = json.dumps({"cpu": "EPYC", "cores": 2})


def make_store(file):
    database = sqlite3.connect(file)
    for name in ("schema.sql", "migration_2.sql", "migration_3.sql"):
        database.executescript((SCHEMA / name).read_text(encoding="utf-8"))
    database.executescript("PRAGMA application_id = 0x41737379; PRAGMA user_version = 3;")
    database.execute("INSERT INTO protocol VALUES (1, 'fd-small', 'h', '', '', '{}')")
    return database


def add_night(database, day, scores, code, seconds):
    at = f"2026-11-{day:02}T01:00:00.000Z"
    batch = database.execute("INSERT INTO batch (command, created_at) VALUES ('assay run', ?)", (at,)).lastrowid
    for seed, score in enumerate(scores):
        run = database.execute(
            "INSERT INTO run (batch, method, tier, dataset, dataset_hash, seed, code_version, device, machine, status, "
            "started_at) VALUES (?, 'self_guided', 'mini', 'emoji', '0', ?, ?, 'cpu', ?, 'done', ?)",
            (batch, seed, code, MACHINE, at)).lastrowid
        database.execute("INSERT INTO stage (run, name, position, seconds, finished_at) VALUES (?, 's', 0, 1, ?)", (run, at))
        database.execute("INSERT INTO score (run, stage, arm, name, value, better, n, protocol) "
                         "VALUES (?, 's', 'a <b> & \"c\"', 'fd', ?, 'lower', 100, 1)", (run, score))
    for repetition in range(5):
        database.execute(
            "INSERT INTO timing (batch, op, device, threads, repetition, seconds, item_unit, code_version, machine, "
            "created_at) VALUES (?, 'kernels/ddim_step', 'cpu', 1, ?, ?, 'calls', ?, ?, ?)",
            (batch, repetition, seconds * (1 + repetition / 1000), code, MACHINE, at))
    database.commit()
    return batch


def run(*words, code=0):
    done = subprocess.run([ASSAY, *words], capture_output=True, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done


def main():
    with tempfile.TemporaryDirectory(prefix="assay-gate-") as name:
        folder = pathlib.Path(name)
        store = str(folder / "assay.db")
        database = make_store(store)
        first = add_night(database, 1, [10, 12, 14, 11], "0.1.0+a", 0.010)
        said = run("regress", "--store", store).stdout
        assert "no baseline is accepted yet" in said, said
        assert "no baseline" in run("baseline", "list", "--store", store).stdout
        assert run("baseline", "accept", "--store", store, "--note", "first").stdout == f"batch {first} is baseline main\n"
        listed = json.loads(run("baseline", "list", "--store", store, "--json").stdout)["baselines"]
        assert [(row["batch"], row["name"], row["note"]) for row in listed] == [(first, "main", "first")], listed
        run("regress", "--store", store)

        second = add_night(database, 2, [13.0, 15.1, 17.0, 13.9], "0.1.0+b", 0.0101)
        report, markdown = folder / "out" / "gate.xml", folder / "out" / "gate.md"
        done = run("regress", "--store", store, "--json", "--junit", str(report), "--markdown", str(markdown), code=3)
        result = json.loads(done.stdout)
        assert result["regressed"] and result["batches"][0]["batch"] == second, result
        assert result["environment"] == [{"what": "code", "before": "0.1.0+a", "after": "0.1.0+b"}], result
        worse = [row for row in result["series"] if row["finding"] == "regressed"]
        assert len(worse) == 1 and abs(worse[0]["change"] - 3.0) < 1e-9, result
        assert markdown.read_text().startswith("# REGRESSED"), markdown.read_text()
        run("baseline", "accept", "--store", store)
        run("regress", "--store", store)

        for words, part in ((["regress", "--batch", "9"], "no batch 9"),
                            (["regress", "--baseline", "release"], "unknown baseline"),
                            (["regress", "--alpha", "2"], "--alpha"),
                            (["baseline", "accept", "--name", "12"], "a name with a letter"),
                            (["baseline", "accept", "--batch", "9"], "no batch 9"),
                            (["baseline"], "subcommand"),
                            (["regress", "--store", str(folder / "none.db")], "no such store")):
            words = [*words] if "--store" in words or words == ["baseline"] else [*words, "--store", store]
            done = run(*words, code=2)
            assert part in done.stderr and done.stderr.count("\n") == 1 and not done.stdout, (words, done)

        root = xml.etree.ElementTree.parse(report).getroot()
        assert root.tag == "testsuites" and root.get("tests") == "2" and root.get("failures") == "1", report.read_text()
        assert [case.get("name") for case in root.iter("testcase")] == [
            'fd of a <b> & "c" (fd-small)', "kernels/ddim_step"], report.read_text()
        missing = [reader.__name__ for reader in (read_with_junitparser, read_with_junit2html) if not reader(report)]
        if missing:
            print("skipped: not installed:", ", ".join(missing))
            sys.exit(77)


def read_with_junitparser(file):
    try:
        import junitparser
    except ImportError:
        return False
    suites = junitparser.JUnitXml.fromfile(str(file))
    assert (suites.tests, suites.failures, suites.errors, suites.skipped) == (2, 1, 0, 0), suites
    cases = {(suite.name, case.name): case for suite in suites for case in suite}
    worse = cases["quality", 'fd of a <b> & "c" (fd-small)']
    assert worse.classname == "self_guided mini emoji" and isinstance(worse.result[0], junitparser.Failure)
    assert worse.result[0].message.startswith("11.75 -> 14.75: +3.0") and "since batch 2" in worse.result[0].text, worse.result[0].text
    assert cases["speed", "kernels/ddim_step"].is_passed
    return True


def read_with_junit2html(file):
    try:
        from junit2htmlreport import parser
    except ImportError:
        return False
    read = parser.Junit(filename=str(file))
    cases = {case.name: case for suite in read.suites for one in suite.classes.values() for case in one.cases}
    assert cases['fd of a <b> & "c" (fd-small)'].failed() and not cases["kernels/ddim_step"].failed(), cases
    assert read.html(), "it makes a page of it"
    return True


if __name__ == "__main__":
    main()
