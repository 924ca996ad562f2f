"""facts.py DIRECTORY: what the built programs say of themselves, as files, for the rules that hold
their views against each other. MW_TEST_PAGES is the folder of the manual's built pages."""
import os
import pathlib
import shutil
import subprocess
import sys

from support.daemon import Daemon, fixture, run

PAGES = ("memwatchd.8", "memwatchctl.1", "memwatchd.conf.5", "readings.7")


def write_facts_of_ctl(directory):
    for name, arguments in (("ctl_help", ["--help"]),
                            *((f"completion.{shell}", ["completion", shell])
                              for shell in ("bash", "zsh", "fish"))):
        with open(directory / name, "w") as out:
            subprocess.run([os.environ["MW_TEST_CTL"], *arguments], stdout=out, timeout=60, check=True)


SERVED = ("memory", "system", "daemon", "processes", "config")


def write_served(directory, daemon):
    """Documents, for their members' names; those of a process are of the first one."""
    for name in SERVED:
        (directory / f"served.{name}").write_text(daemon.get(f"/api/v1/{name}", unix=True).text)
    pid = daemon.json("/api/v1/processes?limit=1")["processes"][0]["pid"]
    (directory / "served.process").write_text(daemon.get(f"/api/v1/processes/{pid}").text)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, arguments in (("help", ["--help"]),
                            ("dump", ["--dump-config", "--config", "/dev/null"]),
                            ("once", ["--once", "--proc-root", fixture("healthy")])):
        result = run(*arguments)
        if result.returncode != 0:
            sys.exit(f"{arguments}: exit code {result.returncode}\n{result.stderr}")
        (directory / name).write_text(result.stdout)
    with Daemon(proc_root=fixture("healthy")) as daemon:
        for name, path in ("openapi", "/api/v1/openapi.json"), ("metrics", "/metrics"):
            (directory / name).write_text(daemon.get(path).text)
        write_served(directory, daemon)
    write_facts_of_ctl(directory)
    for page in PAGES:
        shutil.copy(pathlib.Path(os.environ["MW_TEST_PAGES"]) / page, directory)


if __name__ == "__main__":
    main()
