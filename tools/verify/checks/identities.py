"""Who is one person: nobody whom the index did not merge, nobody whom it told apart, and each with one schedule."""

from tools.verify.estate import Estate
from tools.verify.findings import Tally

_SETTLED = "NOT EXISTS (SELECT FROM dirty d WHERE d.nominal_key IN (p.nominal_key, p.root))"
_CHECKS = {
    "nominals taken for one person whom no event merged": f"""
SELECT n.nominal_ref FROM person_schedule p JOIN nominal n USING (nominal_key)
WHERE p.root <> p.nominal_key AND {_SETTLED} AND NOT EXISTS (SELECT FROM fact f WHERE f.kind = 'merged'
    AND (f.nominal_key = p.nominal_key OR f.other_key = p.nominal_key)
    AND NOT EXISTS (SELECT FROM fact u WHERE u.nominal_key = f.nominal_key AND u.withdraws = f.event_uid))
ORDER BY 1""",
    "nominals told apart and taken for one person": f"""
SELECT f.event_uid FROM fact f JOIN person_schedule p USING (nominal_key)
    JOIN person_schedule o ON o.nominal_key = f.other_key
WHERE f.kind = 'distinguished' AND p.root = o.root AND {_SETTLED}
    AND NOT EXISTS (SELECT FROM fact u WHERE u.nominal_key = f.nominal_key AND u.withdraws = f.event_uid) ORDER BY 1""",
    "persons whose nominals have different schedules": f"""
SELECT n.nominal_ref FROM person_schedule p JOIN person_schedule o ON o.nominal_key = p.root
    JOIN nominal n ON n.nominal_key = p.nominal_key
WHERE p.root <> p.nominal_key AND {_SETTLED} AND (p.grp, p.clock_on, p.keep_until, p.review_on, p.by_age, p.birth_on,
    p.died_on, p.reviewed_on, p.problem, p.root) IS DISTINCT FROM (o.grp, o.clock_on, o.keep_until, o.review_on,
    o.by_age, o.birth_on, o.died_on, o.reviewed_on, o.problem, o.root) ORDER BY 1""",
}


def check(estate: Estate, tally: Tally) -> None:
    """Hold each merged nominal against what the index said."""
    estate.progress.at("I4 looks at who is taken for one person")
    tally.looked(estate.retention.one("SELECT count(*) FROM person_schedule WHERE root <> nominal_key"))
    for what, statement in _CHECKS.items():
        for (uid,) in estate.retention.stream(statement):
            tally.fail(what, uid)
