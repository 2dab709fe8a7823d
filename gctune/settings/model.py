"""The settings: what each is for, what it may be, and what it is when nobody says.

A field's description is its one help text, for the command line, the JSON
Schema and the README. Annotations are evaluated here as they are written:
pydantic needs them all, and pays a millisecond to evaluate text.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from gctune import defaults
from gctune.host.loopback import is_loopback
from gctune.runtime.knob import MOST_MMAP
from gctune.server import token as tokens
from gctune.server.address import MOST_PATH
from gctune.settings.alerts import Alerts
from gctune.settings.fields import (
    FlagField,
    LimitField,
    Reader,
    Section,
    ShareField,
    SmallSizeField,
    duration_from,
    size_to,
    whole_from,
)
from gctune.settings.forms import text
from gctune.settings.quantities import Duration, Ratio, Size, refusal

_HOST_AND_PORT = r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})"
_LONGEST_PID = "4194304"


def _address(value: object) -> str:
    pattern = rf"unix:(/[^\0\n]+)|{_HOST_AND_PORT}"
    match = re.fullmatch(pattern, value) if isinstance(value, str) else None
    if match is None or int(match.group(3) or 0) > 65535:  # noqa: PLR2004 - the last port
        raise refusal("not an address", "give one like '127.0.0.1:6060' or 'unix:/run/gctune.sock'")
    path = (match.group(1) or "").replace("{pid}", _LONGEST_PID)
    if len(path.encode("utf-8", "surrogatepass")) > MOST_PATH:
        raise refusal(f"a path of more than {MOST_PATH} bytes", "give the socket a shorter one")
    return str(value)


def _is_local(address: str) -> bool:
    return address.startswith("unix:") or is_loopback(address.rpartition(":")[0])


def _folder(value: object) -> str:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        raise refusal("not a folder", "give its whole path, such as '/run/app/gctune'")
    return value


def _token(value: object) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not (isinstance(text, str) and tokens.is_sendable(text)):
        raise refusal(tokens.WRONG, tokens.REMEDY)
    return SecretStr(text)


_Threshold0 = Annotated[int, whole_from(1, ", or set gc.enabled = false")]
_Threshold = Annotated[int, whole_from(0)]
_Count = Annotated[int, whole_from(1)]
_Mmap = Annotated[Size, size_to(MOST_MMAP)]
_PauseTarget = Annotated[Duration, duration_from(0.0001)]
_Interval = Annotated[Duration, duration_from(0.1)]
_ADDRESS_FORM = rf"(?:unix:/.{{1,{MOST_PATH - 1}}}|{_HOST_AND_PORT})"
_Address = Annotated[str, Reader(_address, text(_ADDRESS_FORM))]
_Folder = Annotated[str, Reader(_folder, {"type": "string", "pattern": "^/."})]
_TOKEN_FORM = {"type": "string", "format": "password", "writeOnly": True, "pattern": tokens.FORM}
_Token = Annotated[SecretStr, Reader(_token, _TOKEN_FORM)]


class Gc(Section):
    """The garbage collector."""

    threshold0: _Threshold0 | None = Field(
        None,
        description="container allocations less deallocations before a young collection;"
        " unset leaves the interpreter's own",
    )
    threshold1: _Threshold | None = Field(
        None,
        description="young collections before a collection of generation 1;"
        " unset leaves the interpreter's own",
    )
    threshold2: _Threshold | None = Field(
        None,
        description="collections of generation 1 before a full one;"
        " unset leaves the interpreter's own",
    )
    enabled: FlagField | None = Field(
        None, description="whether collections start on their own; unset leaves it as it is"
    )
    freeze: Literal["never", "startup", "fork"] = Field(
        "never",
        description="keep what exists out of every later collection: once started up"
        " (gctune.warmup_done()), or in each forked child, whose memory then stays shared",
    )
    mode: Literal["static", "adaptive"] = Field(
        "static",
        description="thresholds as they are set, or adapted to what the program does",
    )
    pause_target: _PauseTarget | None = Field(
        None,
        description="the pause that adaptive mode keeps collections under;"
        f" unset is {Duration(defaults.PAUSE_TARGET)}",
    )
    when: Literal["any", "idle"] = Field(
        "any",
        description="any: collect whenever the counts say so; idle: full collections wait"
        " for a moment without requests",
    )


class Memory(Section):
    """The memory of the process."""

    limit: LimitField = Field(
        "auto",
        description="what the process should stay under: a size, a ratio of the container's"
        " limit ('80%'), or auto: the container's limit less the headroom",
    )
    headroom: ShareField = Field(
        Ratio(defaults.HEADROOM),
        description="what is kept free below the container's limit;"
        " a ratio is of that limit, and at least 64MiB",
    )
    garbage_budget: ShareField = Field(
        Ratio(defaults.GARBAGE_BUDGET),
        description="what garbage that waits for a collection may take in adaptive mode;"
        " a ratio is of the memory in use",
    )
    recycle: ShareField | None = Field(
        None,
        description="the rss at which a worker is replaced by a fresh one;"
        " a ratio is of the memory limit",
    )
    hard_limit: ShareField | None = Field(
        None,
        description="RLIMIT_DATA: an allocation beyond it raises MemoryError;"
        " a ratio is of the container's limit",
    )
    trim: SmallSizeField | None = Field(
        None, description="free memory at the top of glibc's heap that goes back to the system"
    )
    mmap: _Mmap | None = Field(
        None,
        description=f"the size, {Size(MOST_MMAP)} at most, from which glibc gives an allocation"
        " pages of its own, which go back to the system when it is freed",
    )
    arenas: _Count | None = Field(None, description="how many arenas glibc may keep for threads")


class Pool(Section):
    """One pool of reused objects."""

    max_size: _Count = Field(defaults.POOL_SIZE, description="the most idle objects the pool keeps")


class Monitor(Section):
    """What is watched while the program runs."""

    level: Literal["off", "basic", "detailed", "debug"] = Field(
        "off",
        description="off; basic: counts and memory; detailed: each pause too;"
        " debug: allocation tracing can be asked for",
    )
    interval: _Interval = Field(
        Duration(defaults.MONITOR_INTERVAL), description="the time between two samples"
    )
    token: _Token | None = Field(
        None,
        description="what a client must show for all but /health, as Authorization: Bearer;"
        " needed where other machines reach the address; a secret",
    )
    http: _Address | None = Field(
        None,
        description="where /metrics and its like are served: 127.0.0.1:6060, or unix:/run/app.sock;"
        " port 0, or {pid} in a path, is each process its own",
    )
    workers: _Folder | None = Field(
        None,
        description="the folder where the workers of a service put their numbers, so that a scrape"
        " of one tells of all; unset, one of its own for those that share an address",
    )
    trace: FlagField = Field(
        False, description="trace allocations from the start; costs three times the CPU and more"
    )

    @field_validator("http")
    @classmethod
    def _others_need_a_token(cls, http: str | None, info: ValidationInfo) -> str | None:
        unset = not info.data.get("token", "a wrong one, which is told by itself")
        if http and unset and not _is_local(http):
            raise refusal(
                "other machines reach it, and no token is set",
                "set monitor.token, or give an address of 127.0.0.1",
            )
        return http


class Settings(BaseSettings):
    """Every setting of one environment.

    Reads no variable and no file by itself: `gctune.settings.sources.load`
    reads them and hands them over in `layers`, the strongest first.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    gc: Gc = Gc.model_construct()
    memory: Memory = Memory.model_construct()
    pools: dict[str, Pool] = Field({}, description="Pools of reused objects, by name.")
    monitor: Monitor = Monitor.model_construct()
    alerts: Alerts = Alerts.model_construct()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_unread: PydanticBaseSettingsSource,
        **_unread_by_name: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the arguments and the layers among them; leave out what reads the world."""
        arguments: dict[str, Any] = init_settings()
        layers = arguments.pop("layers", ())
        return tuple(InitSettingsSource(settings_cls, layer) for layer in (arguments, *layers))
