"""The committed contract is what the code says, is valid by its formats' own rules, and its examples are accepted."""

import gzip
import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import validate

from services.intake.domain.shapes import SHAPES
from shared.topics import TOPICS
from tests.apis import own_database, running
from tools.documents.writing import FOLDER, faults, write
from tools.stack import keys

OFFICIAL = Path(__file__).with_name("asyncapi-3.0.0.json.gz")  # Of the AsyncAPI Initiative, Apache-2.0.
SERVICES = ("intake", "retention", "review")
TYPES = sorted(path.stem for path in (FOLDER / "schemas").glob("*.json"))
ORDER = [kind for kind in SHAPES if "withdrawn" not in kind] + [kind for kind in SHAPES if "withdrawn" in kind]


def committed(name: str) -> dict:
    return json.loads((FOLDER / name).read_text())


@pytest.fixture
def copy(tmp_path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "contract"))


def test_what_is_committed_is_what_the_code_says():
    assert list(faults()) == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_list_names_the_states_kinds_and_orders_it_may_be_asked_for(service):
    asked = [
        (path, each["name"], each["schema"])
        for path, does in committed(f"openapi-{service}.json")["paths"].items()
        for each in does.get("get", {}).get("parameters", ())
        if each["in"] == "query" and each["name"] in ("state", "kind", "sort", "by", "lag", "leave_out")
    ]
    assert asked
    for path, name, schema in asked:
        told = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
        named = [bool(each.keys() & {"enum", "const"}) or "One of `" in each.get("description", "") for each in told]
        assert set(named) == {True}, (path, name)


def test_a_change_is_named_with_its_mend(copy):
    (copy / "asyncapi.json").write_text("{}\n")
    (copy / "schemas" / "tenure.record.dreamt.v1.json").write_text("{}\n")
    (copy / "examples" / "tenure.task.changed.v1.json").unlink()
    said = list(faults(copy))
    assert len(said) == 3
    assert all(each.endswith("run `./tenure documents`.") for each in said)
    write(copy)
    assert list(faults(copy)) == []


def test_a_type_without_an_example_is_named(copy):
    (copy / "examples" / "tenure.contact.recorded.v1.json").unlink()
    [said] = faults(copy)
    assert said.startswith("tenure.contact.recorded.v1 has no example; write one")


def test_what_breaks_the_released_contract_is_refused(copy):
    released = json.loads((copy / "released" / "asyncapi.json").read_text())
    released["channels"]["records.gone.v1"] = released["channels"]["records.receipts.v1"]
    (copy / "released" / "asyncapi.json").write_text(json.dumps(released))
    [said] = faults(copy)
    assert said.startswith("asyncapi.json: records.gone.v1: the topic is gone; bring it back")


def test_asyncapi_is_valid_by_its_own_schema():
    official = jsonschema.Draft7Validator(json.loads(gzip.decompress(OFFICIAL.read_bytes())))
    document = committed("asyncapi.json")
    assert [error.message for error in official.iter_errors(document)] == []
    assert not official.is_valid(document | {"channels": {"x": {"addres": "x"}}})


def test_asyncapi_has_every_topic_and_what_each_carries():
    channels = committed("asyncapi.json")["channels"]
    for topic in TOPICS:
        kafka = channels[topic.name]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["cleanup.policy"] == [topic.cleanup]
        assert len(channels[topic.name]["messages"]) == len(topic.types) + (topic.kind == "inbound")


@pytest.mark.parametrize("service", SERVICES)
def test_openapi_is_valid_and_names_each_refusal(service):
    document = committed(f"openapi-{service}.json")
    validate(document)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            codes = set(operation["responses"])
            assert codes >= {"414", "431", "500"}, (method, path)
            assert ("security" in operation) == ({"401", "403"} <= codes) == ("x-roles" in operation), (method, path)
            assert ("requestBody" in operation) == ({"408", "413"} <= codes) or "413" in codes, (method, path)


@pytest.mark.parametrize("kind", TYPES)
def test_an_example_is_valid_by_its_schema(kind):
    schema, example = committed(f"schemas/{kind}.json"), committed(f"examples/{kind}.json")
    checker = jsonschema.Draft202012Validator
    checker.check_schema(schema)
    jsonschema.validate(example["data"], schema, checker, format_checker=checker.FORMAT_CHECKER)
    assert example["type"] == kind
    assert not checker(schema).is_valid({}), "a schema that takes anything says nothing"


async def test_each_inbound_example_is_published_and_accepted(database, tmp_path):
    keys.make(tmp_path)
    outcomes = {}
    async with running(own_database(database), tmp_path) as apis, apis.client("intake") as client:
        headers = {"Authorization": f"Bearer {apis.token('upstream')}", "Content-Type": "application/cloudevents+json"}
        for kind in ORDER:
            sent = (FOLDER / "examples" / f"{kind}.json").read_bytes()
            answer = await client.post("/v1/events", content=sent, headers=headers)
            outcomes[kind] = (answer.json().get("outcome"), answer.json().get("reasons"))
        for service in SERVICES:
            async with apis.client(service) as asking:
                assert (await asking.get("/openapi.json")).json() == committed(f"openapi-{service}.json")
    assert outcomes == dict.fromkeys(ORDER, ("accepted", []))
