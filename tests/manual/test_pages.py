"""The pages are well-formed and whole, and a page that lacks a row of its tables is not built.

MW_TEST_MANUAL is the generator, MW_TEST_PAGES the folder of the built pages.
"""
import gzip
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "man"
BUILT = pathlib.Path(os.environ["MW_TEST_PAGES"])
COMMON = {"NAME", "DESCRIPTION", "SEE ALSO"}
PAGES = {
    "memwatchd.8": COMMON | {"SYNOPSIS", "OPTIONS", "ENVIRONMENT", "SIGNALS", "FILES", "EXIT STATUS",
                             "SECURITY", "EXAMPLES", "BUGS"},
    "memwatchctl.1": COMMON | {"SYNOPSIS", "VERBS", "OPTIONS", "ENVIRONMENT", "FILES",
                               "EXIT STATUS", "SECURITY", "EXAMPLES", "BUGS"},
    "memwatchd.conf.5": COMMON | {"SYNOPSIS", "KEYS", "FILES", "SECURITY", "EXAMPLES"},
    "readings.7": COMMON | {"SYSTEM READINGS", "PROCESS READINGS", "DAEMON READINGS", "HEAP READINGS",
                            "QUEUE READINGS", "CACHE READINGS", "SERVICE READINGS", "BUGS"},
}


def complaints(page):
    """Of mandoc, without those about pages of others that are not installed here."""
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page], capture_output=True,
                          text=True, timeout=60)
    lines = re.findall(r"^.*: (?:STYLE|WARNING|ERROR|UNSUPP): .*$", done.stdout + done.stderr, re.M)
    return [line for line in lines if "referenced manual not found" not in line]


def text_of(page):
    done = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200", page], capture_output=True,
                          text=True, timeout=60, check=True)
    return re.sub(".\b", "", done.stdout)


class Pages(unittest.TestCase):
    def test_mandoc_has_no_complaint(self):
        for page in PAGES:
            with self.subTest(page):
                self.assertEqual(complaints(BUILT / page), [])

    def test_sections(self):
        for page, sections in PAGES.items():
            with self.subTest(page):
                self.assertEqual(set(re.findall(r"^([A-Z][A-Z ]+)$", text_of(BUILT / page), re.M)),
                                 sections)

    def test_the_compressed_page_is_the_page(self):
        for page in PAGES:
            with self.subTest(page), gzip.open(BUILT / f"{page}.gz") as compressed:
                self.assertEqual(compressed.read(), (BUILT / page).read_bytes())

    def test_pages_refer_to_pages_that_are_there(self):
        ours = {page.rsplit(".", 1)[0] for page in PAGES}
        for page in PAGES:
            named = set(re.findall(r"^\.Xr (\S+)", (BUILT / page).read_text(), re.M))
            self.assertEqual(named - ours - {"proc", "systemd", "pcre2pattern"}, set(), page)

    def test_a_key_says_all_there_is_to_say(self):
        text = text_of(BUILT / "memwatchd.conf.5")
        entry = re.search(r"^     listen .*?(?=^     socket )", text, re.M | re.S).group(0)
        for words in ("TCP addresses", "Takes addresses in numbers", "A reload applies a change",
                      '{"127.0.0.1:9636", "[::1]:9636"}', "MEMWATCHD_LISTEN", "--listen ADDR:PORT"):
            self.assertIn(words, entry)
        self.assertIn("A change needs a restart",
                      re.search(r"^     state-dir.*?(?=^     lock)", text, re.M | re.S).group(0))

    def test_a_reading_says_all_there_is_to_say(self):
        text = text_of(BUILT / "readings.7")
        entry = re.search(r"^     system\.memFree.*?(?=^     system)", text, re.M | re.S).group(0)
        for words in ("Pages that nothing uses", "memwatch_system_mem_free_bytes", "Gauge", "bytes",
                      "100 % is system.memTotal", "/proc/meminfo: MemFree"):
            self.assertIn(words, entry)
        for reason in ("denied", "vanished", "unsupported", "stale"):
            self.assertTrue(re.search(rf"^     {reason}\b", text, re.M), reason)


class Spoilt(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.page = pathlib.Path(made.name) / "page"

    def build(self, text):
        self.page.write_text(text)
        return subprocess.run([os.environ["MW_TEST_MANUAL"], str(self.page)], capture_output=True,
                              text=True, timeout=60)

    def test_mandoc_would_complain(self):
        source = (BUILT / "memwatchd.8").read_text()
        self.page.write_text(source.replace(".Sh OPTIONS", ".Sh OPTIONS\n.Xq strange"))
        self.assertNotEqual(complaints(self.page), [])

    def test_a_row_that_the_page_lacks(self):
        source = (SOURCES / "memwatchctl.1.in").read_text()
        done = self.build(source.replace("@verbs@\n", "").replace("@verb status@\n", ""))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the page lacks status", done.stderr)

    def test_a_row_that_is_not_in_the_table(self):
        done = self.build("@key intervall@\n")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the table has no intervall", done.stderr)

    def test_a_row_that_comes_twice(self):
        done = self.build("@keys@\n@key interval@\n")
        self.assertIn("is here already: interval", done.stderr)

    def test_a_table_that_is_not_there(self):
        self.assertIn(":2: there is no table alerts", self.build("text\n@alerts@\n").stderr)

    def test_a_line_without_its_end(self):
        for text in ("@keys\n", "@\n", "text", "x" * 600 + "\n"):
            with self.subTest(text[:10]):
                self.assertEqual(self.build(text).returncode, 1)


if __name__ == "__main__":
    unittest.main()
