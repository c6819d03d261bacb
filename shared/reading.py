"""Batches of our own topics as events; what cannot be read is set aside, not stumbled over."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from aiokafka import ConsumerRecord

from shared.batches import Batch
from shared.dead_letters import Letter
from shared.events import Event

E = TypeVar("E", bound=Event)
_decoders: dict[type[Event], msgspec.json.Decoder[Event]] = {}


def header(headers: Sequence[tuple[str, bytes]], name: str) -> str:
    """Give a Kafka header as text; empty where there is none."""
    return next((value.decode("utf-8", "replace") for key, value in headers if key == name and value), "")


def read_events(batch: Batch, models: Mapping[str, type[E]]) -> tuple[list[E], list[Letter]]:
    """Part a batch into events of the types asked for and dead letters; other types of the topic are passed over."""
    found, letters = read_messages(batch, models)
    return [event for _, event in found], letters


def read_messages(batch: Batch, models: Mapping[str, type[E]]) -> tuple[list[tuple[ConsumerRecord, E]], list[Letter]]:
    """Part a batch likewise, each event with the message that it came in: that one is set aside if it must be."""
    found: list[tuple[ConsumerRecord, E]] = []
    letters: list[Letter] = []
    for record in batch.records:
        model = models.get(header(record.headers, "ce_type"))
        if batch.poison:
            letters.append(Letter(record, "defect"))
        elif record.value is None or not header(record.headers, "ce_type"):
            letters.append(Letter(record, "not_an_event"))
        elif model is not None:
            try:
                found.append((record, _decoder(model).decode(record.value)))  # type: ignore[arg-type]
            except (msgspec.ValidationError, msgspec.DecodeError, RecursionError):
                letters.append(Letter(record, "not_its_type"))
    return found, letters


def _decoder(model: type[Event]) -> msgspec.json.Decoder[Event]:
    if model not in _decoders:
        _decoders[model] = msgspec.json.Decoder(model)
    return _decoders[model]
