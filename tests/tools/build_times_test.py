"""Runs tools/build_times.py on logs made here: layers, slowest files, outputs that are gone, and no log at all."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "build_times.py"
LOG = """# ninja log v5
0\t2000\t0\tcore/CMakeFiles/assay_core.dir/file.cpp.o\ta
2000\t3500\t0\tcore/CMakeFiles/assay_core.dir/hash.cpp.o\tb
3500\t7500\t0\tapp/CMakeFiles/assay_app.dir/metric/command.cpp.o\tc
7500\t8000\t0\tcore/libassay_core.a\td
8000\t9000\t0\tbin/assay\te
8000\t9000\t0\tsecond_output_of_that_step\te
0\t90000\t0\tcore/CMakeFiles/assay_core.dir/gone.cpp.o\tf
9000\t9500\t0\tcore/CMakeFiles/assay_core.dir/file.cpp.o\ta
"""


class BuildTimes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.build = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def run_on(self, log, *arguments):
        if log is not None:
            (self.build / ".ninja_log").write_text(log)
            for line in log.splitlines()[1:]:
                output = self.build / line.split("\t")[3]
                if "gone" not in output.name:
                    output.parent.mkdir(parents=True, exist_ok=True)
                    output.touch()
        result = subprocess.run([sys.executable, SCRIPT, *arguments, self.build], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_layers_largest_first(self):
        lines = [line.split() for line in self.run_on(LOG).splitlines()]
        self.assertEqual([(line[0], line[-2]) for line in lines],
                         [("app", "4.0"), ("core", "2.0"), ("other", "1.5"), ("all", "7.5")])
        self.assertIn("2", lines[1])

    def test_slowest_files_by_their_sources(self):
        self.assertEqual(self.run_on(LOG, "--slowest", "2"),
                         "slowest files: app/metric/command.cpp 4.0 s, core/hash.cpp 1.5 s\n")

    def test_no_build(self):
        self.assertIn("has not been built yet", self.run_on(None))


unittest.main()
