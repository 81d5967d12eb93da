"""Runs tools/check_readmes.py on trees made here: a sound one passes, each single violation is refused by its line."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_readmes.py"

SOUND = {
    "core/README.md": "# core\n\nAny folder may include it.\n\n- `error`: the exceptions.\n"
                      "- `philox`: random streams\n  without state.\n",
    "core/CMakeLists.txt": "",
    "core/error.h": "",
    "core/philox.h": "",
    "core/philox.cpp": "",
    "kernels/README.md": "Operators.\n\n- `guide`: mixes.\n- `one_math`: a name that ends so by itself.\n",
    "kernels/guide.h": "",
    "kernels/guide.cu": "",
    "kernels/guide_math.h": "",
    "kernels/guide_cuda.h": "",
    "kernels/one_math.h": "",
    "bench/README.md": "What measures us.\n\n- `micro/`: benchmarks.\n",
    "bench/CMakeLists.txt": "",
    "bench/micro/README.md": "A program each.\n\n- `guide_bench`: mixing.\n",
    "bench/micro/guide_bench.cpp": "",
    "bench/results/notes.txt": "no sources here, so no line",
    "reproductions/README.md": "Methods.\n\n- `methods`: their table.\n- `x/`: a method.\n",
    "reproductions/methods.cpp": "",
    "reproductions/x/README.md": "# X\n\nA paper.\n\n- `Network`: no module\n\n## Files\n\n"
                                 "- `x`: the method.\n- `presets`: its tiers.\n- `algorithm/masks`: masks.\n\n## More\n\n- `none`: no module\n",
    "reproductions/x/x.cpp": "",
    "reproductions/x/presets.h": "",
    "reproductions/x/presets.json": "",
    "reproductions/x/algorithm/masks.h": "",
    "tests/README.md": "Tests.\n\n- `core/`: of core.\n",
    "tests/core/error_test.cpp": "",
    "tests/core/deep/error_test.cpp": "",
    "other/a.h": "",
}


def check(changes):
    """`changes`: files with other content, or None for files that are not there."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {**SOUND, **changes}.items():
            if text is None:
                continue
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)


class CheckReadmes(unittest.TestCase):
    def test_a_sound_tree_passes(self):
        result = check({})
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def test_each_violation_is_refused_with_what_to_do(self):
        for changes, message in [
            ({"core/interval.h": ""}, "core/README.md: no line for interval; add \"- `interval`: what it is\""),
            ({"core/error.h": None}, "core/README.md:5: a line for error, and no such module is here; take the line out"),
            ({"core/README.md": None}, "core: no README.md; write one: what the folder is for, what may include it, and"),
            ({"core/README.md": "# core\n\n- `error`: a.\n- `philox`: b.\n"}, "core/README.md: nothing before the list"),
            ({"core/README.md": "Core.\n\n- `error`: a.\n- `philox`: b.\n- `error`: c.\n"},
             "core/README.md:5: a second line for error"),
            ({"core/README.md": "Core.\n\n- `error`:\n- `philox`: b.\n"}, "core/README.md: no line for error"),
            ({"kernels/guide.h": None, "kernels/guide.cu": None, "kernels/guide_cuda.h": None,
              "kernels/README.md": "Operators.\n\n- `one_math`: one.\n"}, "kernels/README.md: no line for guide_math"),
            ({"core/text.css": ""}, "core/README.md: no line for text"),
            ({"bench/micro/README.md": None}, "bench/micro: no README.md"),
            ({"bench/results/make.py": "", "bench/results/README.md": "Made.\n\n- `make`: it.\n- `notes`: them.\n"},
             "bench/README.md: no line for results/; add"),
            ({"bench/micro/guide_bench.cpp": None, "bench/run.cpp": "",
              "bench/README.md": "What measures us.\n\n- `micro/`: benchmarks.\n- `run`: runs.\n"},
             "bench/README.md:3: a line for micro/, and no such folder with sources is here"),
            ({"reproductions/x/algorithm/draw.h": ""}, "reproductions/x/README.md: no line for algorithm/draw"),
            ({"reproductions/x/claims.json": ""}, "reproductions/x/README.md: no line for claims"),
            ({"tests/app/a_test.cpp": ""}, "tests/README.md: no line for app/"),
        ]:
            with self.subTest(message=message):
                result = check(changes)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)
                self.assertIn(message, result.stdout)

    def test_a_folder_without_sources_of_ours_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            result = subprocess.run([sys.executable, SCRIPT, folder], capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("none of the folders", result.stderr)


if __name__ == "__main__":
    unittest.main()
