"""CloudEvents as JSON lines: sent as they stand, or refused with the line."""

import gzip
import json

import pytest

from shared.ids import nominal_ref, record_id
from tools.adapters import jsonl
from tools.adapters.outgoing import Mistake

EVENT = {"specversion": "1.0", "id": "1", "source": "urn:demo:crime", "type": "tenure.record.captured.v1"}


def read(folder, *lines: str):
    path = folder / "events.jsonl"
    path.write_text("\n".join(lines))
    return list(jsonl.read(path))


def test_data_goes_byte_for_byte_as_it_stands(tmp_path):
    line = json.dumps(EVENT)[:-1] + ', "data": {"a":1.0,  "a":1e3}}'
    [event] = read(tmp_path, line, "")

    assert event.data == b'{"a":1.0,  "a":1e3}'


def test_attributes_and_extensions_become_headers(tmp_path):
    extra = {"subject": "s", "time": "2022-08-01T10:00:00Z", "sequence": 7, "correlationid": "c", "flag": True}
    [event] = read(tmp_path, json.dumps(EVENT | extra | {"data": {}}))

    assert dict(event.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"urn:demo:crime",
        "ce_type": b"tenure.record.captured.v1",
        "ce_subject": b"s",
        "ce_time": b"2022-08-01T10:00:00Z",
        "ce_sequence": b"7",
        "ce_correlationid": b"c",
        "ce_flag": b"true",
        "content-type": b"application/json",
    }


@pytest.mark.parametrize(
    ("data", "subject"),
    [
        ({"source_system": "crime", "source_record_id": "01/1/22"}, str(record_id("crime", "01/1/22"))),
        ({"nominal_source": "crime", "nominal_id": "N-42"}, str(nominal_ref("crime", "N-42"))),
        ({"record_id": "r", "nominal_source": "crime", "nominal_id": "N-42"}, "r"),
        ({"nominal_id": "N-42"}, None),
        ([], None),
    ],
)
def test_the_key_is_worked_out_where_the_data_names_somebody(tmp_path, data, subject):
    [event] = read(tmp_path, json.dumps(EVENT | {"data": data}))

    assert event.key == (subject or "1")
    assert "ce_subject" not in dict(event.headers), "the event is sent as it stands"


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ("[]", "not a JSON object"),
        ('{"a":' * 10_000, "not a JSON object"),
        ('{"specversion":"1.0"}', "'id' is missing"),
        (json.dumps(EVENT | {"id": {}}), "'id' is not a text"),
        (json.dumps(EVENT | {"Summary": "x"}), "belongs in 'data'"),
        (json.dumps(EVENT | {"data_base64": "@"}), "not base64"),
        (json.dumps(EVENT | {"data": "x" * 1_000_000}), "longer than 1,000,000 bytes"),
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path, line, mend):
    with pytest.raises(Mistake, match=f"events.jsonl, line 2: .*{mend}"):
        read(tmp_path, json.dumps(EVENT), line)


def test_a_damaged_gzip_file_is_a_mistake_too(tmp_path):
    path = tmp_path / "events.jsonl.gz"
    damaged = bytearray(gzip.compress(json.dumps(EVENT).encode()))
    damaged[20] ^= 0xFF
    path.write_bytes(damaged)

    with pytest.raises(Mistake, match=r"events\.jsonl\.gz: "):
        list(jsonl.read(path))
