"""Runs tools/join_tests.py on tests made here: names that two tests give two meanings, the lines that the compiler sees, and
a test that it cannot join."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "join_tests.py"
TEST = """#include <string>

namespace assay {{
namespace {{

using Text = std::string;
struct Box {{
  {type} inside;
}};
{type} mask() {{ return Box{{{value}}}.inside; }}
static_assert(sizeof(Box) == sizeof({type}));

}}  // namespace
}}  // namespace assay
"""


class JoinTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "masks").mkdir()

    def written(self, name, text):
        (self.folder / name).write_text(text)
        return name

    def join(self, *names):
        return subprocess.run([sys.executable, SCRIPT, "out.cpp", *names], cwd=self.folder, capture_output=True, text=True)

    def test_one_name_may_mean_two_things(self):
        compiler = shutil.which("c++") or shutil.which("g++")
        if not compiler:
            self.skipTest("no compiler")
        result = self.join(self.written("masks/corloc_test.cpp", TEST.format(type="int", value="1")),
                           self.written("saliency_test.cpp", TEST.format(type="char", value="'c'")))
        self.assertEqual(result.returncode, 0, result.stderr)
        compiled = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "out.cpp"], cwd=self.folder, capture_output=True,
                                  text=True)
        self.assertEqual(compiled.returncode, 0, compiled.stderr)

    def test_each_line_is_named_as_in_its_own_file(self):
        names = [self.written("a_test.cpp", TEST.format(type="int", value="1")),
                 self.written("masks/b_test.cpp", TEST.format(type="int", value="2"))]
        self.assertEqual(self.join(*names).returncode, 0)
        file, line, seen = None, 0, {}
        for text in (self.folder / "out.cpp").read_text().splitlines():
            if text.startswith("#line "):
                file, line = text.split('"')[1], 1
            elif file:
                seen[file, line] = text
                line += 1
        for name in names:
            for number, text in enumerate((self.folder / name).read_text().splitlines(), 1):
                if not text.startswith(("namespace {", "}  // namespace")):
                    self.assertEqual(seen[name, number], text)

    def test_refuses_what_is_defined_elsewhere(self):
        whole = TEST.format(type="int", value="1")
        for wrong in (whole.replace("namespace {\n", "", 1).replace("}  // namespace\n", "", 1),
                      whole.replace("}  // namespace\n", "}  // namespace\nint other();\n", 1),
                      whole + "namespace {\n}  // namespace\n"):
            result = self.join(self.written("wrong_test.cpp", wrong))
            self.assertEqual(result.returncode, 1)
            self.assertEqual(result.stderr.count("\n"), 1)
            self.assertIn("wrong_test.cpp: a test keeps", result.stderr)


unittest.main()
