"""Let each of Kafka's users do what `shared.topics` declares, and nothing else.

`python -m tools.acls apply|check`, as the administrator: TENURE_KAFKA, TENURE_KAFKA_USER, TENURE_KAFKA_PASSWORD.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, NoError

from shared.brokers import MECHANISM
from shared.consumer import group_of
from shared.topics import FAMILIES, SERVICES, TOPICS
from tools.topics import BrokerMissing, Say, admin, bootstrap_servers, once_shown

ADMINISTRATOR = "admin"  # The broker itself and the migrate job; `super.users` in deploy/kafka/server.properties.
VERIFIER = "verify"
OUTSIDE = sorted({user for topic in TOPICS for user in (*topic.written_by, *topic.read_by)} - set(SERVICES))
USERS = (*SERVICES, *OUTSIDE, VERIFIER)

ANYTHING = ACLFilter(
    None,
    None,
    ACLOperation.ANY,
    ACLPermissionType.ANY,
    ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
_NAMES = {
    ResourceType.TOPIC: "topic",
    ResourceType.GROUP: "group",
    ResourceType.TRANSACTIONAL_ID: "transactional id",
    ResourceType.CLUSTER: "cluster",
}


def declared() -> set[ACL]:
    """Give every rule there should be; who may read or write a topic may also ask what it looks like."""
    rules = set(_of_verifier())
    for topic in TOPICS:
        rules |= {_rule(user, ACLOperation.WRITE, ResourceType.TOPIC, topic.name) for user in topic.written_by}
        rules |= {_rule(user, ACLOperation.READ, ResourceType.TOPIC, topic.name) for user in topic.read_by}
    for service in SERVICES:
        rules.add(_rule(service, ACLOperation.READ, ResourceType.GROUP, group_of(service), prefix=True))
        rules.add(_rule(service, ACLOperation.WRITE, ResourceType.TRANSACTIONAL_ID, f"{service}-", prefix=True))
    # A back-load waits until what it brings is dated: intake looks how far retention is.
    rules.add(_rule("intake", ACLOperation.DESCRIBE, ResourceType.GROUP, group_of("retention")))
    for user in OUTSIDE:  # Who only writes joins no group, and is not let into one.
        if any(user in topic.read_by for topic in TOPICS):
            rules.add(_rule(user, ACLOperation.READ, ResourceType.GROUP, f"{user}-", prefix=True))
    return rules


def _of_verifier() -> Iterator[ACL]:
    """Let the verifier read all of our topics, declared or not, and their settings: it says what has drifted."""
    for family in FAMILIES:
        for operation in (ACLOperation.READ, ACLOperation.DESCRIBE_CONFIGS):
            yield _rule(VERIFIER, operation, ResourceType.TOPIC, f"{family}.", prefix=True)
    yield _rule(VERIFIER, ACLOperation.READ, ResourceType.GROUP, "tenure-verify")


def _rule(user: str, operation: ACLOperation, kind: ResourceType, name: str, *, prefix: bool = False) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if prefix else ACLResourcePatternType.LITERAL
    return ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name, pattern))


def apply(bootstrap: str, passwords: Mapping[str, str] | None = None, say: Say = print) -> list[str]:
    """Give users their passwords, add the rules that are missing and take away the others; returns what is still wrong.

    A rule about a user that nobody declared is named and left: it gives our users nothing.
    """
    with admin(bootstrap) as client:
        if passwords:
            _give_passwords(client, passwords)
            say(f"{len(passwords)} users have their passwords")
        missing, surplus = _differing(client)
        if missing:
            _refuse_failures(client.create_acls(sorted(missing, key=sentence))["failed"])
        if surplus:
            _take_away(client, surplus)
        for rule in sorted(missing, key=sentence):
            say(f"added: {sentence(rule)}")
        for rule in sorted(surplus, key=sentence):
            say(f"took away: {sentence(rule)}")
        for rule in _strays(client):
            say(f"left alone: {sentence(rule)}")
        return once_shown(lambda: _drift(client))


def check(bootstrap: str) -> list[str]:
    """Say, in a sentence each, where the broker's rules differ from the declaration."""
    with admin(bootstrap) as client:
        return _drift(client) + [f"{sentence(rule)}: that user is not declared." for rule in _strays(client)]


