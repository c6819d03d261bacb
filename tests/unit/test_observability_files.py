"""The board and the alerts that are shipped name declared metrics and their labels, and the board shows them all."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from shared.metrics import APIS, DECLARED, WORKERS, Metric
from tools.stack.paths import ROOT

FOLDER = ROOT / "deploy" / "observability"
ALERTS = [rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
PANELS = [each for each in json.loads((FOLDER / "board.json").read_text())["panels"] if each["type"] != "row"]
SHOWN = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [*((rule["alert"], rule["expr"]) for rule in ALERTS), *SHOWN]
BY_NAME: dict[str, Metric] = {each.name: each for each in DECLARED}
# What Prometheus itself adds to every series, or to those of a histogram.
GIVEN = {"service", "job", "instance", "le"}
NAME = r"\btenure_[a-z_]+"


def declared(name: str) -> Metric:
    """Give the metric of a series; a histogram has three."""
    found = BY_NAME.get(name) or BY_NAME[re.sub(r"_(bucket|sum|count)$", "", name)]
    assert (found.type == "histogram") == (found.name != name), f"{name} is no series of a {found.type}"
    return found


def labels_asked(expression: str) -> Iterator[tuple[set[str], set[str]]]:
    """Give for each grouping or selector of an expression the labels it names and the metrics they are of."""
    for name, selector in re.findall(rf"({NAME})\{{([^}}]*)\}}", expression):
        yield set(re.findall(r"(\w+)\s*[=!]", selector)), {name}
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        yield set(re.split(r",\s*", grouping)), set(re.findall(NAME, expression))


@pytest.mark.parametrize(("where", "expression"), EXPRESSIONS)
def test_every_metric_is_declared_and_has_the_labels_asked_for(where, expression):
    names = set(re.findall(NAME, expression))
    assert names or expression.startswith("up{")
    for name in names:
        declared(name)
    for labels, of in labels_asked(expression):
        for name in of:
            assert labels <= {*declared(name).labels, *GIVEN}, f"{where}: {name}"


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_legend_names_labels_that_the_expression_keeps(panel):
    for target in panel["targets"]:
        kept = set(re.split(r",\s*", "".join(re.findall(r"by \(([^)]*)\)", target["expr"])[:1])))
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept


def test_the_board_shows_every_declared_metric():
    shown = {declared(name).name for _, expression in SHOWN for name in re.findall(NAME, expression)}
    assert BY_NAME.keys() - shown == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_is_and_what_to_do_first(rule: dict[str, Any]):
    told = rule["annotations"]
    assert told.keys() == {"summary", "first", "runbook"}
    assert all(told[word][-1] in ".?" for word in ("summary", "first")), "whole sentences"
    assert rule["labels"]["severity"] in ("page", "ticket")
    kept = set(re.split(r",\s*", "".join(re.findall(r"by \(([^)]*)\)", rule["expr"])[:1])))
    used = set(re.findall(r"\$labels\.(\w+)", told["summary"] + told["first"]))
    assert used <= (kept if "by (" in rule["expr"] else GIVEN)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_links_to_its_heading(rule: dict[str, Any]):
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert (page, anchor) == ("docs/operations.md", rule["alert"].lower())
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text(), re.MULTILINE)
    assert rule["alert"] in [heading.strip("` ") for heading in headings]


@pytest.mark.parametrize("metric", DECLARED, ids=lambda metric: metric.name)
def test_a_declaration_follows_the_conventions(metric: Metric):
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert metric.name.endswith("_seconds") == (metric.unit == "seconds")
    assert metric.help.endswith(".")
    assert metric.on
    assert metric.on <= WORKERS | APIS
    assert not {"record", "subject", "nominal", "person", "id"} & set(metric.labels)


def test_no_metric_is_declared_twice():
    assert len(BY_NAME) == len(DECLARED)
