"""The dashboards of conf/grafana: Grafana's own types take them, each of their queries returns data from
Prometheus, and their levels are those of the alerts that are built in."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import pathlib

from trouble import Trouble

from support.daemon import ROOT, wait_until

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
JUDGES = os.environ.get("MW_TEST_GRAFANA_JUDGES") or os.environ.get("MW_TEST_GRAFANA_TOOLS", "")
FILES = sorted((ROOT / "conf" / "grafana").glob("*.json"))
BOARDS = {path.stem: json.loads(path.read_text()) for path in FILES}
PATIENCE_S = 120
COLOURS = {"warning": "orange", "critical": "red"}


def judge(*files):
    program = pathlib.Path(JUDGES) / "judge.mjs"
    if not NODE or not program.exists():
        raise AssertionError("Node.js and find_grafana_judges in cmake/setup.sh are needed")
    done = subprocess.run([NODE, str(program), *map(str, files)], capture_output=True, text=True,
                          timeout=300)
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return json.loads(done.stdout)


def panels_of(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def objects_in(value):
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from objects_in(item)


class Schema(unittest.TestCase):
    def test_grafana_takes_them(self):
        self.assertEqual(list(BOARDS), ["memwatchd-fleet", "memwatchd-machine"])
        self.assertEqual(judge(*FILES), [])

    def test_the_judge_can_say_no(self):
        """A word that Grafana does not know, wherever it stands."""
        def broken(change):
            board = json.loads(FILES[0].read_text())
            series = next(each for each in board["panels"] if each["type"] == "timeseries")
            change(board, series)
            return board

        changes = (lambda board, _: board.update(titel="x"),
                   lambda board, _: board["templating"]["list"][0].update(qeury="x"),
                   lambda _, panel: panel.update(descripton="x"),
                   lambda _, panel: panel.update(type="timeserie"),
                   lambda _, panel: panel["options"]["legend"].update(placement="middle"),
                   lambda _, panel: panel["options"].update(tooltips={}),
                   lambda _, panel: panel["fieldConfig"]["defaults"].update(units="s"),
                   lambda _, panel: panel["fieldConfig"]["defaults"]["custom"].update(drawStyle="curve"),
                   lambda _, panel: panel["fieldConfig"]["defaults"]["custom"].update(width=1),
                   lambda _, panel: panel["targets"][0].pop("expr"))
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, change in enumerate(changes):
                files.append(pathlib.Path(folder) / f"{number}.json")
                files[-1].write_text(json.dumps(broken(change)))
            said = "\n".join(judge(*files))
        for file in files:
            self.assertIn(f"{file}:", said)


class Form(unittest.TestCase):
    """What no type can say."""

    def each_panel(self):
        return [(board, panel) for board in BOARDS.values() for panel in panels_of(board)]

    def test_ids_and_names_are_one_each(self):
        for board in BOARDS.values():
            ids = [panel["id"] for panel in board["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            self.assertEqual(board["uid"], next(name for name, each in BOARDS.items() if each is board))
        for _, panel in self.each_panel():
            letters = [target["refId"] for target in panel["targets"]]
            self.assertEqual(len(letters), len(set(letters)), panel["title"])

    def test_panels_do_not_overlap(self):
        for name, board in BOARDS.items():
            taken = {}
            for panel in board["panels"]:
                at = panel["gridPos"]
                self.assertLessEqual(at["x"] + at["w"], 24)
                for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"])
                             for y in range(at["y"], at["y"] + at["h"])):
                    self.assertNotIn(cell, taken, f"{name}: {panel['title']}")
                    taken[cell] = panel["title"]

    def test_each_panel_says_what_it_shows_and_in_what(self):
        for _, panel in self.each_panel():
            self.assertRegex(panel["description"], r"^[A-Z].*\.$", panel["title"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"], panel["title"])

    def test_data_come_from_the_source_that_is_chosen(self):
        for board in BOARDS.values():
            self.assertEqual(board["templating"]["list"][0]["type"], "datasource")
            sources = [each["datasource"] for each in objects_in(board) if "datasource" in each]
            self.assertGreater(len(sources), 20)
            for source in sources:
                self.assertEqual(source, {"type": "prometheus", "uid": "${datasource}"})

    def test_each_query_is_of_what_is_chosen(self):
        for board, panel in self.each_panel():
            wanted = {each["name"] for each in board["templating"]["list"]} - {"datasource"}
            for target in panel["targets"]:
                for selector in re.findall(r"\b(?:memwatch_\w+|up|ALERTS|scrape_\w+)(\{[^}]*\})?", target["expr"]):
                    self.assertEqual(set(re.findall(r"\$(\w+)", selector)), wanted, target["expr"])

    def test_links_lead_somewhere(self):
        for board in BOARDS.values():
            urls = [each["url"] for each in objects_in(board) if "url" in each]
            self.assertTrue(urls)
            for url in urls:
                path, _, words = url.partition("?")
                other = BOARDS[path.removeprefix("/d/")]
                names = {f"var-{each['name']}" for each in other["templating"]["list"]}
                self.assertLessEqual(set(re.findall(r"(var-\w+)=", words)), names)


# ---- levels ----

def alerts():
    """{name: (above or below, level, severity)} of the built-in rules that compare with a number."""
    units = {"%": 0.01, "ms": 0.001, "s": 1, "m": 60, "": 1}
    found = {}
    for name, block in re.findall(r'^alert "([^"]+)" \{(.*?)^\}', (ROOT / "conf" / "alerts.conf").read_text(),
                                  re.MULTILINE | re.DOTALL):
        level = re.search(r"\b(above|below) = ([\d.]+)(%|ms|s|m|)\s", block)
        if level:
            found[name] = (level[1], float(level[2]) * units[level[3]],
                           re.search(r"severity = (\w+)", block)[1])
    return found


class Levels(unittest.TestCase):
    def colour_past(self, steps, way, level):
        """What a value just past the level is painted with, if there is a step at it."""
        values = [step["value"] for step in steps]
        for at, value in enumerate(values):
            if value is not None and abs(value - level) < 1e-9:
                return steps[at if way == "above" else at - 1]["color"]
        return None

    def drawn(self, panel, name, level):
        """Whether the level is a line of its own, of the colour of its name."""
        return any(target["legendFormat"] == name and target["expr"].startswith(f"{level:g} * ")
                   for target in panel["targets"])

    def test_levels_are_those_of_the_alerts_that_panels_name(self):
        rules, named = alerts(), set()
        for board in BOARDS.values():
            for panel in panels_of(board):
                for name in re.findall("|".join(rf"\b{name}\b(?!-)" for name in rules), panel["description"]):
                    way, level, severity = rules[name]
                    if name in ("oom-kill", "alerts-not-stored"):  # of a count: any
                        level = 0.5
                    if panel["type"] == "table" or self.drawn(panel, name, level):
                        named.add(name)
                        continue
                    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
                    count = re.match(r"count\(.*[<>] ([\d.]+)\)", panel["targets"][0]["expr"])
                    if count:
                        self.assertEqual(float(count[1]), level, panel["title"])
                    else:
                        self.assertEqual(self.colour_past(steps, way, level), COLOURS[severity],
                                         f"{panel['title']}: {name}")
                    named.add(name)
        self.assertEqual(set(rules) - named, set(), "alerts that no panel names")


# ---- data ----

class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.trouble = Trouble().__enter__()
        cls.addClassCleanup(cls.trouble.__exit__)
        cls.prometheus = cls.trouble.prometheus

    def put_in(self, text, instance):
        """What Grafana puts in for variables."""
        for name, value in (("$__rate_interval", "5s"), ("$instance", instance),
                            ("$job", "memwatchd")):
            text = text.replace(name, value)
        self.assertNotIn("$", text)
        return text

    def ask(self, expression):
        """Series of one of the machines, as soon as there are any. What stands for none of them when
        there is nothing to count is left out."""
        text = expression.removesuffix(" or vector(0)")

        def found():
            for instance in self.trouble.troubled, self.trouble.container:
                got = self.prometheus.query(self.put_in(text, instance))
                if got and any(value == value for _, value in got):
                    return got
            return None

        return wait_until(found, PATIENCE_S, expression)

    def test_each_query_returns_data_and_the_labels_of_its_legend(self):
        asked = 0
        for name, board in BOARDS.items():
            for panel in panels_of(board):
                for target in panel["targets"]:
                    with self.subTest(f"{name}: {panel['title']} {target['refId']}"):
                        labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                        for got, _ in self.ask(target["expr"]):
                            self.assertLessEqual(labels, set(got))
                        asked += 1
        self.assertGreater(asked, 70)

    def test_columns_are_there(self):
        for board in BOARDS.values():
            for panel in panels_of(board):
                if panel["type"] != "table":
                    continue
                there = {f"Value #{target['refId']}" for target in panel["targets"]} | {"Value", "Time"}
                for target in panel["targets"]:
                    for labels, _ in self.ask(target["expr"]):
                        there |= set(labels)
                options = panel["transformations"][-1]["options"]
                self.assertLessEqual(set(options["indexByName"]), there)
                shown = {options["renameByName"].get(name, name) for name in there}
                for override in panel["fieldConfig"]["overrides"]:
                    self.assertIn(override["matcher"]["options"], shown)

    def test_variables_have_values(self):
        for board in BOARDS.values():
            for variable in board["templating"]["list"][1:]:
                metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()
                values = wait_until(lambda: self.prometheus.get(
                    f"/api/v1/label/{label}/values", **{"match[]": self.put_in(metric, "")}), PATIENCE_S)
                self.assertIn("memwatchd" if label == "job" else self.trouble.troubled, values)

    def test_alerts_are_marked_in_time(self):
        for board in BOARDS.values():
            for annotation in board["annotations"]["list"]:
                self.assertTrue(self.ask(annotation["target"]["expr"]))

    def test_the_trouble_shows(self):
        """Numbers of the first row, of all machines: one is in trouble, one is not there."""
        now = {panel["title"]: panel["targets"][0]["expr"] for panel in panels_of(BOARDS["memwatchd-fleet"])
               if panel["type"] == "stat"}
        for title, holds in (("Machines", lambda value: value == 2), ("Not scraped", lambda value: value == 1),
                             ("Low on memory", lambda value: value == 1),
                             ("Under pressure", lambda value: value == 1),
                             ("Programs killed", lambda value: value > 0),
                             ("Alerts", lambda value: value >= 3)):
            with self.subTest(title):
                wait_until(lambda: holds(self.ask(now[title])[0][1]), PATIENCE_S, title)


if __name__ == "__main__":
    unittest.main()
