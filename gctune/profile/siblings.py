"""The profiles of one program: PROFILE, and beside it PROFILE.<pid> of each further process."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from gctune.host.files import identity
from gctune.profile.file import Profile, UnreadableError, header_of, looks_like_profile, read


def siblings(path: Path) -> list[Path]:
    """The profiles PROFILE.<pid> that the children of PROFILE's program left, by name.

    A file of such a name whose header tells of another process, as a copy's
    does, or that is no profile, is none of them.
    """
    return [other for other, pid in _named_as_siblings(path).items() if _is_of(pid, other)]


def _named_as_siblings(path: Path) -> dict[Path, int]:
    """The files that are named as siblings are, by name, each with the process it names."""
    pattern = re.compile(re.escape(path.name) + r"\.([0-9]{1,19})(\.[0-9]+)?")
    try:
        others = {other: pattern.fullmatch(other.name) for other in sorted(path.parent.iterdir())}
    except OSError:
        return {}
    return {other: int(match.group(1)) for other, match in others.items() if match}


def _is_of(pid: int, path: Path) -> bool:
    """Whether a file is the profile of a process; one that has no header yet may be."""
    if not path.is_file():
        return False
    try:
        header = header_of(path)
    except OSError:  # it is for whoever reads it to say so
        return True
    return looks_like_profile(path) if header is None else header.pid == pid


def new_sibling(path: Path) -> Path:
    """Name PROFILE.<pid>, or PROFILE.<pid>.1 where this process has written that one."""
    sibling = path.with_name(f"{path.name}.{os.getpid()}")
    earlier = sum(sibling.name in (other.name, other.stem) for other in _named_as_siblings(path))
    return sibling.with_name(f"{sibling.name}.{earlier}") if earlier else sibling


def read_all(*paths: Path) -> list[Profile]:
    """Read profiles and those that the children of their programs left, each file once.

    It goes by the first of its names. Raises UnreadableError for one of `paths`.
    A child's that was only found may be of a process that was killed as it
    began: it is left out where it cannot be read, as its parent's `problems` tell.
    """
    found = _each_once(paths)
    profiles: list[Profile] = []
    for path in list(found.values()):
        children = _each_once(siblings(path))
        new = [child for file, child in children.items() if file not in found]
        profiles += _read_family(path, new)
        found.update(children)
    return profiles


def _each_once(paths: Iterable[Path]) -> dict[object, Path]:
    """The files of these names, each by the first of them."""
    found: dict[object, Path] = {}
    for path in paths:
        found.setdefault(identity(path) or path, path)
    return found


def _read_family(path: Path, children: Iterable[Path]) -> Iterator[Profile]:
    """Read a profile, which has to be one, and those of its children that can be read."""
    parent, found = read(path), list(map(_profile_or_why_not, children))
    left_out = (each for each in found if isinstance(each, str))
    yield replace(parent, problems=(*parent.problems, *left_out))
    yield from (each for each in found if isinstance(each, Profile))


def _profile_or_why_not(path: Path) -> Profile | str:
    try:
        return read(path)
    except UnreadableError as error:
        return f"{path.name} is left out: {error.wrong}"
