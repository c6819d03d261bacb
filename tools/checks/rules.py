"""The house rules over a file's syntax tree: each names the place, the rule and what to do instead."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

LINES_OF_FILE_MAX = 300
LINES_OF_FUNCTION_MAX = 40
CLOCKS = frozenset({"now", "utcnow", "today"})
RANDOM_IDS = frozenset({"uuid1", "uuid4"})
MAY_TELL_TIME = re.compile(r"(^shared/(clock|ids)\.py|/main\.py|^(tools|benchmarks|tests)/.*)$")
SERVICE_CODE = re.compile(r"^(services|shared)/")
POLICY_CODE = re.compile(r"^services/.*/?(storage|actions|schedule|agents|api|domain)\b")
SQL_CLOCK = re.compile(r"\b(now\s*\(\s*\)|current_date\b|current_timestamp\b|localtimestamp\b)", re.IGNORECASE)
SQL_WORDS = re.compile(r"\b(select|insert|update|delete)\b", re.IGNORECASE)

Found = tuple[int, str]
Rule = Callable[[str, ast.Module], Iterator[Found]]


def broken(path: Path, text: str) -> list[str]:
    """List where a file breaks a rule, as `path:line: sentence`."""
    name, tree = path.as_posix(), ast.parse(text)
    found = [place for rule in RULES for place in rule(name, tree)]
    lines = text.count("\n")
    if lines > LINES_OF_FILE_MAX and not name.startswith("tests/"):
        found.append((1, f"{lines} lines, at most {LINES_OF_FILE_MAX}: make it a folder of the same name"))
    return [f"{name}:{line}: {sentence}" for line, sentence in sorted(found)]


def only_edges_commit(name: str, tree: ast.Module) -> Iterator[Found]:
    """Find a commit inside: `shared.db.transaction`, opened at an edge, commits."""
    if SERVICE_CODE.match(name):
        for call in _calls(tree):
            if _method(call) in ("commit", "rollback") and not _is_kafka(call):
                yield call.lineno, f"only an edge ends a transaction: no .{_method(call)}( here"


def clocks_are_passed_in(name: str, tree: ast.Module) -> Iterator[Found]:
    """Find a clock or random id that is not an argument."""
    if MAY_TELL_TIME.search(name):
        return
    for call in _calls(tree):
        called = _method(call) or (call.func.id if isinstance(call.func, ast.Name) else "")
        if called in CLOCKS:
            yield call.lineno, f"{called}( outside main, shared.clock: take now or today as an argument"
        if called in RANDOM_IDS:
            yield call.lineno, f"{called}( outside main, shared.ids: derive the id, or take it as an argument"


def policy_sql_binds_today(name: str, tree: ast.Module) -> Iterator[Found]:
    """Find the database's clock in policy SQL: the rehearsal moves :today, not the server."""
    if not POLICY_CODE.search(name):
        return
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    for node in texts:
        sql = str(node.value)
        if SQL_WORDS.search(sql) and (found := SQL_CLOCK.search(sql)):
            yield node.lineno, f"{found[0]} in policy SQL: bind today or now"


def no_faust_topics(name: str, tree: ast.Module) -> Iterator[Found]:
    """Find Faust's own consumer path, which acknowledges what was never done."""
    if SERVICE_CODE.match(name):
        for call in _calls(tree):
            if _method(call) in ("topic", "take", "noack_take") and _receiver(call) in ("app", "stream", "self.app"):
                yield call.lineno, f"{_receiver(call)}.{_method(call)}( acknowledges too early: use shared.kafka"


def functions_are_short(name: str, tree: ast.Module) -> Iterator[Found]:
    """Find functions longer than the hard stop."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LINES_OF_FUNCTION_MAX:
                yield node.lineno, f"{node.name} has {length} lines, at most {LINES_OF_FUNCTION_MAX}"


def names_say_what(name: str, tree: ast.Module) -> Iterator[Found]:
    """Find file names that may hold anything."""
    for part in Path(name).with_suffix("").parts:
        if part in ("utils", "common", "helpers", "base", "misc", "logging", "types", "calendar"):
            yield 1, f"a file named {part} may hold anything, or hides a module of Python's"


RULES: tuple[Rule, ...] = (
    only_edges_commit,
    clocks_are_passed_in,
    policy_sql_binds_today,
    no_faust_topics,
    functions_are_short,
    names_say_what,
)


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _method(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _receiver(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _is_kafka(call: ast.Call) -> bool:
    # A Kafka consumer's commit is a hint here (0041), and a producer's transaction is the relay's own.
    return "consumer" in _receiver(call)
