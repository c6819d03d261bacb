"""The pages name everything that there is of a kind, and nothing that there is not."""

import re
from pathlib import Path

import pytest
import yaml

from services.intake import agents, main
from services.intake.api import events
from services.intake.domain import reading, shapes, strict_json
from shared import calendar_rules
from shared.http import door
from shared.settings import Settings
from tools import settings_table
from tools.stack.paths import ROOT
from tools.verify.checks.registry import IDS

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALERTS = ROOT / "deploy" / "observability" / "alerts.yml"
REASON = re.compile(r"\b(?:Reason|Refused)\(\s*\"([a-z0-9_]+)\"")
OPTIONAL = ("subject", "time", "sequence", "corrects")  # Their codes are made: bad_subject and so on.


def test_each_reason_of_a_refusal_has_its_mend():
    files = [*(ROOT / "services" / "intake").rglob("*.py")]
    codes = {code for path in files for code in REASON.findall(path.read_text())}
    codes |= {f"bad_{name}" for name in (*OPTIONAL, "source", "type")}
    table = (ROOT / "docs" / "upstream.md").read_text().partition("| code | mend |")[2].partition("\n\n")[0]
    told = {
        code
        for row in table.splitlines()
        if row.startswith("| `")
        for code in re.findall(r"`([a-z0-9_]+)`", row.split("|")[1])
    }
    assert len(codes) > 40
    assert told == codes


def test_the_limits_are_those_of_the_code():
    table = (ROOT / "docs" / "upstream.md").read_text().partition("| limit | is | beyond it |")[2].partition("\n\n")[0]
    told = [
        [int(each.replace(",", "")) for each in re.findall(r"(?<!\^)\b\d[\d,]*\b", row.split("|")[2])]
        for row in table.splitlines()
        if row.startswith("| ") and not row.startswith("|--")
    ]
    reason = shapes.Withdrawn.__annotations__["reason"].__metadata__[0].max_length
    assert told == [
        [strict_json.BODY_BYTES_MAX],
        [main.EVENTS_BYTES_MAX],
        [events.BATCH_EVENTS_MAX],
        [strict_json.DEPTH_MAX],
        [2, strict_json.DIGITS_MAX],
        [agents.HEADERS_MAX, agents.HEADER_CHARS_MAX],
        [door.HEADERS_MAX, door.HEADER_BYTES_MAX],
        [calendar_rules.FRACTION_DIGITS_MAX],
        [reading.ID_CHARS_MAX],
        [reading.SOURCE_CHARS_MAX],
        [shapes.NAME_CHARS_MAX],
        [reason],
        [shapes.LIST_ITEMS_MAX],
    ]


def test_each_invariant_that_is_measured_is_explained():
    told = re.findall(r"^\| (I\d+) \|", (ROOT / "docs" / "auditor.md").read_text(), re.MULTILINE)
    assert told == list(IDS)


def test_each_alert_has_its_heading():
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    alerts = [rule["alert"] for rule in rules]
    headings = re.findall(r"^### (Tenure\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert alerts
    assert sorted(headings) == sorted(alerts)
    assert {rule["annotations"]["runbook"] for rule in rules} == {
        f"docs/operations.md#{name.lower()}" for name in alerts
    }


def test_the_settings_page_is_what_the_code_says():
    assert list(settings_table.faults(settings_table.PAGE.read_text())) == []
    [fault] = settings_table.faults(settings_table.PAGE.read_text().replace("`18081`", "`18080`"))
    assert "python -m tools.settings_table" in fault


def test_each_setting_is_explained_and_has_its_range():
    for name, field in Settings.model_fields.items():
        assert field.description, f"TENURE_{name.upper()} says what it means"
        if field.annotation is int:
            assert settings_table.shape_of(field).startswith("a whole number from "), (
                f"TENURE_{name.upper()} has a range"
            )


def test_the_chapters_of_the_recorded_demonstration_are_those_that_it_tells():
    source = "".join(path.read_text() for path in sorted((ROOT / "tools" / "demo").glob("*.py")))
    recorded = (ROOT / "README.md").read_text().partition("<details>")[2].partition("</details>")[0]
    chapters = re.findall(r"^\d+\. (.+)$", recorded, re.MULTILINE)
    assert len(chapters) > 5
    assert [title for title in chapters if title not in source] == []


def test_each_variable_that_the_code_names_is_on_the_settings_page():
    sources = [path for folder in ("shared", "services", "tools") for path in (ROOT / folder).rglob("*.py")]
    sources += [path for name in ("docker-compose.yml", "Dockerfile", "tenure") if (path := ROOT / name).exists()]
    named = {name for path in sources for name in re.findall(r"TENURE(?:_[A-Z]+)+", path.read_text())}
    listed = set(re.findall(r"^\| `(TENURE_\w+)`", settings_table.PAGE.read_text(), re.MULTILINE))
    parts_of_names = {name for name in named if any(each.startswith(f"{name}_") for each in listed)}
    assert len(named) > 15
    assert named - listed <= parts_of_names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", text):
        path, anchor = page.parent / target[0] if target[0] else page, target[1][1:]
        assert path.exists(), f"{page.name} leads to {target[0]}"
        assert not anchor or anchor in _anchors(path), f"{page.name} leads to {''.join(target)}"


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
