"""Every route of retention and review, as every role, as nobody and with nonsense: nothing breaks."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from services.retention.api import ROLES as RETENTION
from services.retention.api import make_app as retention_app
from services.review.api import ROLES as REVIEW
from services.review.api import make_app as review_app
from services.review.main import DEMO_PEOPLE
from services.review.storage.work import introduce
from shared.auth import ALL_ROLES, ANYONE
from shared.db import connect, transaction
from shared.http import edge_of
from shared.http.house import HOUSE_ROLES
from shared.keys import read_keys
from shared.settings import Settings
from tests.make_facts import PACK
from tests.make_lifecycle import take
from tests.make_registered import nominal_state, record_state, ref, suspect, uid
from tests.stack import clone
from tools.stack import issuer, keys
from tools.stack.settings import role_url

TABLES = {"retention": {**HOUSE_ROLES, **RETENTION}, "review": {**HOUSE_ROLES, **REVIEW}}
EVERY = [(service, route) for service, table in TABLES.items() for route in sorted(table)]
WHY = {"purpose": "preventing_offences", "evidence": "the file", "proportionality": "six years, none since"}
HOLD = {"authority": "Inquiries Act 2005", "reason": "moratorium", "owner": "D-RM1", "review_on": "2040-01-01"}
SCOPE = {"records": [str(uid("r1"))]}
REQUESTS: dict[str, dict[str, Any]] = {
    "PUT /v1/clock": {"json": {"date": "2099-01-01"}},
    "GET /v1/due": {"params": {"before": "2030-01-01"}},
    "POST /v1/holds": {"json": {**HOLD, "scope": SCOPE}},
    "POST /v1/holds/preview": {"json": SCOPE},
    "POST /v1/holds/{hold_id}/release": {"json": {"reason": "the inquiry has ended"}},
    "POST /v1/disposals/{disposal_id}/abort": {"json": {"reason": "an appeal was announced"}},
    "POST /v1/records/{record_id}/override": {"json": {"authority": "D-RM1", "until": "2060-01-01"}},
    "POST /v1/records/{record_id}/move": {"json": {"authority": "D-RM1", "to": "preventing.stop_and_search"}},
    "POST /v1/identities/{event_uid}/assign": {"json": {"answer": "accept"}},
    "POST /v1/tasks/{task_id}/assign": {"json": {"assignee": "D-RO1"}},
    "POST /v1/tasks/{task_id}/assessment": {"json": {"answers": {"purpose": "yes"}}},
    "POST /v1/tasks/{task_id}/decision": {"json": {"outcome": "retain", "rationale": WHY}},
    "POST /v1/tasks/{task_id}/approval": {"json": {"answer": "approve"}},
}
QUERY = "class state group rule unit nominal hold due_before before after kind owner sort limit cursor record as_of"
NONSENSE = ["\x00", "'; DROP TABLE hold; --", "9" * 40, "\ud7ff\U0001f600", "", "2026-13-45", "WzFd", "-1"]


class Doors(NamedTuple):
    """Both services' APIs, and who may ask as whom."""

    clients: dict[str, httpx.AsyncClient]
    folder: Path

    async def ask(self, service: str, route: str, role: str | None, **more: Any) -> httpx.Response:
        """Ask a route, with everything that a change must carry."""
        method, path = route.split()
        named = {"record_id": uid("r1"), "nominal_ref": ref("p1")}
        named |= {name: uuid4() for name in ("hold_id", "disposal_id", "task_id", "event_uid")}
        named |= {"epoch": 1, "letter_id": 1}
        headers = {"If-Match": '"1"', "Idempotency-Key": f"key-{uuid4()}"}
        if role is not None:
            headers["Authorization"] = f"Bearer {issuer.token(role, self.folder)}"
        return await self.clients[service].request(method, path.format(**named), headers=headers, **more)


@pytest.fixture(scope="module")
def urls(database) -> dict[str, str]:
    """A database of this module's own: what is asked over HTTP is committed."""
    admin, paths = database
    server, name = admin.rpartition("/")[0], f"tenure_own_{uuid4().hex}"
    clone(f"{server}/postgres", name)
    roles = [f"{service}_{kind}" for service in TABLES for kind in ("api", "worker")]
    return {role: role_url(f"{server}/{name}", f"tenure_{role}", paths) for role in roles}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The keys of this module's services and issuer."""
    made = tmp_path_factory.mktemp("keys")
    keys.make(made)
    return made


@pytest.fixture
async def doors(urls, folder) -> AsyncIterator[Doors]:
    settings = Settings(keys=folder, jwks_file=folder / "jwks.json", clock="rehearsal")
    sealing = {service: read_keys(folder, service) for service in TABLES}
    edges = {service: edge_of(service, settings, sealing[service], PACK) for service in TABLES}
    engines = {role: connect(url, name="tests", pool_size=2) for role, url in urls.items()}
    async with transaction(engines["review_api"]) as connection:
        await introduce(connection, DEMO_PEOPLE)
    await take(engines["retention_worker"], record_state("r1", links=[suspect("p1")]), nominal_state("p1"))
    apps = {
        "retention": retention_app(engines["retention_api"], edges["retention"]),
        "review": review_app(engines["review_api"], edges["review"], sealing["review"]),
    }
    clients = {
        name: httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{name}")
        for name, app in apps.items()
    }
    yield Doors(clients, folder)
    for client in clients.values():
        await client.aclose()
    for engine in engines.values():
        await engine.dispose()


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(("service", "route"), EVERY)
async def test_the_table_decides_who_enters(doors: Doors, service: str, route: str) -> None:
    allowed = TABLES[service][route]
    for role in (None, *sorted(ALL_ROLES)):
        answer = await doors.ask(service, route, role, **REQUESTS.get(route, {}))
        assert answer.status_code < 500, (role, answer.text)
        if allowed == ANYONE or role in allowed:
            assert answer.status_code not in (401, 403, 422), (role, answer.text)
        elif role is None:
            assert problem(answer) == (401, "no_token")
        else:
            assert problem(answer) == (403, "wrong_role"), role


@pytest.mark.parametrize(("service", "route"), EVERY)
async def test_nonsense_is_refused_and_breaks_nothing(doors: Doors, service: str, route: str) -> None:
    role = min(TABLES[service][route] - ANYONE, default=None)
    for said in NONSENSE:
        for more in ({"params": dict.fromkeys(QUERY.split(), said)}, {"json": {"reason": said, "scope": said}}):
            answer = await doors.ask(service, route, role, **more)
            # Where the machine is slow, the database does not answer in time, and saying so is `readyz`'s work.
            assert answer.status_code < 500 or (route, answer.status_code) == ("GET /readyz", 503), (more, answer.text)
    for name in QUERY.split() if route.startswith("GET") else ():
        for said in NONSENSE:
            answer = await doors.ask(service, route, role, params={"before": "2030-01-01", name: said})
            assert answer.status_code < 500, (name, said, answer.text)


def test_every_route_that_exists_says_who_may_use_it(doors: Doors) -> None:
    for service, client in doors.clients.items():
        paths = client._transport.app.openapi()["paths"]  # type: ignore[attr-defined]
        declared = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
        assert declared | {"GET /openapi.json"} == TABLES[service].keys()
