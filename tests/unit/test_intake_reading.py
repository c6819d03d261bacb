"""From bytes to an event: what is refused and why, and that one event has one form whatever mode it came in."""

import base64
import json

import msgspec
import pytest
import rfc8785
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.intake.domain.reading import Sent, Unsound, read_binary, read_structured
from services.intake.domain.refused import Refused
from services.intake.domain.strict_json import BODY_BYTES_MAX, DEPTH_MAX, INTEGER_MAX, canonical, decode, written
from tests.make_arrivals import KEYS, binary, captured, normal

HEAD = {"ce_specversion": "1.0", "ce_id": "e1", "ce_source": "urn:demo:crime", "ce_type": "tenure.record.captured.v1"}
CANARY = "canary-7f3a"

GARBAGE = [
    pytest.param(b"", "not_json", id="empty"),
    pytest.param(b'{"a": ', "not_json", id="truncated"),
    pytest.param(b"{} {}", "not_json", id="two values"),
    pytest.param(b'{"a": 1,}', "not_json", id="trailing comma"),
    pytest.param(b'{"a": "' + bytes([1]) + b'"}', "not_json", id="control character"),
    pytest.param(b'{"a": 01}', "not_json", id="leading zero"),
    pytest.param(b"\xff\xfe{}", "not_utf8", id="not UTF-8"),
    pytest.param(b'"\xed\xa0\x80"', "not_utf8", id="surrogate in UTF-8"),
    pytest.param(b'{"a": "\xc3"}', "not_utf8", id="half a character"),
    pytest.param(b'{"a": NaN}', "not_a_number", id="NaN"),
    pytest.param(b'{"a": -Infinity}', "not_a_number", id="infinity"),
    pytest.param(b'{"a": 1e400}', "number_too_large", id="beyond doubles"),
    pytest.param(b'{"a": ' + b"9" * 400 + b"}", "number_too_large", id="400 digits"),
    pytest.param(b'{"a": ' + str(INTEGER_MAX + 1).encode() + b"}", "number_too_large", id="2^53"),
    pytest.param(b'{"a": 0.5, "b": -' + str(INTEGER_MAX + 1).encode() + b"}", "number_too_large", id="-2^53"),
    pytest.param(b'{"a": 1, "a": 2}', "duplicate_key", id="duplicate key"),
    pytest.param(b'{"a": 1, "\\u0061": 2}', "duplicate_key", id="duplicate key, escaped"),
    pytest.param('{"\u00e9": 1, "e\u0301": 2}'.encode(), "duplicate_key", id="duplicate key, after NFC"),
    pytest.param(b'{"a": "x\\u0000y"}', "nul_character", id="NUL"),
    pytest.param(b'{"a\\u0000": 1}', "nul_character", id="NUL in a key"),
    pytest.param(b'{"a": "\\ud800"}', "lone_surrogate", id="lone surrogate"),
    pytest.param(b'{"a": "\\udc00\\ud800"}', "lone_surrogate", id="surrogates the wrong way round"),
    pytest.param(b"[" * (DEPTH_MAX + 2) + b"]" * (DEPTH_MAX + 2), "too_deep", id="deeper than the limit"),
    pytest.param(b"[" * 10_000 + b"]" * 10_000, "too_deep", id="10,000 levels"),
    pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep", id="10,000 objects"),
    pytest.param(b'"\\u0061"' + b" " * BODY_BYTES_MAX, "too_large", id="too large"),
]


