"""Channels to other roles: balanced per request, retried where it is safe, bounded."""

import json
from collections.abc import Sequence

import grpc

from lorekeep_chassis import client_calls

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# Room for a message's own framing above the payload bound that the protos promise.
WIRE_LIMIT_BYTES = MAX_MESSAGE_BYTES + 64 * 1024


def open_channel(target: str, token: str, *, retried: Sequence[str] = ()) -> grpc.aio.Channel:
    """A channel to a role.

    `target` is a gRPC name (`dns:///search:50053`) or addresses separated by commas. Methods of the services named in
    `retried` must be idempotent; they are tried up to four times on UNAVAILABLE, within the caller's deadline. No
    `timeout` in the service config: it fires early.
    """
    retry = {
        "maxAttempts": 4,
        "initialBackoff": "0.2s",
        "maxBackoff": "4s",
        "backoffMultiplier": 3,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    config = {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [{"name": [{"service": name} for name in retried], "retryPolicy": retry}] if retried else [],
        "retryThrottling": {"maxTokens": 100, "tokenRatio": 0.5},
    }
    options = [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.max_receive_message_length", WIRE_LIMIT_BYTES),
        ("grpc.max_send_message_length", WIRE_LIMIT_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.aio.insecure_channel(
        grpc_target(target), options=options, interceptors=client_calls.interceptors(token)
    )


def grpc_target(target: str) -> str:
    """`a:1,b:2` as gRPC spells it; a name with a scheme as it is, a lone host:port by DNS."""
    if "://" in target or target.startswith(("unix:", "ipv4:", "ipv6:", "dns:")):
        return target
    if "," in target or target[:1].isdigit():
        return f"ipv4:{target}"
    return f"dns:///{target}"
