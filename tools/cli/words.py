"""Answers a word that is not known with the nearest one that is, in one sentence."""

import argparse
import difflib
from collections.abc import Iterable
from typing import Any, NoReturn


def unknown(kind: str, word: str, known: Iterable[str]) -> str:
    """Say that there is no such thing, which is nearest, and what there is."""
    names = [str(each) for each in known]
    near = difflib.get_close_matches(word, names, n=1)
    meant = f"did you mean {near[0]}? There are" if near else "there are"
    return f"There is no {kind} {word!r}; {meant} {', '.join(names)}."


class Parser(argparse.ArgumentParser):
    """An argument parser that answers a slip with one sentence, and with the nearest word where there is one."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse what is not among the choices; the nearest is named."""
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(None, unknown(action.dest.removesuffix("s"), str(value), action.choices))

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; an option that is not there is refused with the nearest."""
        parsed, left = self.parse_known_args(args, namespace)
        if left:
            self.error(unknown("argument", left[0].partition("=")[0], _options(self)))
        return parsed

    def error(self, message: str) -> NoReturn:
        """End with one sentence and where more is said."""
        said = message if message.endswith(".") else f"{message}."
        self.exit(2, f"tenure: {said} `{self.prog} --help` says more.\n")


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """List a parser's options, those of its verbs too."""
    found = [each for each in parser._option_string_actions if each.startswith("--")]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [option for each in action.choices.values() for option in _options(each)]
    return list(dict.fromkeys(found))
