"""Runs tools/check_types.py on trees made here: a sound one passes, each single violation is refused by its line."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_types.py"


def within(namespace, text):
    return f"namespace {namespace} {{\n{text}\n}}\n"


SOUND = {
    "store/rows.h": within("assay", """
struct Row { int id; enum class Kind { a, b }; };
template <class T, class U = std::vector<int>>
struct [[nodiscard]] Box { T value; };
template <> struct Box<int, int> { int value; };
enum class Status : std::uint8_t { done };
using Name = std::string;
struct Later;
inline int number() { struct Local { int i; }; return Local{1}.i; }"""),
    "metrics/score.h": within("assay", """
// struct Row { the words of a comment };
/* struct Row {}; */
struct Later final : public Base<int> { struct Row {}; enum class Kind { c }; char open = '{'; int many = 1'000'000; };
enum class Status : std::uint8_t;
struct Row;
inline const char* text = "struct Row {";
inline const char* raw = R"x(struct Row { ")" )x";
#define MAKE(name) struct Row { \\
  int name; }
struct Row* pointer();"""),
    "metrics/score.cpp": within("assay", "namespace {\nstruct Row { int hidden; };\nusing Name = int;\n}"
                                "\nint number() { struct Status { int i; }; return 1; }"),
    "metrics/part.h": within("assay::part", "struct Row {};") + within("assay", within("piece", "struct Row {};")),
    "reproductions/plan.h": within("assay", "struct Plan { int steps = 1; };"),
    "reproductions/samples/noise.h": within("assay", "int noise();"),
    "reproductions/one/claims.json": "[]",
    "reproductions/two/claims.json": "[]",
    "reproductions/one/one.h": within("assay", "class File;") + within("assay::one", "struct Config {};\nint run();"),
    "reproductions/two/two.cpp": within("assay::two::paper", "struct Config {};\nnamespace {\nint run() { return 1; }\n}"),
}


def check(changes):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**SOUND, **changes}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)


class CheckTypes(unittest.TestCase):
    def test_a_sound_tree_passes(self):
        result = check({})
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_each_violation_is_refused_with_its_place(self):
        for name, text, message in [
            ("app/a.h", within("assay", "struct Row { int x; };"), "assay::Row names another type too, in"),
            ("app/a.cpp", within("assay", "class Row { int x; };"), "app/a.cpp:2: assay::Row names another"),
            ("app/a.h", "namespace assay { namespace part {\nclass Row\n    : public Base {};\n}}", "app/a.h:2: assay::part::Row"),
            ("app/a.h", within("assay::piece", "enum Row { none };"), "app/a.h:2: assay::piece::Row names"),
            ("app/a.h", within("assay", "enum class Status {\n  running };"), "app/a.h:2: assay::Status names"),
            ("app/a.h", within("assay", "template <class T>\nclass Box {};"), "assay::Box names another type too"),
            ("app/a.h", within("assay", "template <>\nclass Box<int, int> {};"), "assay::Box<int, int> names another"),
            ("app/a.h", within("assay", "union Name { int i; float f; };"), "assay::Name names another type too"),
            ("app/a.h", within("assay", "using Row = std::vector<double>;"), "assay::Row names another type too"),
            ("app/a.h", within("assay", "struct Row::Kind {};"), "assay::Row::Kind names another type too"),
            ("tests/app/a_test.cpp", within("assay", "struct alignas(16) Row {};"), "assay::Row names another type"),
            ("app/a.h", within("assay", "namespace {\nstruct Hidden {};\n}"), "app/a.h:2: an anonymous namespace in a header"),
            ("reproductions/one/b.h", within("assay", "struct Other {};"), "b.h:2: what stands in reproductions/one/ belongs"),
            ("reproductions/one/b.cpp", within("assay", "\nint f() { return 1; }"), "b.cpp:3: what stands in"),
            ("reproductions/two/b.h", within("assay", "int f();"), "belongs to namespace assay::two"),
            ("reproductions/two/b.h", within("assay::one", "int f();"), "belongs to namespace assay::two"),
        ]:
            with self.subTest(file=name, text=text):
                result = check({name: text})
                self.assertEqual(result.returncode, 1)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)
                self.assertIn(message, result.stdout)

    def test_a_folder_without_sources_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("none of the folders", result.stderr)


if __name__ == "__main__":
    unittest.main()
