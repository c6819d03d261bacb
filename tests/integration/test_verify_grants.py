"""What each database role may do is declared, and one privilege too many or too few is found."""

import psycopg
import pytest

from tools.verify.grants import declared, granted
from tools.verify.tables import SERVICES, Schema

# Beyond these, every right to change or delete what is only ever added to is a mistake in the declaration itself.
APPEND_ONLY = {
    "intake": ("log", "leaf", "head", "arrival", "record_state", "access", "shredding", "dead_letter"),
    "retention": ("log", "leaf", "head", "fact", "disposal", "confirmation", "certificate", "dead_letter"),
    "review": ("log", "leaf", "head", "assessment", "decision", "approval", "erasure", "dead_letter"),
}
SETTLED_LATER = {("intake", "arrival", "UPDATE(outcome)"), ("intake", "arrival", "UPDATE(record_key)")}


@pytest.fixture
def admin(database):
    with psycopg.connect(database[0]) as connection:
        yield connection
        connection.rollback()  # Roles belong to the whole server.


def _compared(admin, service):
    admin.execute(f"SET LOCAL search_path = {service}")
    every, whole = granted(Schema(service, admin))
    return {str(each) for each in every - declared(service)}, {str(each) for each in declared(service) - whole}


@pytest.mark.parametrize("service", SERVICES)
def test_a_migrated_database_is_as_declared(admin, service):
    assert _compared(admin, service) == (set(), set()), "`python -m tools.verify.grants` prints it: declare it"


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_only_added_to_is_declared_so(service):
    wrong = {
        (service, each.what.removeprefix("table "), each.may)
        for each in declared(service)
        if each.what in {f"table {table}" for table in APPEND_ONLY[service]}
        and each.may not in ("own", "SELECT", "INSERT")
    }
    assert wrong <= SETTLED_LATER
    assert not [each for each in declared(service) if each.what == "table body_key" and "DELETE" in each.may]


@pytest.mark.parametrize(
    ("service", "statement", "beyond"),
    [
        pytest.param("retention", "GRANT DELETE ON fact TO tenure_retention_worker", "worker: DELETE on table fact"),
        pytest.param(
            "retention",
            "GRANT UPDATE (canonical) ON fact TO tenure_retention_api",
            "api: UPDATE(canonical) on table fact",
        ),
        pytest.param("intake", "GRANT UPDATE ON log_kept TO tenure_intake_api", "api: UPDATE on table log"),
        pytest.param("intake", "GRANT SELECT ON record TO PUBLIC", "PUBLIC: SELECT on table record"),
        pytest.param(
            "intake",
            "GRANT SELECT ON record TO tenure_review_api WITH GRANT OPTION",
            "tenure_review_api: SELECT and grant it on table record",
        ),
        pytest.param("review", "GRANT CREATE ON SCHEMA review TO tenure_review_api", "api: CREATE on schema"),
        pytest.param("intake", "GRANT EXECUTE ON FUNCTION shred TO PUBLIC", "PUBLIC: EXECUTE on function shred"),
        pytest.param(
            "retention", "GRANT SELECT ON SEQUENCE log_id TO tenure_verify", "verify: SELECT on sequence log_id"
        ),
        pytest.param("review", "GRANT tenure_review_owner TO tenure_review_worker", "worker: be on role owner"),
        pytest.param("review", "GRANT pg_read_all_data TO tenure_review_api", "api: be on role pg_read_all_data"),
        pytest.param("review", "GRANT tenure_review_api TO tenure_intake_api", "tenure_intake_api: be on role api"),
        pytest.param("intake", "ALTER ROLE tenure_intake_worker BYPASSRLS", "worker: BYPASSRLS on server"),
        pytest.param(
            "retention",
            "ALTER DEFAULT PRIVILEGES FOR ROLE tenure_retention_owner IN SCHEMA retention"
            " GRANT DELETE ON TABLES TO tenure_retention_worker",
            "worker: DELETE on new tables of owner",
        ),
        pytest.param(
            "retention",
            "ALTER DEFAULT PRIVILEGES FOR ROLE tenure_retention_owner GRANT INSERT ON TABLES TO tenure_verify",
            "verify: INSERT on new tables of owner",
        ),
        pytest.param("review", "GRANT SET ON PARAMETER jit TO tenure_review_api", "api: SET on setting jit"),
        pytest.param("intake", "CREATE TABLE aside (content text)", "postgres: own on table aside"),
    ],
    ids=lambda value: value if " on " in str(value) else "",
)  # fmt: skip
def test_what_is_granted_beyond_the_declared_is_found(admin, service, statement, beyond):
    admin.execute(f"SET LOCAL search_path = {service}")
    admin.execute(statement)
    assert _compared(admin, service) == ({beyond}, set())


def test_what_is_missing_or_another_s_is_found(admin):
    admin.execute("REVOKE SELECT ON intake.log FROM tenure_intake_api")
    admin.execute("ALTER TABLE intake.source OWNER TO tenure_intake_worker")
    beyond, missing = _compared(admin, "intake")
    assert "worker: own on table source" in beyond
    assert {"api: SELECT on table log", "owner: own on table source"} <= missing
