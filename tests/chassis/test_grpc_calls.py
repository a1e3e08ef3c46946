"""A call through the bootstrap: token, context, deadline, errors, spans, drain; over real sockets."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.exposition import generate_latest

from lorekeep.embedder.v1 import embedder_pb2 as pb
from lorekeep_chassis import calls, channels, client_calls, errors, tracing
from tests.chassis.echo import CONTEXT, SERVICE, TOKEN, Echo, calling, failing, serving


async def test_context_and_deadline_reach_the_handler() -> None:
    echo = Echo()
    async with serving(echo) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(5):
            answer = await stub.Embed(pb.EmbedRequest(texts=["a", "b"]), timeout=60)
    assert answer.token_count == 2
    assert echo.seen == [CONTEXT]
    assert echo.left[0] is not None
    assert 0 < echo.left[0] <= 5


async def test_a_call_without_deadline_is_a_mistake_of_the_program() -> None:
    async with serving(Echo()) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), pytest.raises(RuntimeError, match="without a deadline"):
            await stub.Embed(pb.EmbedRequest())


async def test_a_call_without_context_does_not_go_out() -> None:
    async with serving(Echo()) as server, calling(server.port) as stub:
        with calls.deadline(5), pytest.raises(LookupError):
            await stub.Embed(pb.EmbedRequest())


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "t"])
async def test_a_wrong_service_token_is_refused(token: str) -> None:
    echo = Echo()
    async with serving(echo) as server, calling(server.port, token) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(5), pytest.raises(errors.Unauthenticated) as caught:
            async with client_calls.translated():
                await stub.Embed(pb.EmbedRequest())
    assert caught.value.reason == "service_token_required"
    assert echo.seen == []


async def test_a_call_context_is_required() -> None:
    async with serving(Echo()) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        method = channel.unary_unary(
            f"/{SERVICE}/Embed", pb.EmbedRequest.SerializeToString, pb.EmbedResponse.FromString
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await method(pb.EmbedRequest(), timeout=5, metadata=(("authorization", f"Bearer {TOKEN}"),))
    assert errors.of_rpc_error(caught.value).reason == "call_context_missing"


async def test_typed_errors_cross_unary_and_streaming_calls() -> None:
    async with serving(Echo(failing())) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(5):
            with pytest.raises(errors.Overloaded) as unary:
                async with client_calls.translated():
                    await stub.Embed(pb.EmbedRequest())
            pieces = []
            with pytest.raises(errors.Overloaded) as streaming:
                async with client_calls.translated():
                    async for answer in stub.GetTokenizer(pb.GetTokenizerRequest()):
                        pieces.append(answer.data)
    assert pieces == [b"one", b"two"]
    for caught in (unary, streaming):
        assert (caught.value.message, caught.value.retry_after_seconds) == ("Full. Come back later.", 2.5)


async def test_an_unforeseen_error_shows_nothing_of_itself() -> None:
    async with serving(Echo(ValueError("host db-7 key s3cr3t"))) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(5), pytest.raises(errors.Internal) as caught:
            async with client_calls.translated():
                await stub.Embed(pb.EmbedRequest())
    assert "s3cr3t" not in str(caught.value)


async def test_a_callee_that_is_not_there_is_unavailable_and_names_no_host() -> None:
    async with calling(1) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(10), pytest.raises(errors.Unavailable) as caught:
            async with client_calls.translated():
                await stub.Embed(pb.EmbedRequest())
    assert "127.0.0.1" not in caught.value.message


async def test_a_message_over_the_bound_is_too_large_and_a_full_server_overloaded() -> None:
    async with serving(Echo()) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(10), pytest.raises(errors.TooLarge):
            async with client_calls.translated():
                await stub.Embed(pb.EmbedRequest(texts=["x" * (channels.WIRE_LIMIT_BYTES + 1)]))
    full = grpc.aio.AioRpcError(
        grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.aio.Metadata(), grpc.aio.Metadata(), "Concurrent RPC limit exceeded!"
    )
    assert isinstance(errors.of_rpc_error(full), errors.Overloaded)


@pytest.mark.parametrize(
    "data", [b"\x12\x02\xff\xfe", b"\x12\x03\xed\xa0\x80", b"\xff"], ids=["latin", "surrogate", "odd"]
)
@pytest.mark.parametrize("method", ["Embed", "GetTokenizer"])
async def test_bytes_that_are_no_message_are_invalid_and_not_an_unknown_error(method: str, data: bytes) -> None:
    async with serving(Echo()) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        kind = channel.unary_unary if method == "Embed" else channel.unary_stream
        call = kind(f"/lorekeep.embedder.v1.EmbedderService/{method}")
        metadata = (("authorization", f"Bearer {TOKEN}"), *CONTEXT.metadata())
        with pytest.raises(errors.InvalidInput) as caught:
            async with client_calls.translated():
                answer = call(data if method == "Embed" else b"\x0a" + data[1:], metadata=metadata, timeout=10)
                await answer if method == "Embed" else [each async for each in answer]
    assert caught.value.reason == "undecodable"


async def test_the_handler_of_a_caller_who_left_is_cancelled() -> None:
    echo = Echo(failing())
    async with serving(echo) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(30):
            call = stub.ListModels(pb.ListModelsRequest())
            task = asyncio.ensure_future(call)
            await asyncio.wait_for(echo.entered.wait(), 10)
            task.cancel()
            await asyncio.wait_for(echo.cancelled.wait(), 10)


async def test_a_call_is_counted_by_both_sides_however_it_ends() -> None:
    before = _counted()
    echo = Echo(failing())
    async with serving(echo) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(30):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.Embed(pb.EmbedRequest())
            task = asyncio.ensure_future(stub.ListModels(pb.ListModelsRequest()))
            await asyncio.wait_for(echo.entered.wait(), 10)
            task.cancel()
            await asyncio.wait_for(echo.cancelled.wait(), 10)
            with pytest.raises(asyncio.CancelledError):
                await task
    ended = {("Embed", "RESOURCE_EXHAUSTED"), ("ListModels", "CANCELLED")}
    assert _counted() - before == Counter((side, *each) for side in ("client", "server") for each in ended)
    assert [REGISTRY.get_sample_value("grpc_calls_in_flight", {"side": side}) for side in ("client", "server")] == [
        0,
        0,
    ]


def _counted() -> Counter[tuple[str, str, str]]:
    return Counter(
        {
            (each.labels["side"], each.labels["method"].rpartition("/")[2], each.labels["code"]): int(each.value)
            for metric in REGISTRY.collect()
            for each in metric.samples
            if each.name == "grpc_calls_total"
        }
    )


async def test_a_sampled_call_leaves_its_trace_at_the_measure(spans: InMemorySpanExporter) -> None:
    async with serving(Echo()) as server, calling(server.port) as stub:
        with tracing.tracer().start_as_current_span("root"), calls.calling_as(CONTEXT), calls.deadline(5):
            await stub.Embed(pb.EmbedRequest())
            sampled = tracing.trace_id()
    lines = generate_latest(REGISTRY).decode().splitlines()
    for side in ("client", "server"):
        assert any(f'side="{side}"' in line and f'trace_id="{sampled}"' in line for line in lines)


class Endless(Echo):
    """Streams for ever, within a time of its own."""

    async def GetTokenizer(
        self, request: pb.GetTokenizerRequest, context: object
    ) -> AsyncIterator[pb.GetTokenizerResponse]:
        try:
            async with asyncio.timeout(0.5):
                while True:
                    yield pb.GetTokenizerResponse(data=bytes(500_000))
        except TimeoutError:
            raise errors.DeadlineExceeded("The time is up.", reason="parse_timeout") from None


async def test_a_handlers_own_time_limit_is_told_while_its_caller_does_not_read() -> None:
    async with serving(Endless()) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(60), pytest.raises(errors.DeadlineExceeded) as caught:
            async with client_calls.translated():
                call = stub.GetTokenizer(pb.GetTokenizerRequest())
                await call.read()
                await asyncio.sleep(1.5)
                async for _ in call:
                    pass
    assert caught.value.reason == "parse_timeout"


async def test_one_trace_with_parents_in_order(spans: InMemorySpanExporter) -> None:
    async with serving(Echo()) as server, calling(server.port) as stub:
        with tracing.tracer().start_as_current_span("root") as root, calls.calling_as(CONTEXT), calls.deadline(5):
            await stub.Embed(pb.EmbedRequest())
            await asyncio.sleep(0)
    by_kind = {each.kind.name: each for each in spans.get_finished_spans() if each.name.endswith("Embed")}
    assert by_kind["CLIENT"].parent.span_id == root.get_span_context().span_id
    assert by_kind["SERVER"].parent.span_id == by_kind["CLIENT"].context.span_id
    assert len({each.context.trace_id for each in spans.get_finished_spans()}) == 1


async def test_a_failed_call_leaves_failed_spans(spans: InMemorySpanExporter) -> None:
    async with serving(Echo(failing())) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(5), pytest.raises(errors.Overloaded):
            async with client_calls.translated():
                await stub.Embed(pb.EmbedRequest())
        await asyncio.sleep(0.05)
    found = [each for each in spans.get_finished_spans() if each.name.endswith("Embed")]
    assert {each.kind.name for each in found} == {"CLIENT", "SERVER"}
    assert all(not each.status.is_ok for each in found)


async def test_draining_finishes_what_is_under_way() -> None:
    echo = Echo()
    async with serving(echo) as server, calling(server.port) as stub:
        with calls.calling_as(CONTEXT), calls.deadline(10):
            under_way = asyncio.ensure_future(stub.ListModels(pb.ListModelsRequest()))
            await asyncio.wait_for(echo.entered.wait(), 10)
            await server.drain(10)
            assert await under_way == pb.ListModelsResponse()


async def test_health_needs_no_token_and_tells_the_state() -> None:
    async with serving(Echo()) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            request = health_pb2.HealthCheckRequest(service=name)
            assert (await stub.Check(request, timeout=5)).status == health_pb2.HealthCheckResponse.SERVING
        await server.set_serving(False)
        assert (await stub.Check(request, timeout=5)).status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_targets_are_spelled_as_grpc_wants_them() -> None:
    spelled = {each: channels.grpc_target(each) for each in ("search:50053", "127.0.0.1:1,127.0.0.1:2", "dns:///a:1")}
    assert list(spelled.values()) == ["dns:///search:50053", "ipv4:127.0.0.1:1,127.0.0.1:2", "dns:///a:1"]