def sentence(rule: ACL) -> str:
    """Say a rule in words."""
    resource = rule.resource_pattern
    prefix = "*" if resource.pattern_type is ACLResourcePatternType.PREFIXED else ""
    verb = "may" if rule.permission_type is ACLPermissionType.ALLOW else "may not"
    what = rule.operation.name.lower().replace("_", " ")
    host = "" if rule.host == "*" else f" from {rule.host}"
    name = _NAMES.get(resource.resource_type, resource.resource_type.name.lower())
    return f"{rule.principal} {verb} {what} {name} {resource.resource_name}{prefix}{host}"


def _there(client: KafkaAdminClient) -> set[ACL]:
    found, error = client.describe_acls(ANYTHING)
    if error is not NoError:
        raise error
    return set(found)


def _differing(client: KafkaAdminClient) -> tuple[set[ACL], set[ACL]]:
    """Find what is missing, and what our users have beyond the declaration."""
    wanted, there = declared(), _there(client)
    return wanted - there, {rule for rule in there - wanted if _is_ours(rule)}


def _is_ours(rule: ACL) -> bool:
    """Say whether a rule is about a user of ours, or about everybody and so about them too."""
    return rule.principal in {f"User:{user}" for user in (*USERS, "*")}


def _strays(client: KafkaAdminClient) -> list[ACL]:
    return sorted((rule for rule in _there(client) if not _is_ours(rule)), key=sentence)


def _drift(client: KafkaAdminClient) -> list[str]:
    missing, surplus = _differing(client)
    return [f"{line} is declared and not there." for line in sorted(map(sentence, missing))] + [
        f"{line} is there and not declared." for line in sorted(map(sentence, surplus))
    ]


def _take_away(client: KafkaAdminClient, rules: Iterable[ACL]) -> None:
    filters = [
        ACLFilter(each.principal, each.host, each.operation, each.permission_type, each.resource_pattern)
        for each in rules
    ]
    for _, _, error in client.delete_acls(filters):
        if error is not NoError:
            raise error


def _refuse_failures(failed: Iterable[type[KafkaError]]) -> None:
    for error in failed:
        raise error("a rule was not taken")


def _give_passwords(client: KafkaAdminClient, passwords: Mapping[str, str]) -> None:
    mechanism = ScramMechanism[MECHANISM.replace("-", "_")]
    wanted = [UserScramCredentialUpsertion(user, mechanism, password) for user, password in passwords.items()]
    for user, error in client.alter_user_scram_credentials(wanted).items():
        if error is not None:
            raise BrokerMissing(f"Kafka did not take the password of {user}: {error}.")


def main(arguments: list[str] | None = None) -> int:
    """Run `python -m tools.acls apply|check`; exit status 0: as declared, 1: drift or no broker."""
    parser = argparse.ArgumentParser(prog="python -m tools.acls", description=__doc__)
    parser.add_argument("verb", choices=("apply", "check"))
    parser.add_argument("--kafka", default=None, metavar="HOST:PORT", help="the broker, instead of TENURE_KAFKA's")
    given = parser.parse_args(arguments)
    bootstrap = given.kafka or bootstrap_servers()
    try:
        drift = apply(bootstrap) if given.verb == "apply" else check(bootstrap)
    except BrokerMissing as error:
        print(error, file=sys.stderr)
        return 1
    for line in drift:
        print(f"drift: {line}")
    if not drift:
        print(f"{len(declared())} rules are as declared.")
    return 1 if drift else 0


if __name__ == "__main__":
    sys.exit(main())
