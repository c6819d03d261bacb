"""What a new contract takes away from those who rely on the released one; what it adds is nobody's trouble."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_LEAST = ("minimum", "minLength", "minItems", "exclusiveMinimum")
_MOST = ("maximum", "maxLength", "maxItems", "exclusiveMaximum")
_METHODS = ("get", "put", "post", "delete", "patch")


class _Pair:
    """The same schema in both documents; `sent` says that others send it, else they read it."""

    def __init__(self, old: Json, new: Json, *, sent: bool) -> None:
        self.old, self.new, self.sent = old, new, sent
        self._seen: set[tuple[str, str]] = set()

    def compare(self, old: Json, new: Json, at: str) -> Iterator[str]:
        """Say what has become narrower for who sends, or wider for who reads."""
        key = (old.get("$ref", ""), new.get("$ref", ""))
        if all(key) and key in self._seen:
            return
        self._seen.add(key)
        old, new = _found(self.old, old), _found(self.new, new)
        ours, theirs = _branches(self.old, old), _branches(self.new, new)
        if gone := ours.keys() - theirs.keys() if self.sent else theirs.keys() - ours.keys():
            told = "is not taken any more" if self.sent else "may stand there now"
            yield f"{at}: {', '.join(sorted(gone))} {told}"
        for name in sorted(ours.keys() & theirs.keys()):
            yield from self._alike(ours[name], theirs[name], at)

    def _alike(self, old: Json, new: Json, at: str) -> Iterator[str]:
        if gone := _lost(old, new, "enum"):
            yield f"{at}: {', '.join(gone)} {'is not taken any more' if self.sent else 'does not stand there any more'}"
        if self.sent:
            yield from _narrower(old, new, at)
        told, now = old.get("properties", {}), new.get("properties", {})
        yield from (f"{at}/{name}: the field is gone" for name in told if name not in now)
        wanted, given = set(old.get("required", ())), set(new.get("required", ()))
        late = sorted(given - wanted if self.sent else wanted & told.keys() - given)
        yield from (f"{at}/{name}: {'is required now' if self.sent else 'may be missing now'}" for name in late)
        for name in told.keys() & now.keys():
            yield from self.compare(told[name], now[name], f"{at}/{name}")
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from self.compare(old["items"], new["items"], f"{at}/*")


def _narrower(old: Json, new: Json, at: str) -> Iterator[str]:
    if "enum" in new and "enum" not in old:
        yield f"{at}: only some values are taken now"
    for name in ("pattern", "format"):
        if name in new and new[name] != old.get(name):
            yield f"{at}: the {name} has changed"
    for names, sign in ((_LEAST, 1), (_MOST, -1)):
        for name in names:
            if name in new and (name not in old or sign * new[name] > sign * old[name]):
                yield f"{at}: {name} is narrower"
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield f"{at}: unknown fields are refused now"


def _lost(old: Json, new: Json, field: str) -> list[str]:
    """Give what a list had that it has no more; a list that is gone altogether forbids nothing."""
    return [str(each) for each in old.get(field, ()) if field in new and each not in new[field]]


def _found(document: Json, schema: Json) -> Json:
    while "$ref" in schema:
        node: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        schema = node
    return schema


def _branches(document: Json, schema: Json) -> dict[str, Json]:
    """Give the alternatives of a schema, each under what tells it from the others."""
    listed = schema.get("anyOf") or schema.get("oneOf") or [schema]
    found: dict[str, Json] = {}
    for each in listed:
        whole = _found(document, each)
        name = each.get("$ref", "").rpartition("/")[2] if len(listed) > 1 else ""
        found[name or str(whole.get("const", whole.get("type", "anything")))] = whole
    return found


def of_asyncapi(old: Json, new: Json) -> Iterator[str]:
    """Say which topics, events and fields are gone or changed."""
    pairs = {sent: _Pair(old, new, sent=sent) for sent in (True, False)}
    for name, was in old["channels"].items():
        now = new["channels"].get(name)
        if now is None:
            yield f"{name}: the topic is gone"
            continue
        yield from (f"{name}: {reader} may not read it any more" for reader in _lost(was, now, "x-read-by"))
        yield from (f"{name}: {writer} may not write to it any more" for writer in _lost(was, now, "x-written-by"))
        sent = was["tags"][0]["name"] == "inbound"
        for message, ref in was["messages"].items():
            if message not in now["messages"]:
                yield f"{name}: {message} is not on it any more"
            else:
                mine, theirs = _found(old, ref), _found(new, now["messages"][message])
                yield from pairs[sent].compare(mine["payload"], theirs["payload"], mine["name"])


def of_openapi(old: Json, new: Json) -> Iterator[str]:
    """Say which routes, roles, parameters, answers and fields are gone or changed."""
    sent, read = _Pair(old, new, sent=True), _Pair(old, new, sent=False)
    for path, item in old["paths"].items():
        for method in (method for method in _METHODS if method in item):
            at = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{at}: the route is gone"
                continue
            yield from (f"{at}: {role} may not enter any more" for role in _lost(item[method], now, "x-roles"))
            yield from _parameters(item[method], now, at, sent)
            yield from _bodies(item[method].get("requestBody", {}), now.get("requestBody", {}), at, sent)
            yield from _answers(item[method]["responses"], now["responses"], at, read)


def _parameters(old: Json, new: Json, at: str, sent: _Pair) -> Iterator[str]:
    was, now = ({(each["in"], each["name"]): each for each in item.get("parameters", ())} for item in (old, new))
    for key in was.keys() - now.keys():
        yield f"{at}: the parameter {key[1]} is gone"
    for key, each in now.items():
        if each.get("required") and not was.get(key, {}).get("required"):
            yield f"{at}: the parameter {key[1]} is required now"
        if key in was:
            yield from sent.compare(was[key]["schema"], each["schema"], f"{at} {key[1]}")


def _bodies(old: Json, new: Json, at: str, sent: _Pair) -> Iterator[str]:
    if new.get("required") and not old.get("required"):
        yield f"{at}: a body is required now"
    for media, told in old.get("content", {}).items():
        if media not in new.get("content", {}):
            yield f"{at}: {media} is not taken any more"
        else:
            yield from sent.compare(told["schema"], new["content"][media]["schema"], f"{at} body")


def _answers(old: Json, new: Json, at: str, read: _Pair) -> Iterator[str]:
    for status, told in old.items():
        if status >= "300":
            continue
        if status not in new:
            yield f"{at}: no answer {status} any more"
            continue
        for media, was in told.get("content", {}).items():
            now = new[status].get("content", {}).get(media)
            if now is None:
                yield f"{at}: no answer as {media} any more"
            elif "schema" in was:
                yield from read.compare(was["schema"], now["schema"], f"{at} {status}")


def of_vectors(old: Json, new: Json) -> Iterator[str]:
    """Say which ids are made otherwise now: nobody's stored id would be found again."""
    now = {(each["of"], str(each["parts"])): each["value"] for each in new["vectors"]}
    for each in old["vectors"]:
        if now.get((each["of"], str(each["parts"]))) != each["value"]:
            yield f"{each['of']} of {each['parts']} is not {each['value']} any more"
