"""facts.py DIRECTORY: what the built daemon says of itself, as files, for the rule that holds its
views against each other."""
import pathlib
import sys

from support.daemon import Daemon, fixture, run


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


if __name__ == "__main__":
    main()
