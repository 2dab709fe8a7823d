"""What may be a secret, and what stands for it wherever it would be repeated."""

from __future__ import annotations

MASK = "***"
_WORDS = ("token", "secret", "password")


def names_secret(name: str) -> bool:
    """Whether what goes by this name may be a secret, the name mistyped too."""
    words = "".join(sign if sign.isalnum() else " " for sign in name.lower()).split()
    return any(map(_like_a_secret, words))


def holds_secret(text: str) -> bool:
    """Whether a text may have a secret within: a section of settings, or a plan."""
    return any(word in text.lower() for word in _WORDS)


def masked(url: str) -> str:
    """A URL without the user and the password before its host."""
    scheme, between, rest = url.partition("://")
    _, at, host = rest.rpartition("@")
    return f"{scheme}{between}{MASK}{at}{host}" if at else url


def _like_a_secret(word: str) -> bool:
    import difflib  # only who is told of something pays for it

    return bool(difflib.get_close_matches(word, _WORDS, cutoff=0.7))
