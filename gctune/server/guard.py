"""Who may ask the endpoints what: pure decisions on one request.

A web page reaches this machine's own addresses through the browser of whoever
looks at it, by a name that it makes resolve to 127.0.0.1 (DNS rebinding) or by
a plain link. So a Host that does not name this machine, and whatever a browser
says comes from another site, is refused.
"""

from __future__ import annotations

import re
from hmac import compare_digest

from gctune.host.loopback import is_loopback
from gctune.record import Record
from gctune.server.http import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gctune.server.http import Request

HEALTH = "/health"
METHODS = ("GET", "HEAD")
_HOST = re.compile(r"(.*?)(:[0-9]{1,5})?")
_OWN_SITES = ("none", "same-origin")


class Rules(Record):
    """What is asked of a client.

    `token` is what it must show, if anything. `local` is whether nobody but
    this machine reaches the address; where others do, /health alone is served
    without a token.
    """

    token: str | None
    local: bool


def check(request: Request, rules: Rules) -> None:
    """Let a request pass, or raise Refusal."""
    if request.method not in METHODS:
        raise Refusal(405, "only GET and HEAD are served", ("Allow", ", ".join(METHODS)))
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        raise Refusal(400, "a request here has no body")
    if _from_another_site(request):
        raise Refusal(403, "not for web pages: a request with an Origin is refused")
    if rules.local and not _names_this_machine(request.headers.get("host", "")):
        raise Refusal(403, "Host does not name this machine; ask for localhost or 127.0.0.1")
    if request.path != HEALTH:
        _check_token(request, rules)


def _names_this_machine(host: str) -> bool:
    match = _HOST.fullmatch(host)
    return match is not None and is_loopback(match.group(1))


def _from_another_site(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site", "none")
    return "origin" in request.headers or site not in _OWN_SITES


def _check_token(request: Request, rules: Rules) -> None:
    if rules.token is None:
        if not rules.local:
            raise Refusal(403, "others than this machine reach this; set monitor.token")
        return
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    right = compare_digest(shown.strip().encode("latin-1", "replace"), rules.token.encode())
    if scheme.lower() != "bearer" or not right:
        raise Refusal(
            401, "show monitor.token as Authorization: Bearer", ("WWW-Authenticate", "Bearer")
        )
