"""conf/prometheus is what Prometheus takes, and its rules are those that the daemon has built in."""
import re
import unittest

from support.daemon import ROOT
from support.prometheus import Prometheus, Shipped, promtool

RULES = ROOT / "conf" / "prometheus" / "rules"
UNIT_TESTS = sorted((ROOT / "tests" / "prometheus").glob("*_test.yml"))


class Checked(unittest.TestCase):
    def check(self, *arguments):
        result = promtool(*arguments)
        self.assertEqual(result.returncode, 0, result.stdout)
        self.assertIn("SUCCESS", result.stdout)
        self.assertNotRegex(result.stdout, "(?i)warning|FAILED")

    def test_configurations(self):
        with Shipped() as shipped:
            self.check("check", "config", shipped.path("memwatchd.yml"))
            self.check("check", "config", shipped.path("shard.yml"))
            self.check("check", "config", "--agent", shipped.path("agent.yml"))

    def test_what_is_commented_out(self):
        with Shipped() as shipped:
            for name, more, blocks in (
                    ("memwatchd.yml", (), ("authorization:", "- job_name: node",
                                           "- job_name: process")),
                    ("agent.yml", ("--agent",), ("basic_auth:", "write_relabel_configs:"))):
                shipped.uncomment(name, *blocks)
                shipped.change(name, ("/etc/prometheus/", f"{shipped.folder}/"))
                for secret in ("memwatchd.token", "remote-write.password"):
                    shipped.path(secret).write_text("secret\n")
                self.check("check", "config", *more, shipped.path(name))

    def test_rules(self):
        self.check("check", "rules", *RULES.glob("*.yml"))


class UnitTests(unittest.TestCase):
    """What promtool tries out itself: tests/prometheus."""

    def test_each_of_them(self):
        for path in UNIT_TESTS:
            with self.subTest(path.name):
                result = promtool("test", "rules", path)
                self.assertEqual(result.returncode, 0, result.stdout)

    def test_each_alert_is_seen_to_fire_and_to_be_quiet(self):
        tried = "".join(path.read_text() for path in UNIT_TESTS)
        for name in re.findall(r"- alert: (\S+)", (RULES / "memwatchd-alerts.yml").read_text()):
            front = rf"- alertname: {name}\n\s+eval_time: .*\n\s+exp_alerts:"
            self.assertRegex(tried, front + r" \[\]", name)
            self.assertRegex(tried, front + r"( &\w+)?\n", name)

    def test_each_record_is_tried(self):
        tried = "".join(path.read_text() for path in UNIT_TESTS)
        for name in re.findall(r"- record: (\S+)", (RULES / "memwatchd-recording.yml").read_text()):
            self.assertRegex(tried, rf"expr: .*\b{name}\b", name)


# ---- the two tables ----

class Value:
    """A reading in PromQL, and what is 100 % of it."""

    def __init__(self, value, limit=None):
        self.value, self.limit = value, limit

    def level(self, text):
        """What a level of alerts.conf is a level of."""
        return f"{self.value} / {self.limit}" if text.endswith("%") and self.limit else self.value


VALUES = {
    "system.memAvailable": Value("memwatch_system_mem_available_bytes",
                                 "memwatch_system_mem_total_bytes"),
    "system.pressureSomeAvg60": Value('memwatch_system_pressure_some_ratio{window="60s"}'),
    "system.pressureFullAvg60": Value('memwatch_system_pressure_full_ratio{window="60s"}'),
    "system.swapUsed": Value("memwatch_system_swap_used_bytes", "memwatch_system_swap_total_bytes"),
    "system.oomKill": Value("memwatch_system_oom_kills_total"),
    "system.constrainedUsed": Value("memwatch_system_constrained_used_bytes",
                                    "memwatch_system_constrained_bytes"),
    "heap.heapUsed": Value('memwatch_heap_used_bytes{name="memwatchd"}',
                           'memwatch_heap_limit_bytes{name="memwatchd"}'),
    "heap.floor": Value("memwatch_heap_floor_bytes", "memwatch_heap_floor_limit_bytes"),
    "queue.length": Value("memwatch_queue_length", "memwatch_queue_capacity"),
    "queue.oldestAgeMs": Value("memwatch_queue_oldest_age_seconds"),
    "queue.stalledMs": Value("memwatch_queue_stalled_seconds"),
    "cache.evictionRatio": Value("memwatch_cache_eviction_ratio"),
    "daemon.stateFailing": Value("memwatch_daemon_alert_state_failing"),
    "daemon.latenessUs": Value("memwatch_daemon_lateness_seconds"),
}
# A rate over less than two scrapes has no value, so that one cannot have the window of the daemon.
OTHER_WINDOWS = {"oom-kill": "1m"}
UNITS = {"ms": 0.001, "s": 1, "m": 60, "%": 0.01, "": 1}


