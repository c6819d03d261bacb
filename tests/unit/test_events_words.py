"""What is public holds no free text: every text of a public event is bounded and of a known kind."""

import typing

import msgspec
import pytest

from shared.dead_letters import TYPE, Parked
from shared.events import HoldChanged, models
from shared.events.words import Code, Named, Source
from shared.topics import TOPICS

OUTBOUND = {**models(), TYPE: Parked}
PUBLIC = sorted({kind for topic in TOPICS if topic.kind == "public" for kind in topic.types if kind in OUTBOUND})


def texts(type_, path):
    """Give the path of each text that nothing bounds."""
    if type_ is str:
        yield path
    elif isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        for name, hint in typing.get_type_hints(type_, include_extras=True).items():
            if name != "type":
                yield from texts(hint, f"{path}.{name}")
    elif typing.get_origin(type_) not in (typing.Annotated, typing.Literal):
        for each in typing.get_args(type_):
            yield from texts(each, path)


@pytest.mark.parametrize("kind", PUBLIC)
def test_no_text_of_a_public_event_is_without_bounds(kind):
    assert list(texts(OUTBOUND[kind], kind)) == []


def test_what_is_not_bounded_is_found():
    class Loose(msgspec.Struct):
        said: tuple[str, ...] | None
        source: Source

    assert list(texts(Loose, "loose")) == ["loose.said"]


@pytest.mark.parametrize("narrative", ["He said:\nI was there", "x" * 300, ""])
@pytest.mark.parametrize("kind", [Code, Named])
def test_a_narrative_is_no_word(kind, narrative):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(narrative, kind)


def test_every_public_type_has_a_model():
    assert len(PUBLIC) > 10
    assert HoldChanged.type in PUBLIC
