"""What may have ended a process before is read with care: each try is written down, and each record tried alone."""

import asyncio
import logging
from typing import Protocol

from aiokafka import TopicPartition

from shared import positions
from shared.apart import Verdict, program_of, try_apart
from shared.batches import Source, Span
from shared.consumer import Where
from shared.db import transaction
from shared.positions import Place

log = logging.getLogger(__name__)

# Which try is left to a process of its own: a process has ended at the record among others, and once more at it alone.
# Whether by its fault nobody can tell: who is killed from outside, or by another part of itself, ends at some record.
APART_FROM = 3
APART_MAX = 2  # One may have been killed from outside as well.


class Reader(Source, Protocol):
    """What care needs of whoever reads the topics."""

    where: Where
    done: dict[TopicPartition, int]

    def place(self, tp: TopicPartition) -> Place:
        """Give where a partition's position is stored."""

    async def offer(self, tp: TopicPartition, span: Span) -> bool:
        """Have a span settled; False when it is not ours."""


class Careful:
    """Settles spans at which a process may have ended: all at once the first time, then one by one."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.one_at_a_time = asyncio.Lock()  # A crash is then counted against its own.
        self.one_suspect = asyncio.Lock()  # Each takes memory.

    async def settle(self, tp: TopicPartition, span: Span) -> bool:
        """Settle a span, its tries counted; False when it, or the rest of it, is not ours any more."""
        async with self.one_at_a_time:
            tries = await self._mark(span)
            if tries is None:
                return False
            if tries == 1 or not span.records:
                span.alone = True
                return await self._try(tp, span)
        log.error("%s: %s to %s has ended a process before: one by one.", tp, span.expects, span.next)
        for each in one_by_one(span):
            if not await self._one(tp, each, tries):
                return False
            tries = None  # Of the next it is not written down yet.
        return True

    async def _one(self, tp: TopicPartition, span: Span, tries: int | None) -> bool:
        """Settle one record, its try written down unless it is; one that is suspect is left to a process of its own."""
        async with self.one_at_a_time:
            tries = tries or await self._mark(span)
            if tries is None or tries < APART_FROM:
                return tries is not None and await self._try(tp, span)
        verdict = await self._apart(span)
        if verdict == "settled":
            log.info("%s: what is at %s was settled by a process of its own.", tp, span.expects)
            self.reader.done[tp] = span.next
        if verdict == "ended":
            log.error("%s: what is at %s ends every process that tries it: it is to be set aside.", tp, span.expects)
            span.poison = True
            return await self._try(tp, span)
        return verdict == "settled"

    async def _apart(self, span: Span) -> Verdict | None:
        """Try a record by processes of its own until one says something else than that it ended, or enough have."""
        program = program_of(self.reader.where.service)

        async def trying() -> Verdict:
            async with self.one_suspect:
                return await try_apart(program, span)

        verdict = None
        for _ in range(APART_MAX):
            verdict = await self.reader.again(trying)
            if verdict != "ended":
                break
        return verdict

    async def _try(self, tp: TopicPartition, span: Span) -> bool:
        ours = await self.reader.offer(tp, span)
        if not ours:  # And this process lives: it was not these records' fault.
            await self.reader.again(lambda: self._forgive(span))
        return ours

    async def _mark(self, span: Span) -> int | None:
        async def marking() -> int | None:
            async with transaction(self.reader.engine) as connection:
                return await positions.mark_attempt(connection, span.place, expects=span.expects, to=span.next)

        return await self.reader.again(marking)

    async def _forgive(self, span: Span) -> None:
        async with transaction(self.reader.engine) as connection:
            await positions.forgive_attempt(connection, span.place, expects=span.expects)


def one_by_one(span: Span) -> list[Span]:
    """Part a span: each record leaves off where the next begins, for between them may be holes and markers."""
    starts = [span.expects, *(record.offset for record in span.records[1:]), span.next]
    return [
        Span(span.place, [record], at, to, alone=True)
        for record, at, to in zip(span.records, starts, starts[1:], strict=False)
    ]
