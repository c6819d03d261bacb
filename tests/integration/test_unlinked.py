"""A person who goes from a record that others still need: from the decision to the certificate, in all services."""

import httpx
import msgspec
import pytest

from services.intake.actions import screening
from services.intake.storage import records
from services.retention.actions import certificates
from services.retention.storage import marks
from services.retention.storage.disposals import read_certificate
from services.retention.storage.order_lists import WantedOrders, read_disposals
from services.retention.storage.reads import Wanted, find_nominal, list_records, records_of
from services.review.api import make_app
from services.review.storage.unlinkings import unanswered
from shared.db import driver, transaction
from shared.events import (
    CERTIFICATES,
    CONFIRMATIONS,
    CORRECTIONS,
    DISPOSALS,
    CorrectionRequested,
    DisposalConfirmed,
    DisposalExecuted,
    LinkEnded,
    encode,
)
from shared.http import edge_of
from shared.keys import read_keys
from shared.log import Entry, put
from shared.settings import Settings
from tests.integration.test_retention_lifecycle import ENDS, told
from tests.make_arrivals import KEYS, PACK, nominal, ref, uid, withdrawn
from tests.make_discards import HOLDERS, NOW
from tests.make_lifecycle import select, settle_all
from tests.make_unlinks import OWN, SHARED, burglary, own_trio, suspect
from tests.stack import POLICY
from tools.stack import issuer, keys

BOTH = [suspect("p1"), suspect("p2")]
OFFICER = "D-RM1"


@pytest.fixture
async def trio(database):
    async with own_trio(database) as made:
        yield made


async def linked(trio):
    """Whom intake finds by the shared record."""
    async with transaction(trio.pair.intake) as connection:
        return screening.linked((await records.one(connection, uid(SHARED)))["metadata"])


async def cards(trio):
    """Whom review finds by the shared record."""
    rows = await select(trio.review, "SELECT nominal_ref FROM card_link WHERE record_id = $1", uid(SHARED))
    return {row[0] for row in rows}


async def listed(trio, person="p1"):
    """The records that retention lists of a person: by the list's filter, and on their own page."""
    async with transaction(trio.pair.retention_api) as connection:
        by_filter = {row["record_uid"] for row in await list_records(connection, Wanted({"nominal": ref(person)}))}
        found = await find_nominal(connection, ref(person))
        own = {row["record_uid"] for row in await records_of(connection, found["nominal_key"], 0, 9)}
    assert by_filter == own
    return own


async def asked(trio):
    """The records of which upstream is asked for a revised state and has sent none."""
    async with transaction(trio.review_api) as connection:
        return [(each.record_id, each.nominals) for each in await unanswered(connection, OFFICER, 0, 9)]


async def bodies(trio):
    return len(await select(trio.pair.intake, "SELECT FROM body JOIN body_key USING (body_id)"))


async def test_nobody_finds_them_by_the_record_which_stays(trio):
    await trio.ordered()
    before = await bodies(trio)
    assert await linked(trio) == await cards(trio) == {ref("p1"), ref("p2")}
    assert await listed(trio) == {uid(SHARED), uid(OWN)}
    assert list((await trio.carry_out()).values()) == [None]
    [notice] = await told(trio.pair.retention, DISPOSALS, LinkEnded)
    assert (notice.record_id, notice.nominals, notice.sequence) == (uid(SHARED), (ref("p1"),), 1)
    await trio.pair.to_intake(times=3)
    answers = await trio.pair.confirm(times=2)
    assert {(each.record_id, each.answer) for each in answers} == {(uid(OWN), "erased"), (uid(SHARED), "unlinked")}
    await trio.to_review(DISPOSALS, times=2)
    assert sorted(each.answer for each in await trio.confirm(times=2)) == ["erased", "unlinked"]
    assert await linked(trio) == await cards(trio) == {ref("p2")}
    assert (await listed(trio), await listed(trio, "p2")) == ({uid(OWN)}, {uid(SHARED)})
    assert await bodies(trio) == before - 1  # Their own record's. The shared one's text is sealed, and stays.


async def test_the_certificate_says_unlinked(trio):
    order = await trio.unlinked(times=2)
    async with transaction(trio.pair.retention_api) as connection:
        certificate, answers = await read_certificate(connection, order)
        [shown] = await read_disposals(connection, WantedOrders(uid(SHARED)), None, 9)
    assert (shown["what"], shown["state"]) == ("link", "unlinked")
    assert (certificate["state"], certificate["method"]) == ("unlinked", "unlinking")
    assert (certificate["exclusions"], certificate["group"]) == (["sealed_text"], "G3")
    assert (certificate["keep_until"], certificate["decided_by"]) == ("2028-08-01", "D-RO1")
    assert certificate["record_ref"] == KEYS.reference(str(uid(SHARED)))
    assert str(ref("p1")) not in msgspec.json.encode(certificate).decode()
    assert sorted(each["holder"] for each in answers) == ["intake", "review"]
    published = await select(
        trio.pair.retention, "SELECT key FROM log WHERE topic = $1 AND key = $2", CERTIFICATES, str(order)
    )
    assert len(published) == 1
    [state] = await select(
        trio.pair.retention,
        "SELECT lifecycle FROM schedule JOIN record USING (record_key) WHERE record_uid = $1",
        uid(),
    )
    assert state[0] == "current"


async def test_a_later_state_is_a_new_fact_whichever_comes_first(trio):
    await trio.ordered()
    await trio.carry_out()
    await trio.send(burglary(SHARED, 2, links=BOTH))  # Retention told them up to 1; intake has not heard it yet.
    await trio.pair.to_intake(times=2)
    await trio.to_review(DISPOSALS, times=2)
    assert await linked(trio) == await cards(trio) == {ref("p1"), ref("p2")}
    assert await listed(trio) == {uid(SHARED), uid(OWN)}


