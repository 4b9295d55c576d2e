"""Apply each change in a copy of the tree and see whether its tests notice.

The working tree is read only. Exit code 1: a change went unnoticed, or its text does
not stand in its file just once.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.changes import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
PASSED, FAILED, HUNG = 0, 1, -1  # pytest's exit codes, and none
LONGEST_S = 300.0


def copy_tree(folder: Path) -> None:
    """Copy what git knows or would take, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    # checked by content: a change within the same second is seen
    check = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash"]
    packages = ["sensorhub", "firmware_sim", "tests"]
    subprocess.run([sys.executable, *check, *packages], cwd=folder, check=True)


def run_tests(folder: Path, node_ids: list[str]) -> int:
    """Run tests in the copy; pytest's exit code."""
    line = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    try:
        return subprocess.run(
            [*line, *node_ids],
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=LONGEST_S,
        ).returncode
    except subprocess.TimeoutExpired:
        return HUNG


def try_out(folder: Path, mutant: Mutant) -> str:
    """Apply a change, run its tests, take it back; what became of it."""
    file = folder / mutant.file
    whole = file.read_text("utf-8") if file.is_file() else ""
    if whole.count(mutant.old) != 1:
        return f"stands there {whole.count(mutant.old)} times"
    file.write_text(whole.replace(mutant.old, mutant.new), "utf-8")
    try:
        code = run_tests(folder, mutant.node_ids)
    finally:
        file.write_text(whole, "utf-8")
    words = {PASSED: "SURVIVED", FAILED: "killed", HUNG: "HUNG"}
    return words.get(code, f"pytest ended with {code}")


def main() -> int:
    """Try all changes, or those that `--only` chooses."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose line has this in it")
    parser.add_argument("--list", action="store_true", help="list them and run nothing")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if options.only in f"{m.name} {m.node_ids}"]
    if options.list:
        print("\n".join(mutant.name for mutant in chosen))
        return 0
    began, killed = time.monotonic(), 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        tests = sorted({test for mutant in chosen for test in mutant.node_ids})
        if run_tests(folder, tests) != PASSED:
            print("the tests fail without any change")
            return 1
        for mutant in chosen:
            found = try_out(folder, mutant)
            killed += found == "killed"
            print(f"{found:9} {mutant.name}", flush=True)
    took = time.monotonic() - began
    print(f"{killed} of {len(chosen)} changes noticed, in {took:.0f} s")
    return 0 if chosen and killed == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
