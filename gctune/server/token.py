"""What a token may be made of: what every client sends as the same bytes."""

WRONG = "not printable ASCII without spaces"
REMEDY = "give text of ASCII letters, digits and signs"
FORM = "^[!-~]*$"


def is_sendable(token: str) -> bool:
    """Whether a header carries the token as it is, in whatever encoding."""
    return token.isascii() and token.isprintable() and " " not in token
