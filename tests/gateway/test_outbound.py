"""Pages fetched and posts sent over real sockets, from servers that behave and servers that do not."""

import asyncio
import gzip
from collections.abc import Sequence
from typing import Any

import pytest
from tests.gateway.receivers import Receiver, Request, hang, receiving, reply, replying

from lorekeep_chassis import errors
from lorekeep_gateway.outbound.addresses import Allowed
from lorekeep_gateway.outbound.fetching import Outbound, StatusUrl


class Names:
    """A resolver that gives its answers in turn, the last for ever, and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def plainly(host: str, port: int) -> Sequence[str]:
    return [host]


def outbound(allowed: str = "127.0.0.1", resolve: Any = plainly) -> Outbound:
    return Outbound(Allowed.of_text(allowed), resolve)


async def fetched(url: str, of: Outbound | None = None, *, most_bytes: int = 1000, seconds: float = 20) -> Any:
    """The page and its bytes."""
    async with (of or outbound()).fetched(url, most_bytes=most_bytes, deadline_seconds=seconds) as page:
        return page, b"".join([each async for each in page])


async def refused(url: str, of: Outbound | None = None, **asked: Any) -> errors.LorekeepError:
    with pytest.raises(errors.LorekeepError) as caught:
        await fetched(url, of, **asked)
    assert caught.value.field == "url"
    return caught.value


async def test_a_page_is_told_with_its_type_and_name() -> None:
    answer = replying(
        200,
        "<p>ü</p>".encode(),
        Content_Type='Text/HTML; charset="UTF-8"',
        Content_Disposition="attachment; filename=\"../a b.html\"; filename*=UTF-8''..%2F%C3%BC.html",
    )
    async with receiving(answer) as receiver:
        page, content = await fetched(receiver.url("/a b?q=1#part"))
    assert (page.status, page.media_type, page.charset, page.filename) == (200, "text/html", "utf-8", "ü.html")
    assert (page.url, content.decode()) == (receiver.url("/a%20b?q=1"), "<p>ü</p>")
    (request,) = receiver.requests
    assert request.line == "GET /a%20b?q=1 HTTP/1.1"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["user-agent"].startswith("lorekeep/")


@pytest.mark.parametrize(
    "disposition",
    [
        "attachment; filename*=undefined''a.html",
        "attachment; filename*=idna''a.html",
        f"attachment; filename*{'9' * 5000}*=utf-8''a.html",
    ],
)
async def test_a_name_that_cannot_be_read_is_none(disposition: str) -> None:
    async with receiving(replying(200, b"x", Content_Disposition=disposition)) as receiver:
        page, content = await fetched(receiver.url("/"))
    assert (page.filename, content) == ("", b"x")


async def test_no_more_of_a_header_is_read_than_anybody_needs() -> None:
    late = f'attachment; x="{";" * 3000}"; filename=late.html'
    async with receiving(replying(200, b"x", Content_Disposition=late)) as receiver:
        page, _ = await fetched(receiver.url("/"))
    assert page.filename == ""


async def test_the_real_resolver_is_asked_and_its_answer_judged() -> None:
    class Listed:
        outbound_allowed = "localhost"

    async with receiving(replying(200, b"x")) as receiver, Outbound.opened(Listed()) as of:  # type: ignore[arg-type]
        assert (await fetched(receiver.url(name="localhost"), of))[1] == b"x"
        for host in ("127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
            error = await refused(receiver.url(name=host), of)
            assert (error.reason, error.http_status) == ("url_refused", 422), host
            assert "127" not in error.message
        assert (await refused("http://no-such-host.invalid/", of)).reason == "url_unreachable"
    assert receiver.connections == 1


async def test_a_name_is_resolved_once_and_reached_where_it_was_judged() -> None:
    names = Names(["127.0.0.2"], ["127.0.0.1"])
    async with (
        receiving(replying(200, b"right"), "127.0.0.2") as right,
        receiving(replying(200, b"inner"), "127.0.0.1", right.port) as inner,
    ):
        url = right.url(name="rebinding.example")
        _, content = await fetched(url, outbound("127.0.0.2", names))
        assert (content, names.asked, inner.connections) == (b"right", ["rebinding.example"], 0)
        assert right.requests[0].headers["host"] == f"rebinding.example:{right.port}"
        assert (await refused(url, outbound("127.0.0.2", names))).reason == "url_refused"
        assert inner.connections == 0


async def test_one_inner_address_among_others_refuses_the_name() -> None:
    async with receiving(replying()) as receiver:
        names = Names(["127.0.0.1", "10.0.0.1"])
        assert (await refused(receiver.url(name="mixed.example"), outbound(resolve=names))).reason == "url_refused"
    assert receiver.connections == 0


async def test_an_address_that_is_away_gives_way_to_the_next() -> None:
    async with receiving(replying(200, b"second")) as receiver:
        names = Names(["127.0.0.3", "127.0.0.1"])
        assert (await fetched(receiver.url(name="two.example"), outbound("127.0.0.0/8", names)))[1] == b"second"
        assert (await refused("http://127.0.0.1:1025/")).reason == "url_unreachable"


async def test_each_redirect_is_judged_anew() -> None:
    async with (
        receiving(replying(200, b"inner")) as inner,
        receiving(replying(302, Location=inner.url("/secret")), "127.0.0.2") as outer,
    ):
        error = await refused(outer.url(), outbound("127.0.0.2"))
        assert (error.reason, inner.connections) == ("url_refused", 0)
        assert (await fetched(outer.url(), outbound("127.0.0.0/8")))[0].url == inner.url("/secret")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://a:b@127.0.0.1/", "http://127.0.0.1:22/", "//[", ""])
async def test_a_redirect_to_what_is_no_page_is_refused(location: str) -> None:
    async with receiving(replying(301, Location=location)) as receiver:
        assert (await refused(receiver.url())).reason in ("url_invalid", "url_unreachable")
    assert receiver.connections <= 6


async def test_redirects_are_followed_five_times_and_carry_nothing_along() -> None:
    async def lead(request: Request, writer: asyncio.StreamWriter) -> None:
        number = int(request.line.split()[1].strip("/"))
        if number < 5:
            await reply(writer, 307, Location=f"{number + 1}", Set_Cookie="session=1; Path=/")
        else:
            await reply(writer, 200, b"end")

    async with receiving(lead) as receiver:
        assert (await fetched(receiver.url("/0")))[1] == b"end"
        assert len(receiver.requests) == 6
        assert not any("cookie" in each.headers for each in receiver.requests)
    async with receiving(replying(302, Location="/again")) as endless:
        assert (await refused(endless.url())).reason == "url_unreachable"
    assert endless.connections == 6


async def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(replying(200, b"proxied")) as proxy, receiving(replying(200, b"straight")) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        assert (await fetched(receiver.url()))[1] == b"straight"
    assert proxy.connections == 0


@pytest.mark.parametrize("status", [199 + 5, 304, 400, 404, 503])
async def test_other_statuses_are_told(status: int) -> None:
    async with receiving(replying(status, Retry_After="7")) as receiver:
        if status == 204:
            assert (await fetched(receiver.url()))[0].status == 204
            return
        error = await refused(receiver.url())
    assert isinstance(error, StatusUrl)
    assert (error.status, error.reason, error.retry_after_seconds) == (status, "url_status", 7.0)
    assert str(status) in error.message


async def test_a_server_that_hangs_or_drips_meets_the_deadline() -> None:
    async def drip(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    for answer in (hang, drip):
        async with receiving(answer) as receiver:
            assert (await refused(receiver.url(), most_bytes=100000, seconds=0.3)).reason == "url_timeout"

    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3600)
        return []

    assert (await refused("http://slow.example/", outbound(resolve=never), seconds=0.1)).reason == "url_timeout"


async def test_a_body_is_bounded_told_or_not() -> None:
    async def endless(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10000)
            await writer.drain()

    for answer in (replying(200, b"x" * 1001), endless):
        async with receiving(answer) as receiver:
            error = await refused(receiver.url())
            assert (error.reason, error.http_status) == ("url_too_large", 413)
    async with receiving(replying(200, b"x" * 1000)) as receiver:
        assert len((await fetched(receiver.url()))[1]) == 1000


async def test_a_bomb_is_bounded_by_what_it_unpacks_to() -> None:
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)) + bytes(30_000_000))
    async with receiving(replying(200, bomb, Content_Encoding="gzip")) as receiver:
        read = 0
        with pytest.raises(errors.TooLarge):
            async with outbound().fetched(receiver.url(), most_bytes=200_000, deadline_seconds=20) as page:
                async for piece in page:
                    read += len(piece)
        assert 0 < read <= 200_000
    empty = gzip.compress(b"") * 1000
    async with receiving(replying(200, empty, Content_Encoding="gzip")) as receiver:
        assert (await refused(receiver.url())).reason == "url_too_large"


async def test_a_packed_page_is_unpacked() -> None:
    packed = gzip.compress(b"first ") + gzip.compress(b"second")
    async with receiving(replying(200, packed, Content_Encoding="gzip")) as receiver:
        assert (await fetched(receiver.url()))[1] == b"first second"
    for broken in (packed[:-3], b"no gzip", b"\x1f\x8b" + b"x" * 50):
        async with receiving(replying(200, broken, Content_Encoding="gzip")) as receiver:
            assert (await refused(receiver.url())).reason == "url_unreachable"
    async with receiving(replying(200, b"x", Content_Encoding="br")) as receiver:
        assert (await refused(receiver.url())).reason == "url_unreachable"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    ],
)
async def test_what_is_no_http_is_unreachable(raw: bytes) -> None:
    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    async with receiving(answer) as receiver:
        assert (await refused(receiver.url())).reason == "url_unreachable"


async def test_tls_is_spoken_with_the_name_and_not_with_the_address() -> None:
    hello = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.set_result(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"https://pages.example:{server.sockets[0].getsockname()[1]}/"
    assert (await refused(url, outbound(resolve=Names(["127.0.0.1"])))).reason == "url_unreachable"
    assert b"pages.example" in await hello
    server.close()


async def test_a_handshake_that_hangs_leaves_no_connection_open() -> None:
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        ended.set()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    assert (await refused(url, seconds=0.2)).reason == "url_timeout"
    await asyncio.wait_for(ended.wait(), 20)
    server.close()


async def test_a_post_gives_the_status_alone() -> None:
    async def endless(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 10000)
            await writer.drain()

    async with receiving(endless) as receiver:
        assert (await outbound().post(receiver.url(), b"body", {"X-Told": "1"}, 20)).status == 200
        assert (receiver.requests[0].body, receiver.requests[0].headers["x-told"]) == (b"body", "1")
    async with receiving(replying()) as other, receiving(replying(302, Location=other.url())) as receiver:
        assert (await outbound().post(receiver.url(), b"", {}, 20)).status == 302
    assert other.connections == 0


@pytest.mark.parametrize(
    ("given", "seconds"), [("120", 120.0), ("-1", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)]
)
async def test_a_host_may_say_when_to_come_back(given: str, seconds: float | None) -> None:
    async with receiving(replying(503, Retry_After=given)) as receiver:
        assert (await outbound().post(receiver.url(), b"", {}, 20)).retry_after_seconds == seconds


async def test_a_page_that_is_left_early_is_closed() -> None:
    closed = asyncio.Event()

    async def endless(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 10000)
                await writer.drain()
        finally:
            closed.set()

    receiver: Receiver
    async with receiving(endless) as receiver:
        async with outbound().fetched(receiver.url(), most_bytes=10**9, deadline_seconds=20) as page:
            async for _ in page:
                break
        await asyncio.wait_for(closed.wait(), 20)
