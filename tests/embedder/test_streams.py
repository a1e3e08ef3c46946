"""The window of a stream: its order, its width, its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from lorekeep.embedder.v1 import embedder_pb2
from lorekeep_chassis.errors import InvalidInput, Overloaded
from lorekeep_embedder.answering import streams

AT_ONCE = 3


class Embedder:
    """Answers a message with its own text, once a test lets it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.read = 0
        self.go = asyncio.Event()

    async def messages(self, *texts: str, forever: bool = False) -> AsyncIterator[embedder_pb2.EmbedStreamRequest]:
        for text in texts:
            self.read += 1
            yield embedder_pb2.EmbedStreamRequest(request=embedder_pb2.EmbedRequest(texts=[text]))
        if forever:
            await asyncio.Event().wait()

    async def embed(self, request: embedder_pb2.EmbedRequest) -> embedder_pb2.EmbedResponse:
        text = request.texts[0]
        self.begun.append(text)
        try:
            await self.go.wait()
            await asyncio.sleep(0.01 if text == "slow" else 0)
            if text == "bad":
                raise InvalidInput("Text 0 is bad.", reason="bad_text", field="texts[0]")
            if text == "busy":
                raise Overloaded("Come back.", retry_after_seconds=2.5)
        finally:
            self.ended.append(text)
        return embedder_pb2.EmbedResponse(vectors=text.encode())


async def answered(embedder: Embedder, *texts: str) -> list[bytes]:
    async with aclosing(streams.answers(embedder.messages(*texts), embedder.embed)) as answers:
        return [answer.response.vectors async for answer in answers]


async def test_answers_come_in_the_order_of_messages() -> None:
    embedder = Embedder()
    embedder.go.set()
    texts = ["slow", *map(str, range(10))]
    assert await answered(embedder, *texts) == [text.encode() for text in texts]
    assert embedder.ended[0] != "slow"


async def test_no_messages_are_no_answers() -> None:
    assert await answered(Embedder()) == []


async def test_an_answer_does_not_wait_for_the_next_message() -> None:
    embedder = Embedder()
    embedder.go.set()
    async with aclosing(streams.answers(embedder.messages("one", forever=True), embedder.embed)) as answers:
        assert (await asyncio.wait_for(anext(answers), 30)).response.vectors == b"one"


async def test_a_few_messages_are_under_way_and_no_more_are_read() -> None:
    embedder = Embedder()
    async with aclosing(streams.answers(embedder.messages(*map(str, range(100))), embedder.embed)) as answers:
        first = asyncio.create_task(anext(answers))
        for _ in range(50):
            await asyncio.sleep(0)
        assert embedder.begun == ["0", "1", "2"]
        embedder.go.set()
        await first
        for _ in range(50):
            await asyncio.sleep(0)
        assert embedder.read == AT_ONCE, "an answer that is not taken makes no room"


async def test_a_caller_that_leaves_cancels_all_that_is_under_way() -> None:
    embedder = Embedder()
    task = asyncio.create_task(answered(embedder, *map(str, range(100))))
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert sorted(embedder.ended) == embedder.begun == ["0", "1", "2"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_names_its_message_and_ends_the_stream() -> None:
    embedder = Embedder()
    embedder.go.set()
    with pytest.raises(InvalidInput, match=r"^Message 2: Text 0 is bad\.$") as error:
        await answered(embedder, "one", "two", "bad", "four", "five", "six", "seven")
    assert (error.value.reason, error.value.field) == ("bad_text", "messages[2].texts[0]")
    assert "seven" not in embedder.begun
    with pytest.raises(Overloaded) as busy:
        await answered(embedder, "busy")
    assert busy.value.retry_after_seconds == 2.5


async def test_a_stream_that_breaks_says_so() -> None:
    async def broken() -> AsyncIterator[embedder_pb2.EmbedStreamRequest]:
        yield embedder_pb2.EmbedStreamRequest()
        raise ConnectionError("gone")

    async def embed(request: embedder_pb2.EmbedRequest) -> embedder_pb2.EmbedResponse:
        return embedder_pb2.EmbedResponse()

    with pytest.raises(ConnectionError):
        async for _ in streams.answers(broken(), embed):
            pass
