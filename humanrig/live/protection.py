"""Who may talk to the preview page: browsers on this computer, and only the page itself may start or stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from capture.page_requests import host_name, is_from, same_token

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
TOKEN_HEADER = "X-Rig-Token"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src blob: data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Nothing from elsewhere is loaded, and no other page can put this one into a frame and have its buttons clicked."""


@web.middleware
async def only_this_computer(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuses requests that name another host: a foreign name that was made to point at this computer."""
    if host_name(request.headers.get("Host", "")) not in LOOPBACK_NAMES:
        raise web.HTTPForbidden(text="this page is served to this computer alone; open it at 127.0.0.1")
    return await handler(request)


def add_headers(response: web.StreamResponse) -> None:
    """What every answer carries."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def require_own_page(request: web.Request, token: str | None) -> None:
    """Raises 403 unless the request comes from the page of this run: its origin, and its token unless None."""
    origin, host = request.headers.get("Origin"), request.headers.get("Host", "")
    if origin is None or not is_from(origin, host):
        raise web.HTTPForbidden(text="this request did not come from the rig's own page")
    if token is not None and not same_token(request.headers.get(TOKEN_HEADER, ""), token):
        raise web.HTTPForbidden(text="this page belongs to an earlier run; reload it")
