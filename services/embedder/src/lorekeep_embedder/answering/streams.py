"""EmbedStream: messages in, answers out in their order, a few at once and never more."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.errors import LorekeepError
from lorekeep_embedder.scheduling import admission

# One is written, one computed, one tokenised: a caller who sends ahead finds no gap, and one who does not read is not
# read from either.
_MESSAGES_AT_ONCE = 3

Embed = Callable[[embedder_pb2.EmbedRequest], Coroutine[Any, Any, embedder_pb2.EmbedResponse]]
Messages = AsyncIterator[embedder_pb2.EmbedStreamRequest]
Answer = asyncio.Task[embedder_pb2.EmbedResponse]


async def answers(messages: Messages, embed: Embed) -> AsyncGenerator[embedder_pb2.EmbedStreamResponse]:
    """One answer a message. A message waits for room instead of being refused; its error ends the stream and names its
    number, counted from 0 as texts are. Whoever closes the generator cancels what is under way.
    """
    async with aclosing(_Window(messages, embed)) as window:
        number = 0
        while (answer := await window.next()) is not None:
            try:
                response = await answer
            except LorekeepError as error:
                raise _of_message(number, error) from error
            yield embedder_pb2.EmbedStreamResponse(response=response)
            window.answered(answer)
            number += 1


class _Window:
    """The messages under way, each as a task; the next is read once one of them is answered."""

    def __init__(self, messages: Messages, embed: Embed) -> None:
        self._messages = messages
        self._embed = embed
        self._room = asyncio.Semaphore(_MESSAGES_AT_ONCE)
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()
        self._under_way: set[Answer] = set()
        self._reading = asyncio.create_task(self._read())

    async def next(self) -> Answer | None:
        """The next message's answer; None after the last."""
        answer = await self._answers.get()
        if answer is None:
            await self._reading
        return answer

    def answered(self, answer: Answer) -> None:
        """Makes room for another message."""
        self._under_way.discard(answer)
        self._room.release()

    async def aclose(self) -> None:
        """Cancels what is under way, and returns once it has ended."""
        tasks = [self._reading, *self._under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        try:
            await self._room.acquire()
            async for message in self._messages:
                with admission.patient():
                    answer = asyncio.create_task(self._embed(message.request))
                self._under_way.add(answer)
                self._answers.put_nowait(answer)
                del message
                await self._room.acquire()
        finally:
            self._answers.put_nowait(None)


def _of_message(number: int, error: LorekeepError) -> LorekeepError:
    return type(error)(
        f"Message {number}: {error.message}",
        reason=error.reason,
        retry_after_seconds=error.retry_after_seconds,
        field=f"messages[{number}].{error.field}" if error.field else "",
    )
