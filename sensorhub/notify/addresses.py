"""Which addresses a webhook may reach: public ones, and what the town allows."""

import socket
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from sensorhub.errors import DeliveryError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, IANA: all that is given out
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are IPv4


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """CIDR ranges from the settings; ValueError names the wrong one."""
    return tuple(ip_network(text, strict=False) for text in texts)


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address only wraps, else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def allowed(address: Address, private: Sequence[Network]) -> bool:
    """Whether a webhook may go there: global unicast, or in `private`."""
    meant = _meant(address)
    if any(meant in network for network in private):
        return True
    if isinstance(meant, IPv6Address) and meant not in GLOBAL_UNICAST:
        return False
    return meant.is_global and not (meant.is_multicast or meant.is_reserved)


def resolve(host: str, port: int, private: Sequence[Network]) -> list[str]:
    """The name's addresses, looked up once; all must be allowed.

    Raises DeliveryError where there are none or one is not allowed.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{host}: the name cannot be resolved: {error}") from error
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in texts:
        if not allowed(ip_address(text), private):
            raise DeliveryError(
                f"{host} is {text}, a private or reserved address;"
                " notify.private_networks can allow it"
            )
    return texts
