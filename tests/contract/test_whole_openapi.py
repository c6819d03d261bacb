"""Every route of all three services, asked what its document allows and what it does not, as every role.

All answers are as documented, and none says that something is wrong on our side.
"""

import asyncio
import random
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from services.review.actions.taking import take_reviews
from shared.auth import ALL_ROLES
from shared.db import connect, transaction
from shared.events import Member, ReviewRequested
from tests.apis import SERVICES, Apis, own_database, running
from tests.make_arrivals import captured
from tests.make_lifecycle import take
from tests.make_registered import nominal_state, record_state, ref, suspect, uid
from tests.system.counting import wait_for
from tools.documents.writing import openapi
from tools.stack import keys
from tools.stack.ports import answers, choose

CASES, CASES_SOAKED = 8, 100
STARTED_SECONDS_MAX = 30
DUE = date(2026, 5, 1)
REVIEW = uuid4()
AS_DOCUMENTED = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# What fails is shown as it was drawn: to make it smaller takes minutes, for each try is a request.
PHASES = [Phase.explicit, Phase.generate]
CALM = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), phases=PHASES)
FOR_LONG = [pytest.mark.soak, pytest.mark.timeout(3600)]  # To draw batches of a thousand events takes its time.
ROLES = (None, *sorted(ALL_ROLES))


class Asked(NamedTuple):
    """Where the services answer, and what to ask with: tokens by role, ids by the names of variables, a session."""

    urls: dict[str, str]
    tokens: dict[str, str]
    known: dict[str, list[UUID]]
    session: requests.Session


class Served(threading.Thread):
    """All three on loopback, in a loop and thread of their own, with something in each of them."""

    def __init__(self, urls: dict[str, str], folder: Path) -> None:
        super().__init__(name="apis")
        self.database, self.folder = urls, folder
        self.ports = {service: choose() for service in SERVICES}
        self.ended: list[BaseException] = []
        self.asked: Asked | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # Told to the test by its fixture.
            self.ended.append(error)

    async def _serve(self) -> None:
        self.stopping, self.loop = asyncio.Event(), asyncio.get_running_loop()
        async with running(self.database, self.folder) as apis:
            known = await _filled(apis, self.database)
            servers = [
                uvicorn.Server(uvicorn.Config(apis.apps[name], port=port, log_config=None, access_log=False))
                for name, port in self.ports.items()
            ]
            serving = [asyncio.create_task(server.serve()) for server in servers]
            urls = {service: f"http://127.0.0.1:{port}" for service, port in self.ports.items()}
            self.asked = Asked(urls, {role: apis.token(role) for role in ROLES if role}, known, requests.Session())
            await self.stopping.wait()
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*serving)


@pytest.fixture(scope="module")
def asked(database, tmp_path_factory) -> Iterator[Asked]:
    """Serve, and say where."""
    folder = tmp_path_factory.mktemp("keys")
    keys.make(folder)
    served = Served(own_database(database, ("api", "worker")), folder)
    served.start()
    wait_for(lambda: served.ended or (served.asked and all(map(answers, served.ports.values()))), 60, "they answer")
    assert not served.ended, served.ended
    assert served.asked is not None
    with served.asked.session:
        yield served.asked
    served.loop.call_soon_threadsafe(served.stopping.set)
    served.join(STARTED_SECONDS_MAX)
    assert not served.ended, served.ended


