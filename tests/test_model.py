"""The settings themselves: closed, frozen, described."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from gctune.settings.layers import leaves, nearest
from gctune.settings.model import Settings


def _sections(model: type[BaseModel] = Settings) -> list[type[BaseModel]]:
    inner = [field.annotation for field in model.model_fields.values()]
    found = [each for each in inner if isinstance(each, type) and issubclass(each, BaseModel)]
    return [model, *(deeper for each in found for deeper in _sections(each))]


def test_every_setting_says_what_it_is_for() -> None:
    bare = [
        f"{section.__name__}.{name}"
        for section in _sections()
        for name, field in section.model_fields.items()
        if not field.description and not getattr(field.annotation, "__doc__", None)
    ]
    assert bare == []
    assert all(section.__doc__ for section in _sections())


@pytest.mark.parametrize("section", _sections(), ids=lambda section: section.__name__)
def test_nothing_unknown_is_taken_and_nothing_changed(section: type[BaseModel]) -> None:
    made = section()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, next(iter(section.model_fields)), None)
    with pytest.raises(ValidationError):
        section.model_validate({"unheard_of": 1})


@pytest.mark.parametrize(
    ("section", "name", "wrong"),
    [
        ("gc", "threshold0", 0),
        ("gc", "threshold1", -1),
        ("gc", "freeze", "always"),
        ("gc", "pause_target", 0),
        ("gc", "pause_target", "0s"),
        ("memory", "limit", 0),
        ("memory", "headroom", "101%"),
        ("memory", "arenas", 0),
        ("monitor", "interval", "10ms"),
        ("monitor", "http", "6060"),
        ("monitor", "http", "127.0.0.1:99999"),
        ("monitor", "http", 6060),
    ],
)
def test_values_out_of_range_are_refused(section: str, name: str, wrong: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({section: {name: wrong}})
    assert caught.value.errors()[0]["loc"] == (section, name)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:6060",
        "[::1]:6060",
        "unix:/run/gctune.sock",
        "LOCALHOST:0",
        "[0:0:0:0:0:0:0:1]:0",
    ],
)
def test_addresses_are_read(address: str) -> None:
    assert Settings.model_validate({"monitor": {"http": address}}).monitor.http == address


@pytest.mark.parametrize("name", ["x" * 106, "\u00e9" * 53, "x" * 99 + "{pid}"])
def test_a_socket_s_path_is_no_longer_than_a_socket_has_room_for(name: str) -> None:
    Settings.model_validate({"monitor": {"http": f"unix:/{name}"}})
    with pytest.raises(ValidationError, match="a path of more than 107 bytes; give the socket"):
        Settings.model_validate({"monitor": {"http": f"unix:/{name}x"}})


@pytest.mark.parametrize("address", ["0.0.0.0:6060", "[::]:0", "localhost.example:0", "1.2.3.4:0"])
def test_an_address_that_others_reach_needs_a_token(address: str) -> None:
    monitor: dict[str, Any] = {"http": address}
    with pytest.raises(ValidationError, match=r"set monitor\.token"):
        Settings.model_validate({"monitor": monitor})
    Settings.model_validate({"monitor": {**monitor, "token": "hunter2"}})


@pytest.mark.parametrize("token", ["schl\u00fcssel", "\u043a\u043b\u044e\u0447", "a b", "a\n", 5])
def test_a_token_that_clients_could_send_otherwise_is_refused(token: object) -> None:
    with pytest.raises(ValidationError, match="not printable ASCII") as caught:
        Settings.model_validate({"monitor": {"token": token}})
    assert caught.value.errors()[0]["loc"] == ("monitor", "token")


def test_a_wrong_token_is_the_one_problem_of_an_address_that_others_reach() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"monitor": {"token": "a b", "http": "0.0.0.0:0"}})
    assert [error["loc"] for error in caught.value.errors()] == [("monitor", "token")]


def test_a_token_of_every_printable_sign_is_taken() -> None:
    signs = "".join(map(chr, range(ord("!"), ord("~") + 1)))
    for given in (signs, SecretStr(signs)):
        token = Settings.model_validate({"monitor": {"token": given}}).monitor.token
        assert token is not None
        assert token.get_secret_value() == signs


def test_the_token_is_never_printed() -> None:
    settings = Settings.model_validate({"monitor": {"token": "hunter2"}})
    assert "hunter2" not in f"{settings!r} {settings} {list(leaves(settings))}"


def test_the_environment_is_not_read_by_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GC", '{"threshold0": 7}')
    assert Settings().gc.threshold0 is None


def test_layers_are_ranked_the_strongest_first() -> None:
    layers = [{"gc": {"threshold0": 1}}, {"gc": {"threshold0": 2, "threshold1": 2}}]
    gc = Settings.model_validate({"layers": layers}).gc
    assert (gc.threshold0, gc.threshold1) == (1, 2)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("gc", "freze"), ("gc", "freeze")),
        (("memory", "freeze"), ("gc", "freeze")),
        (("freeze",), ("gc", "freeze")),
        (("gc", "threshold"), ("gc", "threshold0")),
        (("gc", "thresholds"), ("gc", "threshold0")),
        (("pools", "mine", "maxsize"), ("pools", "mine", "max_size")),
        (("zzzzzzz",), None),
    ],
)
def test_the_nearest_setting_is_found(
    typed: tuple[str, ...], meant: tuple[str, ...] | None
) -> None:
    assert nearest(typed) == meant
