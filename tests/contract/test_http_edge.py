"""The edge that every service shares: one error shape, limits, and roles before anything else."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field

from shared.auth import ALL_ROLES, ANYONE, Issuer
from shared.db import connect
from shared.errors import Conflict
from shared.http import Asker, Edge, IfMatch, Paged, Transaction, UndeclaredRoute, door, http_app
from shared.http.house import HOUSE_ROLES
from shared.in_force import Packs
from tests.make_facts import PACK
from tools.stack import issuer, keys

SECRET = "canary-7f3a"
router = APIRouter(prefix="/v1")


class Thing(BaseModel):
    """Something sent."""

    model_config = ConfigDict(extra="forbid")

    size: int = Field(ge=1)
    notes: dict[str, int] = {}


@router.post("/things/{n}")
async def change(n: int, thing: Thing, version: IfMatch) -> dict[str, int]:
    return {"version": version}


@router.get("/secret")
async def secret(asker: Asker) -> str | None:
    return asker.staff_id


@router.get("/break")
async def defect() -> None:
    raise KeyError(SECRET)


@router.get("/conflict")
async def conflict() -> None:
    raise Conflict("It is so. Do that.", "so_it_is")


@router.get("/stored")
async def stored(connection: Transaction, word: Annotated[str, Query()] = "") -> None:
    raise AssertionError("there is no database")


@router.get("/pages")
async def pages(page: Paged, state: Literal["open", "closed"] | None = None) -> list[Any]:
    return [page.limit, page.after]


ROLES = {
    "POST /v1/things/{n}": ANYONE,
    "GET /v1/secret": frozenset({"auditor"}),
    "GET /v1/break": ANYONE,
    "GET /v1/conflict": ANYONE,
    "GET /v1/stored": ANYONE,
    "GET /v1/pages": ANYONE,
}


def app_of(folder: Path, routes: Any = ROLES, **edge: Any) -> FastAPI:
    keys.make(folder)
    told: dict[str, Any] = {"service": "review", "issuer": Issuer(folder / "jwks.json", issuer.ISSUER, issuer.AUDIENCE)}
    told |= {"packs": Packs(PACK), "mac": bytes, "migrations": folder} | edge
    nowhere = connect("postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none", name="tests")
    return http_app("Things", engine=nowhere, routes=routes, routers=[router], edge=Edge(**told))


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://things")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_of(tmp_path)) as given:
        yield given


def refused(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"] == f"urn:tenure:problem:{problem['code']}"
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert SECRET not in answer.text
    return answer.status_code, problem["code"]


async def test_a_mistake_is_named_by_its_place_and_kind_never_by_its_value(client: httpx.AsyncClient) -> None:
    sent = {"size": SECRET, SECRET: 1, "notes": {SECRET: SECRET}}
    answer = await client.post("/v1/things/1", json=sent, headers={"If-Match": '"1"'})
    assert refused(answer) == (422, "malformed")
    found = {(each["pointer"], each["type"]) for each in answer.json()["errors"]}
    assert found == {("/body/size", "int_parsing"), ("/body/*", "extra_forbidden"), ("/body/notes/*", "int_parsing")}


async def test_a_compressed_body_is_told_to_be_sent_as_it_is(client: httpx.AsyncClient) -> None:
    headers = {"If-Match": '"1"', "Content-Type": "application/json"}
    sent = gzip.compress(b'{"size": 1}')
    answer = await client.post("/v1/things/1", content=sent, headers=headers | {"Content-Encoding": "GZip"})
    assert refused(answer) == (415, "content_encoded")
    assert answer.headers["accept-encoding"] == "identity"
    answer = await client.post(
        "/v1/things/1", content=b'{"size": 1}', headers=headers | {"Content-Encoding": "identity"}
    )
    assert answer.status_code == 200


async def test_a_word_that_is_none_of_a_few_is_told_which_there_are(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/pages", params={"state": SECRET})
    assert refused(answer) == (422, "malformed")
    told = {"pointer": "/query/state", "type": "literal_error", "mend": "Send one of 'open' or 'closed'."}
    assert answer.json()["errors"] == [told]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"{" + SECRET.encode(), 422, id="not JSON"),
        pytest.param(b"[" * 100_000, 400, id="nested 100,000 deep"),
        pytest.param(b'{"size": ' + b"9" * 5000 + b"}", 400, id="a number of 5,000 digits"),
        pytest.param(b'{"size": "\xff"}', 400, id="not UTF-8"),
        pytest.param(b"", 422, id="empty"),
        pytest.param(b'{"size": NaN}', 422, id="not a number"),
    ],
)
async def test_garbage_is_refused(client: httpx.AsyncClient, body: bytes, status: int) -> None:
    headers = {"If-Match": '"1"', "Content-Type": "application/json"}
    assert refused(await client.post("/v1/things/1", content=body, headers=headers)) == (status, "malformed")


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        pytest.param(None, (428, "precondition_required"), id="none"),
        pytest.param("3", (400, "if_match_unreadable"), id="not quoted"),
        pytest.param("*", (400, "if_match_unreadable"), id="any version"),
        pytest.param('W/"3"', (400, "if_match_unreadable"), id="weak"),
        pytest.param('"1", "2"', (400, "if_match_unreadable"), id="two"),
    ],
)
async def test_a_change_says_which_version_it_means(client: httpx.AsyncClient, sent: Any, refusal: Any) -> None:
    headers = {} if sent is None else {"If-Match": sent}
    assert refused(await client.post("/v1/things/1", json={"size": 1}, headers=headers)) == refusal


async def test_a_version_that_is_named_arrives(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/things/1", json={"size": 1}, headers={"If-Match": '"7"'})
    assert answer.json() == {"version": 7}


async def test_a_body_over_the_limit_is_refused_declared_or_not(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(door.BODY_BYTES_MAX // 1024 + 2):
            yield b" " * 1024

    assert refused(await client.post("/v1/things/1", content=b" " * (door.BODY_BYTES_MAX + 1))) == (413, "too_large")
    assert refused(await client.post("/v1/things/1", content=endless())) == (413, "too_large")


async def test_a_body_that_never_ends_is_given_up(client: httpx.AsyncClient, monkeypatch: Any) -> None:
    monkeypatch.setattr(door, "BODY_SECONDS_MAX", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)

    assert refused(await client.post("/v1/things/1", content=slow())) == (408, "too_slow")


async def test_headers_query_and_path_have_limits(client: httpx.AsyncClient) -> None:
    many = {f"x-{n}": "1" for n in range(door.HEADERS_MAX)}
    assert refused(await client.get("/livez", headers=many)) == (431, "too_many_headers")
    assert refused(await client.get("/livez", headers={"x": "1" * door.HEADER_BYTES_MAX})) == (431, "too_many_headers")
    assert refused(await client.get("/livez?a=" + "1" * door.QUERY_BYTES_MAX)) == (414, "too_long")
    assert refused(await client.get("/" + "1" * door.PATH_BYTES_MAX)) == (414, "too_long")


async def test_what_is_not_declared_is_not_there(client: httpx.AsyncClient) -> None:
    assert refused(await client.get("/docs")) == (404, "not_found")
    answer = await client.delete("/livez")
    assert (refused(answer), answer.headers["allow"]) == ((405, "method_not_allowed"), "GET")


async def test_an_expected_refusal_says_its_reason(client: httpx.AsyncClient) -> None:
    assert refused(await client.get("/v1/conflict")) == (409, "so_it_is")


async def test_a_defect_says_nothing_but_where_to_ask(client: httpx.AsyncClient, caplog: Any) -> None:
    answer = await client.get("/v1/break")
    assert refused(answer) == (500, "internal")
    [logged] = [each for each in caplog.records if each.name == "shared.http.door"]
    assert answer.json()["instance"] == f"urn:uuid:{logged.request_id}"
    assert logged.cause == "KeyError"
    assert any("test_http_edge.py" in frame for frame in logged.frames)
    assert SECRET not in caplog.text + str(vars(logged))


async def test_a_database_that_is_away_is_said_and_may_be_tried_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/stored")
    assert refused(answer) == (503, "database_unavailable")
    assert answer.headers["retry-after"] == "2"
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (503, {"database": False})
    assert (await client.get("/livez")).status_code == 200


async def test_keys_that_cannot_be_read_close_the_door(tmp_path: Path) -> None:
    app = app_of(tmp_path)
    token = issuer.token("auditor", tmp_path)
    (tmp_path / "jwks.json").unlink()
    async with client_of(app) as client:
        answer = await client.get("/v1/secret", headers={"Authorization": f"Bearer {token}"})
        assert refused(answer) == (503, "issuer_keys_unreadable")


@pytest.mark.parametrize("role", [None, *sorted(ALL_ROLES - {"auditor"})])
async def test_every_other_role_and_nobody_is_refused_before_the_route_is_met(tmp_path: Path, role: str | None) -> None:
    async with client_of(app_of(tmp_path)) as client:
        headers = {} if role is None else {"Authorization": f"Bearer {issuer.token(role, tmp_path)}"}
        expected = (401, "no_token") if role is None else (403, "wrong_role")
        assert refused(await client.get("/v1/secret", headers=headers)) == expected


async def test_the_declared_role_comes_in(tmp_path: Path) -> None:
    async with client_of(app_of(tmp_path)) as client:
        token = issuer.token("auditor", tmp_path)
        assert (await client.get("/v1/secret", headers={"Authorization": f"Bearer {token}"})).json() == "D-AU1"


@pytest.mark.parametrize(
    ("routes", "says"),
    [
        pytest.param({key: value for key, value in ROLES.items() if "secret" not in key}, "No roles", id="undeclared"),
        pytest.param(ROLES | {"GET /v1/gone": ANYONE}, "does not have", id="stale"),
        pytest.param(ROLES | {"GET /v1/secret": frozenset()}, "lets nobody", id="nobody may"),
    ],
)
def test_a_route_and_its_roles_must_match_or_nothing_starts(tmp_path: Path, routes: Any, says: str) -> None:
    with pytest.raises(UndeclaredRoute, match=says):
        app_of(tmp_path, routes)


async def test_pages_have_a_limit_and_a_cursor_of_our_own(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/pages")).json() == [50, None]
    assert (await client.get("/v1/pages?limit=2&cursor=WyJhIiwxXQ==")).json() == [2, ["a", 1]]
    for cursor in ("%00", "WzEuNV0=", "W10=", "e30=", "not-one", "WyJcdTAwMDAiXQ=="):
        assert refused(await client.get(f"/v1/pages?cursor={cursor}")) == (400, "cursor_unreadable")
    assert refused(await client.get("/v1/pages?limit=201")) == (422, "malformed")


async def test_the_clock_of_the_real_world_is_not_moved(tmp_path: Path) -> None:
    async with client_of(app_of(tmp_path)) as client:
        headers = {"Authorization": f"Bearer {issuer.token('head_of_information_management', tmp_path)}"}
        answer = await client.put("/v1/clock", json={"date": "2030-01-01"}, headers=headers)
        assert refused(answer)[0] in (409, 503)


async def test_requests_are_counted_by_route_not_by_path(client: httpx.AsyncClient) -> None:
    await client.post(f"/v1/things/{SECRET}", json={}, headers={"If-Match": '"1"'})
    text = (await client.get("/metrics")).text
    assert 'tenure_http_requests_total{route="POST /v1/things/{n}",service="review",status="422"} 1' in text
    assert SECRET not in text


def test_every_service_has_the_routes_of_the_house(tmp_path: Path) -> None:
    listed = app_of(tmp_path).openapi()["paths"]
    assert {route.split()[1] for route in HOUSE_ROLES} - {"/openapi.json"} <= listed.keys()