async def _filled(apis: Apis, urls: dict[str, str]) -> dict[str, list[UUID]]:
    """Put a record, a quarantined event, a hold and a task where they belong; gives their ids."""
    engines = {name: connect(urls[f"{name}_worker"], name="tests", pool_size=1) for name in ("retention", "review")}
    await take(engines["retention"], record_state("r1", links=[suspect("p1")]), nominal_state("p1"))
    member = Member(uid("r1"), "crime.report.suspect", DUE, False)
    about = {"subject": uid("r1"), "subject_kind": "record", "kind": "scheduled", "cause": "period_ended"}
    policy = {"group": None, "row": "R03", "pack": "d" * 64, "due_on": DUE, "basis": "b" * 64, "version": 1}
    rest = {"records": (member,), "derivation": {"v": 1, "steps": []}}
    review = ReviewRequested(review_id=REVIEW, **about, **policy, **rest)
    async with transaction(engines["review"]) as connection:
        await take_reviews(connection, [review], datetime(2026, 4, 1, 9, tzinfo=UTC))
    for engine in engines.values():
        await engine.dispose()
    receipts = [await _sent(apis, captured("r1")), await _sent(apis, captured("r2", occurred_on="2022-08"))]
    known = {"record_id": [uid("r1")], "nominal_ref": [ref("p1")], "task_id": [REVIEW], "receipt_id": receipts}
    return {**known, "hold_id": [await _held(apis)]}


async def _sent(apis: Apis, event: dict[str, Any]) -> UUID:
    async with apis.client("intake") as client:
        headers = {"Authorization": f"Bearer {apis.token('upstream')}", "Content-Type": "application/cloudevents+json"}
        answer = await client.post("/v1/events", json=event, headers=headers)
        return UUID(answer.json()["receipt_id"])


async def _held(apis: Apis) -> UUID:
    body = {"authority": "Inquiries Act 2005", "reason": "moratorium", "owner": "D-RM1", "review_on": "2040-01-01"}
    async with apis.client("retention") as client:
        headers = {"Authorization": f"Bearer {apis.token('records_manager')}", "Idempotency-Key": "a-hold-of-this-test"}
        answer = await client.post("/v1/holds", json={**body, "scope": {"records": [str(uid("r1"))]}}, headers=headers)
        return UUID(answer.json()["hold_id"])


def schema_of(service: str, *, soaking: bool) -> Any:
    """Read a service's document; soaking, the boundaries of every value are tried beside what is drawn."""
    config = {
        "generation": {"deterministic": not soaking, "with-security-parameters": False},
        "phases": {"coverage": {"enabled": soaking, "unexpected-methods": []}},
    }
    return schemathesis.openapi.from_dict(openapi(service), config=SchemathesisConfig.from_dict(config))


def _ask(case: schemathesis.Case, asked: Asked, service: str) -> None:
    chance = random.Random(case.as_curl_command())
    allowed = case.operation.definition.raw.get("x-roles", [None])
    for name, ids in asked.known.items():
        if name in case.path_parameters and chance.random() < 0.6:
            case.path_parameters[name] = str(chance.choice(ids))
    if "If-Match" in case.headers and chance.random() < 0.6:
        case.headers["If-Match"] = '"1"'
    role = chance.choice(allowed if chance.random() < 0.8 else ROLES)
    headers = {} if role is None else {"Authorization": f"Bearer {asked.tokens[role]}"}
    answer = case.call(base_url=asked.urls[service], headers=headers, session=asked.session)
    case.validate_response(answer, checks=AS_DOCUMENTED)
    refused = answer.status_code in (401, 403, 414, 431)  # Limits come before names.
    assert allowed == [None] or role in allowed or refused, "this role may not enter"


def asking(service: str, *, soaking: bool = False) -> Any:
    """Give the test of every route of a service."""
    many = {"max_examples": CASES_SOAKED, "derandomize": False} if soaking else {"max_examples": CASES}

    @schema_of(service, soaking=soaking).parametrize()
    @settings(CALM, **many)
    def answers_as_documented(case: schemathesis.Case, asked: Asked) -> None:
        _ask(case, asked, service)

    for mark in FOR_LONG if soaking else ():
        answers_as_documented = mark(answers_as_documented)
    return answers_as_documented


test_intake_answers_as_documented = asking("intake")
test_retention_answers_as_documented = asking("retention")
test_review_answers_as_documented = asking("review")
test_intake_answers_as_documented_for_long = asking("intake", soaking=True)
test_retention_answers_as_documented_for_long = asking("retention", soaking=True)
test_review_answers_as_documented_for_long = asking("review", soaking=True)
