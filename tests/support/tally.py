"""tally.py JUNIT.xml: prints "PASSED FAILED", counted in test cases.

ctest counts programs; what a program printed tells its cases: cmocka a line for each, Python's
unittest a line at the end. A program that says neither is one case. A skipped case has failed, and
so has a program that ended badly after its cases went well (a leak, a crash at exit).
"""
import re
import sys
import xml.etree.ElementTree as xml

NOT_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#([0-8]|1[124-9]|2[0-9]|3[01]);")


def count_cmocka(output):
    total = len(re.findall(r"^\[ RUN      \]", output, re.MULTILINE))
    good = len(re.findall(r"^\[       OK \]", output, re.MULTILINE))
    return good, total - good


def count_unittest(output):
    total = sum(int(number) for number in re.findall(r"^Ran (\d+) tests? in ", output, re.MULTILINE))
    bad = 0
    for words in re.findall(r"^(?:OK|FAILED) \((.*)\)$", output, re.MULTILINE):
        counts = re.findall(r"(failures|errors|skipped|unexpected successes)=(\d+)", words)
        bad += sum(int(number) for _, number in counts)
    return max(0, total - bad), bad


def count(case):
    output = case.findtext("system-out") or ""
    good, bad = (sum(pair) for pair in zip(count_cmocka(output), count_unittest(output)))
    passed = case.get("status") == "run"
    if passed:
        return (good, bad) if good + bad else (1, 0)
    return good, max(bad, 1)


def main():
    with open(sys.argv[1], "rb") as file:
        root = xml.fromstring(NOT_XML.sub(b"?", file.read()))
    cases = [count(case) for case in root.iter("testcase")]
    if not cases:
        sys.exit("no test was run")
    print(sum(good for good, _ in cases), sum(bad for _, bad in cases))


if __name__ == "__main__":
    main()