async def test_a_withdrawal_in_between_names_nobody(trio):
    await trio.ordered()
    await trio.carry_out()
    await trio.send(withdrawn(SHARED, 2))
    await trio.pair.to_intake(times=2)
    await trio.to_review(DISPOSALS)
    assert await linked(trio) == {ref("p2")}
    assert len(await asked(trio)) == 1


async def test_an_older_state_that_comes_late_brings_nobody_back(trio):
    await trio.unlinked(sequence=3)
    await trio.send(burglary(SHARED, 2, links=BOTH))
    assert await linked(trio) == await cards(trio) == {ref("p2")}
    assert await listed(trio) == {uid(OWN)}


async def test_who_went_stays_unfound_when_the_record_goes_too(trio):
    await trio.unlinked()
    await trio.send(burglary(SHARED, 4, links=BOTH[1:]))
    async with transaction(trio.pair.retention) as connection:
        raw = await driver(connection)
        key = await raw.fetchval("SELECT record_key FROM record WHERE record_uid = $1", uid(SHARED))
        await raw.execute("UPDATE record SET executed_by = $2 WHERE record_key = $1", key, uid("any"))
        await marks.mark_with_persons(connection, [key], [])
    await settle_all(trio.pair.retention, pack=PACK)
    assert await listed(trio) == {uid(OWN)}


async def test_what_upstream_is_asked_for_is_listed_until_it_is_sent(trio):
    order = await trio.unlinked(times=2)
    [request] = await told(trio.review, CORRECTIONS, CorrectionRequested)
    assert (request.correction_id, request.record_id, request.nominals) == (order, uid(SHARED), (ref("p1"),))
    assert (request.what, request.after) == (("links",), 1)
    assert await asked(trio) == [(uid(SHARED), [ref("p1")])]
    await trio.send(withdrawn(SHARED, 2))
    assert len(await asked(trio)) == 1, "a withdrawal names nobody, and is no state"
    await trio.send(burglary(SHARED, 3, links=BOTH))
    assert len(await asked(trio)) == 1
    assert await linked(trio) == await cards(trio) == {ref("p1"), ref("p2")}
    await trio.send(burglary(SHARED, 4, links=BOTH[1:]))
    assert await asked(trio) == []


async def test_of_a_record_that_is_gone_upstream_is_asked_nothing_though_it_is_told_again(trio):
    order = await trio.unlinked()
    [ended] = await told(trio.pair.retention, DISPOSALS, LinkEnded)
    gone = DisposalExecuted(uid("the record's own"), uid(SHARED), None, 1, NOW, ENDS)
    entries = [
        Entry(DISPOSALS, str(uid(SHARED)), each.type, uid(SHARED), version, encode(each))
        for version, each in enumerate((gone, ended), 2)
    ]
    for entry in entries:
        async with transaction(trio.pair.retention) as connection:
            await put(connection, [entry], NOW)
        await trio.to_review(DISPOSALS)
    assert await asked(trio) == []
    assert len(await told(trio.review, CORRECTIONS, CorrectionRequested)) == 1
    said = await told(trio.review, CONFIRMATIONS, DisposalConfirmed)
    answers = [each.answer for each in said if each.disposal_id == order]
    assert answers == ["unlinked", "unlinked"]  # Who never heard of it before must answer too.


async def test_upstream_is_not_asked_for_what_it_has_sent(trio):
    await trio.ordered()
    await trio.carry_out()
    await trio.send(burglary(SHARED, 2, links=BOTH[1:]))
    await trio.to_review(DISPOSALS)
    assert await told(trio.review, CORRECTIONS, CorrectionRequested) == await asked(trio) == []


async def test_whom_a_correction_is_about_never_sees_it(trio):
    await trio.send(nominal("p1", staff_id=OFFICER))
    await trio.unlinked()
    assert await asked(trio) == []
    async with transaction(trio.review_api) as connection:
        assert len(await unanswered(connection, "D-RO1", 0, 9)) == 1


async def test_an_answer_of_another_kind_ends_nothing(trio):
    await trio.ordered()
    [order] = await trio.carry_out()
    said = DisposalConfirmed(order, uid(SHARED), "intake", "erased", 1, NOW)
    signed = msgspec.structs.replace(said, signature=KEYS.ledger.sign(said.signed()).hex())
    async with transaction(trio.pair.retention) as connection:
        await certificates.confirm(connection, KEYS, HOLDERS, PACK, signed, NOW)
        assert (await read_certificate(connection, order))[0] is None


async def test_corrections_are_listed_page_by_page_over_http(trio, tmp_path):
    await trio.unlinked()
    keys.make(tmp_path)
    settings = Settings(jwks_file=tmp_path / "jwks.json", policy=POLICY, keys=tmp_path)
    sealing = read_keys(tmp_path, "review")
    app = make_app(trio.review_api, edge_of("review", settings, sealing, PACK), sealing)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://review") as client:
        asked = {who: {"Authorization": f"Bearer {issuer.token(who, tmp_path)}"} for who in (OFFICER, "D-DS1")}
        answer = await client.get("/v1/corrections", headers=asked[OFFICER], params={"limit": 1})
        assert (await client.get("/v1/corrections", headers=asked["D-DS1"])).status_code == 403
    [correction] = answer.json()["corrections"]
    assert (answer.status_code, "next" in answer.links) == (200, False)
    assert (correction["record_id"], correction["nominals"]) == (str(uid(SHARED)), [str(ref("p1"))])
    assert (correction["what"], correction["after"]) == (["links"], 1)
