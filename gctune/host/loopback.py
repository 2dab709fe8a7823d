"""Which addresses are this machine's own, where nobody else comes in."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address


def is_loopback(host: str) -> bool:
    """Whether a host, as an address or a URL has it, is one that this machine alone reaches.

    `localhost`, `127.0.0.1` and its like, and `[::1]`, however they are spelled.
    """
    if host.lower() == "localhost":
        return True
    try:
        bracketed = host.startswith("[") and host.endswith("]")
        return (IPv6Address(host[1:-1]) if bracketed else IPv4Address(host)).is_loopback
    except ValueError:
        return False
