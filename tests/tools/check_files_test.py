"""Runs tools/check_files.sh in repositories made here: a sound one passes, each single violation is refused by its line."""
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "check_files.sh"


def lines(count):
    return "int i;\n" * count


SOUND = {
    "core/long.cpp": lines(450),
    "tests/long_test.cpp": lines(450),
    "docs/long.md": lines(451),
    "reproductions/x/pretrained/net.safetensors": "0" * (4096 * 1024),
    **{f"core/module{i}.{ending}": "" for i in range(24) for ending in ("h", "cpp")},
    **{f"kernels/module{i}{part}": "" for i in range(25) for part in (".h", ".cpp", ".cu", "_cuda.h", "_math.h")},
}


def check(changes):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        for name, text in {**SOUND, **changes}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        tools = Path(folder, "tools")
        tools.mkdir()
        script = shutil.copy(SCRIPT, tools)
        return subprocess.run(["bash", script], capture_output=True, text=True)


class CheckFiles(unittest.TestCase):
    def test_a_sound_tree_passes(self):
        result = check({})
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_each_violation_is_refused_with_what_to_do(self):
        for name, text, message in [
            ("core/long.cpp", lines(451), "core/long.cpp: 451 lines; a source has at most 450: move what can be named"),
            ("core/long.h", lines(451), "core/long.h: 451 lines"),
            ("kernels/module1.cu", lines(500), "kernels/module1.cu: 500 lines"),
            ("tests/long_test.cpp", lines(451), "tests/long_test.cpp: 451 lines"),
            ("core/one_more.h", "", "core/: 26 modules; a folder holds at most 25: divide it by what may include what"),
            ("kernels/one_more.cu", "", "kernels/: 26 modules"),
            ("docs/large.md", "0" * (512 * 1024 + 1), "docs/large.md: 524289 bytes; at most 512 KiB may be tracked"),
            ("reproductions/x/pretrained/net.safetensors", "0" * (4096 * 1024 + 1), "at most 4096 KiB may be tracked"),
        ]:
            with self.subTest(file=name):
                result = check({name: text})
                self.assertEqual(result.returncode, 1)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
