"""Which addresses and which URLs are reached for users."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorekeep_chassis.settings import SettingsError, load
from lorekeep_gateway.ingest.settings import IngestSettings
from lorekeep_gateway.outbound import urls
from lorekeep_gateway.outbound.addresses import Address, Allowed, address_of, is_public

INNER_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4", "168.63.129.16/32",
]  # fmt: skip
INNER_6 = ["::/127", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:db8::/32", "2001::/32", "64:ff9b:1::/48"]
_INNER_4 = st.sampled_from(INNER_4).flatmap(lambda each: st.ip_addresses(network=IPv4Network(each)))
_INNER_6 = st.sampled_from(INNER_6).flatmap(lambda each: st.ip_addresses(network=IPv6Network(each)))
_PUBLIC_4 = st.ip_addresses(v=4).filter(is_public)


def _wrapped(address: IPv4Address) -> list[IPv6Address]:
    """As mapped, by NAT64 and by 6to4."""
    number = int(address)
    return [
        IPv6Address(0xFFFF << 32 | number),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
        IPv6Address(0x2002 << 112 | number << 80 | 1),
    ]


@given(_INNER_4)
def test_what_is_not_public_is_not_reached_however_it_is_wrapped(address: IPv4Address) -> None:
    compatible, teredo = IPv6Address(int(address)), IPv6Address(0x20010000 << 96 | int(address) ^ 0xFFFFFFFF)
    assert not any(is_public(each) for each in (address, *_wrapped(address), compatible, teredo))


@given(_INNER_6)
def test_special_networks_of_ipv6_are_not_reached(address: IPv6Address) -> None:
    assert not is_public(address)


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_as_special(address: Address) -> None:
    if is_public(address):
        inner = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
        special = ("is_private", "is_loopback", "is_link_local", "is_multicast", "is_unspecified", "is_reserved")
        if not (isinstance(inner, IPv6Address) and inner in IPv6Network("64:ff9b::/96")):
            assert [each for each in special if getattr(inner, each)] == []


@given(_PUBLIC_4)
def test_a_public_address_stays_public_when_wrapped(address: IPv4Address) -> None:
    assert all(is_public(each) for each in _wrapped(address))


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::808:808"])
def test_public_addresses_are_reached(text: str) -> None:
    assert is_public(address_of(text))


@pytest.mark.parametrize("text", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "168.63.129.16", "fe80::1%2"])
def test_metadata_of_clouds_is_not_reached(text: str) -> None:
    assert not is_public(address_of(text))


@given(_INNER_4)
def test_only_what_the_operator_lists_is_admitted(address: IPv4Address) -> None:
    listed = Allowed.of_text(f"Wiki.Internal., {address}, fd00::/8")
    assert listed.admits("any.example", address)
    assert all(listed.admits("any.example", each) for each in _wrapped(address))
    assert listed.admits("wiki.internal", IPv4Address("10.255.255.255"))
    assert listed.admits("any.example", IPv6Address("fd00::1"))
    assert (
        not listed.admits("xwiki.internal", IPv4Address("192.168.254.253")) or address_of("192.168.254.253") == address
    )
    assert not Allowed().admits("wiki.internal", address)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "http://wiki", "a..b", "wiki:80", "1.2.3", "*.internal"])
def test_a_list_that_is_wrong_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^[^ ]+ is "):
        Allowed.of_text(text)


def test_a_wrong_list_stops_the_start_by_its_name() -> None:
    with pytest.raises(SettingsError, match=r"LOREKEEP_OUTBOUND_ALLOWED: .*10\.0\.0\.0/33"):
        load(IngestSettings, "ingest", {"LOREKEEP_OUTBOUND_ALLOWED": "wiki.internal,10.0.0.0/33"})


@pytest.mark.parametrize(
    "text",
    [
        "", "no url", "ftp://example.com/", "file:///etc/passwd", "//example.com", "http://", "http:///x",
        "javascript:1", "http://user@example.com/", "http://user:word@example.com/", "http://:@example.com", "http://example.com:22/",
        "http://example.com:6379/", "https://example.com:5432", "http://example.com:0/", "http://example.com:99999/",
        "http://exa\nmple.com", "http://[::1", "http://a%2eb/", "http://[", "http://" + "a" * 2048, "gopher://example.com:70/_x",
    ],
)  # fmt: skip
def test_urls_that_are_not_asked(text: str) -> None:
    with pytest.raises(urls.InvalidUrl) as caught:
        urls.checked(text)
    assert (caught.value.reason, caught.value.http_status, caught.value.field) == ("url_invalid", 422, "url")


def test_urls_that_are_asked() -> None:
    assert str(urls.checked("HTTP://Example.com:80/a b?q=ü#part")) == "http://example.com/a%20b?q=%C3%BC"
    assert urls.checked("https://bücher.example/").raw_host == b"xn--bcher-kva.example"
    assert urls.port_of(urls.checked("https://example.com")) == 443
    assert urls.port_of(urls.checked("https://[2606:4700::1111]:8443/")) == 8443


@given(st.text(max_size=60))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    for each in (text, f"http://{text}", f"https://example.com/{text}"):
        try:
            url = urls.checked(each)
        except urls.InvalidUrl:
            continue
        assert url.scheme in ("http", "https")
        assert url.host
        assert not url.userinfo