def built_in():
    """The rules of conf/alerts.conf: {name: {key: value}}."""
    text = re.sub(r"^\s*#.*$", "", (ROOT / "conf" / "alerts.conf").read_text(), flags=re.MULTILINE)
    rules = {}
    for name, body in re.findall(r'alert "([^"]+)" \{(.*?)\n\}', text, re.DOTALL):
        pairs = re.findall(r'([a-z]+) = (?:"([^"]*)"|(\S+))', body)
        rules[name] = {key: quoted or plain for key, quoted, plain in pairs}
    return rules


def number(text):
    amount, unit = re.fullmatch(r"([0-9.]+)(\D*)", text).groups()
    return round(float(amount) * UNITS[unit], 6)


def expression(name, rule):
    """A rule of the daemon in PromQL."""
    reading, mode = VALUES[rule["reading"]], rule.get("mode", "value")
    on = "job, instance" + ("" if rule["reading"].startswith(("system.", "daemon.")) else ", name")
    if mode == "absent":
        return f"memwatch_build_info unless on ({on}) {reading.value}"
    key, sign = ("above", ">") if "above" in rule else ("below", "<")
    if mode == "rate":
        left = f"rate({reading.value}[{OTHER_WINDOWS.get(name, rule['window'])}])"
    elif mode == "time-to-full":
        left = (f"({reading.limit} - {reading.value})"
                f" / (deriv({reading.value}[{rule['window']}]) > 0)")
    else:
        left = reading.level(rule[key])
    raised = f"{left} {sign} {number(rule[key])}"
    if number(rule["clear"]) == number(rule[key]):
        return raised
    firing = f'ALERTS{{alertname="{name}",alertstate="firing"}}'
    return f"{raised} or ({left} {sign} {number(rule['clear'])} and on ({on}) {firing})"


class SameRules(unittest.TestCase):
    """As Prometheus has read them, so the comparison is of what it does and not of a text."""

    @classmethod
    def setUpClass(cls):
        config = {"rule_files": [str(path) for path in RULES.glob("*.yml")]}
        cls.prometheus = Prometheus(config, scraped=False).__enter__()
        cls.addClassCleanup(cls.prometheus.__exit__, None)
        groups = cls.prometheus.get("/api/v1/rules", type="alert")["groups"]
        cls.theirs = {rule["name"]: rule for group in groups for rule in group["rules"]}
        cls.ours = built_in()

    def pairs(self):
        self.assertEqual(len(self.ours), 16)
        for name, rule in self.ours.items():
            yield name, rule, self.theirs[name]

    def same(self, ours, theirs):
        formatted = [self.prometheus.get("/api/v1/format_query", query=text)
                     for text in (ours, theirs)]
        self.assertEqual(*(re.sub(r"\s+", " ", text) for text in formatted))

    def test_the_names_are_the_same(self):
        copies = {name for name, rule in self.theirs.items()
                  if rule["labels"].get("origin") == "prometheus"}
        self.assertEqual(copies, set(self.ours))
        self.assertEqual(set(self.theirs) - copies, {"memwatchd-down", "memwatchd-tells"})

    def test_levels_and_windows_are_the_same(self):
        for name, rule, theirs in self.pairs():
            with self.subTest(name):
                self.same(expression(name, rule), theirs["query"])

    def test_times_and_severities_are_the_same(self):
        for name, rule, theirs in self.pairs():
            self.assertEqual(
                (theirs["duration"], theirs["keepFiringFor"], theirs["labels"]["severity"]),
                (number(rule.get("for", "0s")), number(rule.get("keep", "0s")), rule["severity"]), name)

    def test_each_has_a_summary_that_names_the_machine(self):
        for name, theirs in self.theirs.items():
            self.assertIn("{{ $labels.instance }}", theirs["annotations"]["summary"], name)

    def test_all_rules_are_well_when_there_is_nothing(self):
        groups = self.prometheus.get("/api/v1/rules")["groups"]
        self.assertEqual(len(groups), 6)
        self.assertFalse([rule for group in groups for rule in group["rules"]
                          if rule["health"] == "err"])


if __name__ == "__main__":
    unittest.main()