@pytest.mark.parametrize(("raw", "code"), GARBAGE)
def test_garbage_is_no_event_in_structured_mode_and_quarantined_in_binary(raw: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_structured(raw)
    assert refused.value.reason.code == code
    read = read_binary(HEAD, raw)
    assert isinstance(read, Unsound)
    assert read.reason.code == (code if raw else "no_data")
    assert (read.id, read.body()) == ("e1", b"")


def test_what_is_just_within_the_limits_is_read() -> None:
    deep = b'{"a":' + b"[" * (DEPTH_MAX - 1) + b"]" * (DEPTH_MAX - 1) + b"}"
    for raw in (deep, b'{"a": %d}' % INTEGER_MAX, b'{"a": [0.5, -%d]}' % INTEGER_MAX):
        assert isinstance(read_binary(HEAD, raw), Sent)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        pytest.param({"specversion": None}, "not_an_event", "/specversion", id="no specversion"),
        pytest.param({"specversion": "0.3"}, "not_an_event", "/specversion", id="another version"),
        pytest.param({"id": None}, "bad_id", "/id", id="no id"),
        pytest.param({"id": f"{CANARY} twice"}, "bad_id", "/id", id="a blank in the id"),
        pytest.param({"id": "x" * 129}, "bad_id", "/id", id="long id"),
        pytest.param({"source": ""}, "bad_source", "/source", id="no source"),
        pytest.param({"source": "urn:\u00e9"}, "bad_source", "/source", id="source not ASCII"),
        pytest.param({"type": "x" * 257}, "bad_type", "/type", id="long type"),
    ],
)
def test_without_a_usable_identity_there_is_no_event(changes, code, pointer) -> None:
    whole = captured() | changes
    sent = {name: value for name, value in whole.items() if value is not None}
    for refused_by in (lambda: read_structured(json.dumps(sent).encode()), lambda: read_binary(*binary(sent))):
        with pytest.raises(Refused) as refused:
            refused_by()
        assert (refused.value.reason.code, refused.value.reason.pointer) == (code, pointer)
        assert CANARY not in refused.value.reason.sentence


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"17", b"true"])
def test_a_structured_message_is_an_object(raw: bytes) -> None:
    with pytest.raises(Refused, match="not_an_event"):
        read_structured(raw)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"data": None}, "bad_data", id="no data"),
        pytest.param({"data": [1]}, "bad_data", id="data is a list"),
        pytest.param({"data_base64": base64.b64encode(b"{}").decode(), "data": None}, "bad_data", id="base64"),
        pytest.param({"subject": "two words"}, "bad_subject", id="subject with a blank"),
        pytest.param({"subject": 5}, "bad_subject", id="subject a number"),
        pytest.param({"time": "x" * 300}, "bad_time", id="long time"),
        pytest.param({"time": ["2022"]}, "bad_time", id="time a list"),
        pytest.param({"corrects": ""}, "bad_corrects", id="empty correction"),
        pytest.param({"sequence": 1}, "bad_sequence", id="sequence a number"),
        pytest.param({"sequence": "0"}, "bad_sequence", id="sequence zero"),
        pytest.param({"sequence": "-1"}, "bad_sequence", id="sequence negative"),
        pytest.param({"sequence": "01"}, "bad_sequence", id="sequence with a leading zero"),
        pytest.param({"sequence": str(2**63)}, "bad_sequence", id="sequence beyond 64 bits"),
        pytest.param({"sequence": "9" * 19}, "bad_sequence", id="sequence of 19 nines"),
        pytest.param({"sequence": "\u0661"}, "bad_sequence", id="another script's digit"),
    ],
)
def test_an_event_whose_attributes_or_data_cannot_be_taken_is_still_an_event(changes, code) -> None:
    read = read_structured(json.dumps(captured() | changes).encode())
    assert isinstance(read, Unsound)
    assert read.reason.code == code
    assert read.reason.sentence.endswith(".")


def test_an_attribute_that_is_null_is_one_that_is_not_there() -> None:
    assert read_structured(json.dumps(captured() | {"time": None}).encode()).time is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["a", "\ue000", "\U0001f600", "e\u0301", '"\\/\b\x1f', ""]), JSON), st.booleans()
)
def test_the_canonical_form_is_that_of_rfc_8785(value, ascii_only: bool) -> None:
    try:
        expected = rfc8785.dumps(normal(value))
    except ValueError:
        assume(False)
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=1 if ascii_only else None).encode()
    assert canonical(*decode(raw)) == expected


@pytest.mark.parametrize(
    ("raw", "form"),
    [
        pytest.param('{"\ue000": 1, "\U0001f600": 2}', '{"\U0001f600":2,"\ue000":1}', id="order by UTF-16 units"),
        pytest.param('{"a": "\\u00e9\\/\\u001F\\b"}', '{"a":"\u00e9/\\u001f\\b"}', id="escapes"),
        pytest.param('{"a": [1.0, 1e21, -0.0, 1E-7, 333333333.33333329]}', None, id="numbers"),
        pytest.param('{"a": [-0, 10, 4503599627370496]}', '{"a":[0,10,4503599627370496]}', id="integers"),
        pytest.param('{"b": "e\\u0301", "a": "e\u0301"}', '{"a":"\u00e9","b":"\u00e9"}', id="NFC"),
    ],
)
def test_the_forms_that_readers_disagree_about(raw: str, form: str | None) -> None:
    expected = form or '{"a":[1,1e+21,0,1e-7,333333333.3333333]}'
    assert canonical(*decode(raw.encode())) == expected.encode()


