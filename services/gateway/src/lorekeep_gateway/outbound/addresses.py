"""Which addresses may be reached on a user's behalf: public ones, and those that the operator lists.

The tables are our own, after the special-purpose registries of IANA, since what `ipaddress` calls global changes
between versions of Python. IPv6 is public only inside 2000::/3. An IPv4 address wrapped in an IPv6 one is judged
by what is wrapped.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by carriers; metadata of one cloud
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services, on an address that looks public
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(each)
    for each in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet."""
    inner = unwrapped(address)
    if isinstance(inner, IPv4Address):
        return not any(inner in each for each in _NOT_PUBLIC_4)
    return inner in _PUBLIC_6 and not any(inner in each for each in _NOT_PUBLIC_6)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that a mapped, NAT64 or 6to4 one stands for; any other as it is."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(address.packed[12:])
    return IPv4Address(address.packed[2:6]) if address in _SIX_TO_FOUR else address


@dataclass(frozen=True)
class Allowed:
    """What an operator lists beside the public internet: host names, and networks of addresses."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of_text(cls, text: str) -> "Allowed":
        """Host names, addresses and networks by commas; ValueError for one that is none of them."""
        names: set[str] = set()
        networks: list[Network] = []
        for each in filter(None, (part.strip() for part in text.split(","))):
            if network := _network(each):
                networks.append(network)
            else:
                names.add(_name(each))
        return cls(frozenset(names), tuple(networks))

    def admits(self, host: str, address: Address) -> bool:
        """Whether `host` may be reached at `address`."""
        if is_public(address) or host.lower().rstrip(".") in self.names:
            return True
        inner = unwrapped(address)
        return any(inner in each for each in self.networks if each.version == inner.version)


def address_of(text: str) -> Address:
    """An address as the resolver gives it; a zone (`%eth0`) does not count."""
    return ip_address(text.partition("%")[0])


def _network(text: str) -> Network | None:
    try:
        return ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _name(text: str) -> str:
    name = text.lower().rstrip(".")
    labels = name.split(".")
    if not all(each and each.isascii() and each.replace("-", "").replace("_", "").isalnum() for each in labels):
        raise ValueError(f"{text} is neither a host name nor an address nor a network such as 10.0.0.0/8")
    if all(each.isdigit() for each in labels):
        raise ValueError(f"{text} is no address")
    return name
