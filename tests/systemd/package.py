"""Packages as tests want them: a later version of the built one, with another configuration."""
import pathlib
import re
import subprocess
import tempfile

import enclosure
from installed import CONF, DEB


def member(deb, name):
    """The text of a file in a package."""
    archive = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], check=True,
                             capture_output=True).stdout
    return subprocess.run(["tar", "--extract", "--to-stdout", f".{name}"], input=archive, check=True,
                          capture_output=True).stdout.decode()


def version(deb=DEB):
    return subprocess.run(["dpkg-deb", "--field", str(deb), "Version"], check=True,
                          capture_output=True, text=True).stdout.strip()


def later(conf):
    """The same package with the version 1000 more and `conf` in place of the shipped configuration."""
    path = enclosure.PLACE / "later.deb"
    with tempfile.TemporaryDirectory(dir=enclosure.PLACE) as made:
        folder = pathlib.Path(made) / "package"
        subprocess.run(["dpkg-deb", "--raw-extract", str(DEB), str(folder)], check=True)
        control = folder / "DEBIAN/control"
        control.write_text(re.sub(r"(?m)^Version: ", "Version: 1000+", control.read_text()))
        folder.joinpath(CONF[1:]).write_text(conf)
        subprocess.run(["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(folder),
                        str(path)], check=True, capture_output=True)
    return path