@settings(deadline=None, max_examples=25)
@given(JSON)
def test_binary_structured_and_batch_forms_of_an_event_are_the_same_body(content) -> None:
    try:
        normal(content)
    except ValueError:
        assume(False)
    sent = captured(content={"it": content}, attributes={"subject": None})
    batch, plain = decode(json.dumps([sent, captured("r2")], ensure_ascii=False).encode())
    forms = [
        read_structured(json.dumps(sent).encode()),
        read_structured(json.dumps(dict(reversed(sent.items())), ensure_ascii=False, indent=2).encode()),
        read_binary(*binary(sent)),
        read_binary({name.replace("ce_", "ce-"): value for name, value in binary(sent)[0].items()}, binary(sent)[1]),
        read_structured(written(batch[0], plain)),
    ]
    assert {KEYS.mac(form.body()) for form in forms} == {KEYS.mac(forms[0].body())}


# Pieces of JSON: put together they are compact objects, and all that is nearly one.
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"b"',
    '"a":',
    '"',
    "1",
    "-0",
    "1.5",
    "1e2",
    "9" * 16,
    "null",
    " ",
    "\\u0061",
    "é",
]


def both_ways(raw: bytes) -> None:
    """The quick way of reading and the careful one, which a space calls for, come to the same."""
    quick, careful = read_binary(HEAD, raw), read_binary(HEAD, b" " + raw)
    assert quick == careful
    if isinstance(quick, Sent):
        assert quick.canonical == rfc8785.dumps(quick.data)


@given(JSON)
def test_what_is_written_compactly_is_read_as_if_it_were_not(content) -> None:
    both_ways(json.dumps({"it": content}, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


@given(st.lists(st.sampled_from(PIECES), max_size=9))
def test_what_is_nearly_json_is_refused_either_way(pieces) -> None:
    both_ways(("{" + "".join(pieces) + "}").encode())


@pytest.mark.parametrize(
    "raw", [b'{"a":1,"a":1}', b'{"a":1,"a":22,"b":"     "}', b'{"a":9007199254740992}', b'{"a":-0}']
)
def test_what_must_be_looked_at_carefully_is(raw: bytes) -> None:
    both_ways(raw)


@pytest.mark.parametrize(
    "changes",
    [{"sequence": "2"}, {"time": "2022-08-02T10:00:01Z"}, {"type": "tenure.record.revised.v1"}, {"subject": "x"}],
)
def test_every_attribute_that_matters_makes_another_body(changes) -> None:
    sent = captured()
    assert read_binary(*binary(sent)).body() != read_binary(*binary(sent | changes)).body()


def test_the_body_is_itself_canonical_json() -> None:
    body = read_binary(*binary(captured())).body()
    assert rfc8785.dumps(msgspec.json.decode(body)) == body


def test_what_is_no_event_here_is_told_how_to_be_one() -> None:
    for refused_by in (lambda: read_structured(b"[]"), lambda: read_binary({}, b"{}")):
        with pytest.raises(Refused) as refused:
            refused_by()
        assert "cloudevents" in refused.value.reason.sentence  # The content type, forgotten oftener than the rest.


@pytest.mark.parametrize(
    ("sent", "goes"),
    [
        (captured(content={"summary": "e\u0301t\u00e9", "weight": 0.5, "whole": 1.0, "vast": 1e20}), False),
        (captured(content={"n": [1, -2, {"deep": [None, True]}]}), True),
        (captured(), True),
    ],
)
def test_data_that_is_let_go_comes_again_from_its_canonical_bytes(sent, goes):
    """What has fractions is kept: its canonical bytes write some of them as integers."""
    found = read_binary(*binary(sent))
    before = found.data
    found.let_go()
    assert (found.decoded is None) is goes
    assert json.dumps(found.data, sort_keys=True) == json.dumps(before, sort_keys=True)
    assert found.body() == read_binary(*binary(sent)).body()
