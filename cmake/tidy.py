"""clang-tidy over lib, daemon and man, and the compiler's own warnings over tests.

Many files to a process: clang takes longer to start than to read one of them. The analyzer of clang 14
knows va_start in the first file of a process only and calls a list uninitialized in others, so those that
have one stand alone. Of tests only clang's warnings are asked, which is what a build of them with clang
would say.

Arguments: the root of the source tree, a build folder, and how many states of a function the analyzer
follows. What clang-tidy says is printed whole, one process after the other.
"""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

CHECKED = ("lib", "daemon", "man")
WARNED = ("tests",)
WARNINGS = "-*,clang-diagnostic-*,bugprone-suspicious-semicolon"  # without a check it does not begin
FILES_MAX = 12  # of a process: few enough that all cores have work to the end


def sources(root, build):
    """Every file that is compiled, once, as a path from the root."""
    commands = json.loads((build / "compile_commands.json").read_text())
    files = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in commands}
    return sorted(file.relative_to(root) for file in files if root in file.parents)


def batches(files):
    """Neighbours stand apart, so that the long ones of a folder are not all in one batch."""
    count = -(-len(files) // FILES_MAX)
    return [files[first::count] for first in range(count)]


def work_of(root, files, states):
    """What to run: pairs of files and options."""
    checked = [file for file in files if file.parts[0] in CHECKED]
    warned = [file for file in files if file.parts[0] in WARNED]
    if not checked or not warned:
        sys.exit(f"nothing is compiled of {CHECKED} or of {WARNED}: is it the build folder?")
    alone = [file for file in checked if "va_start" in (root / file).read_text()]
    together = batches([file for file in checked if file not in alone])
    options = [f"-extra-arg={word}" for word in
               ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={states}")]
    return ([(batch, options) for batch in together] + [([file], options) for file in alone] +
            [(batch, [f"-checks={WARNINGS}"]) for batch in batches(warned)])


def tidy(root, build, files, options):
    command = ["clang-tidy", "--quiet", "-p", str(build), *options, *map(str, files)]
    return subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)


def main():
    root, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    work = work_of(root, sources(root, build), int(sys.argv[3]))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done in pool.map(lambda item: tidy(root, build, *item), work):
            print(done.stdout, end="", flush=True)
            failed += done.returncode != 0
    sys.exit(f"clang-tidy is not content with {failed} of {len(work)} batches" if failed else 0)


if __name__ == "__main__":
    main()
