"""Headers that hold for every answer: what browsers may load, keep, tell others and put into frames."""

from typing import Final

from flask import Response

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers say of our own forms that they come from nowhere.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PRIVATE: Final = "private, no-store"
"""After a logout nobody leafs back through what was seen."""
STATIC: Final = "public, max-age=3600"
YEAR: Final = 31_536_000


def protect(response: Response, *, static: bool, lasting: bool) -> Response:
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers["Cache-Control"] = STATIC if static else PRIVATE
    if not static:
        response.vary.update(("Authorization", "Cookie"))
    if lasting:
        response.headers["Strict-Transport-Security"] = f"max-age={YEAR}"
    return response
