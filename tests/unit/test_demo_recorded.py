"""The recorded demonstration: a whole one, to its true end, and what the README shows of it is in it to the letter."""

import re

from tools.demo.story import CHAPTERS
from tools.stack.paths import ROOT

RECORDED = (ROOT / "docs" / "demo.txt").read_text().splitlines()
LEFT_OUT = "[...]"


def test_the_recording_has_every_chapter_and_ended_well():
    titles = [line.partition(". ")[2] for line in RECORDED if re.match(r"\d+\. ", line)]

    assert titles[1:] == [each.title for each in CHAPTERS]
    assert any(re.search(r"All of it was true: \d+ claims checked", line) for line in RECORDED)
    assert "NOT TRUE" not in "\n".join(RECORDED)


def test_the_readme_shows_lines_of_the_recording_in_their_order():
    [excerpt] = re.findall(r"^```text\n(.*?All of it was true.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    shown = [line for line in excerpt.splitlines() if line.strip() and line.strip() != LEFT_OUT]

    rest = iter(RECORDED)
    assert [line for line in shown if line not in rest] == []
    assert len(shown) > 30
