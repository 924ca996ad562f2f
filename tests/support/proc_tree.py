"""A second reading of a proc tree, written without looking at the daemon's parsers: what a fixture
holds, in the daemon's units and under its JSON keys. The reading table gives the names."""
import pathlib
import re

from support.daemon import ROOT

PAGE = 4096
TABLE = (ROOT / "lib" / "sample" / "readings.def").read_text()
STRING = r'"((?:[^"\\]|\\.)*)"'


def rows_of(macro):
    """Arguments of each row that is made with this macro, strings without their quotes."""
    rows = []
    for match in re.finditer(rf"^{macro}\(([A-Z].*?)\)\n", TABLE, re.MULTILINE | re.DOTALL):
        parts = re.findall(rf"{STRING}|([A-Z0-9_]+)", match.group(1))
        rows.append([text or word for text, word in parts])
    return rows


def meminfo(root):
    """JSON key -> value of every row of the table that this meminfo has."""
    found = {}
    for line in pathlib.Path(root, "meminfo").read_text().splitlines():
        field, rest = line.split(":", 1)
        words = rest.split()
        found[field] = int(words[0]) * (1024 if words[1:] == ["kB"] else 1)
    return {row[1]: found[row[6]] for row in rows_of("MEMINFO") if row[6] in found}


def vmstat(root):
    """A field that ends in '*' is the sum over all zones."""
    found = dict(line.split() for line in pathlib.Path(root, "vmstat").read_text().splitlines())
    values = {}
    for row in rows_of("VMSTAT"):
        key, field = row[1], row[3]
        if field.endswith("*"):
            zones = [int(value) for name, value in found.items() if name.startswith(field[:-1])]
            if zones:
                values[key] = sum(zones)
        elif field in found:
            values[key] = int(found[field])
    return values


def text_of(raw):
    """Bytes as the daemon shows them: UTF-8, with \\xNN for each byte that is not."""
    return raw.decode("utf-8", "backslashreplace")


def name_of(directory):
    """From stat, where it stands raw between the first '(' and the last ')'."""
    stat = pathlib.Path(directory, "stat").read_bytes()
    return stat[stat.index(b"(") + 1:stat.rindex(b")")]


def process(directory):
    """The readings of one process of a healthy tree."""
    directory = pathlib.Path(directory)
    pages = [int(word) for word in (directory / "statm").read_text().split()]
    status = {}
    for line in (directory / "status").read_bytes().splitlines():
        key, _, value = line.partition(b":")
        status[key.decode()] = value.split()
    kilobytes = {"rssFile": "RssFile", "rssShmem": "RssShmem", "swap": "VmSwap", "peak": "VmHWM",
                 "pageTables": "VmPTE"}
    values = {key: int(status[field][0]) * 1024 for key, field in kilobytes.items()
              if field in status}
    values.update(pid=int(directory.name), rss=pages[1] * PAGE, virtual=pages[0] * PAGE,
                  rssAnon=(pages[1] - pages[2]) * PAGE, threads=int(status["Threads"][0]),
                  ppid=int(status["PPid"][0]), uid=int(status["Uid"][1]),
                  state=status["State"][0].decode(), name=text_of(name_of(directory)))
    return values


def pids(root):
    return sorted(int(path.name) for path in pathlib.Path(root).iterdir() if path.name.isdigit())
