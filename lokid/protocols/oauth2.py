"""OAuth 2.0 from the client's side: what is sent, and what comes back through the browser.

RFC 6749 (the framework), 7636 (PKCE, always S256), 8252 (native applications), 8628 (devices), 7009
(revocation), 9207 (``iss``), 9700 (best practice). What the token endpoint answers: ``oauth2_answers``.
Token requests are forms; certified servers refuse JSON bodies.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit, urlunsplit

from lokid.protocols.http import HTTPRequest

ClientAuth = Literal["basic", "post"]
"""How a client with a secret shows it: in a header (which every server must take), or in the form."""

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

RANDOM_BYTES = 64
"""For one authorization: half of it is the verifier (43 characters, the least that RFC 7636 allows and 256
bits), half of it the state."""

MAX_CODE = 4096
"""Characters of an authorization code. Those of Entra ID, the longest known, have about 1,500."""

MAX_WORD = 64
"""Characters of an error code: twice the longest registered one, OpenID's
``unmet_authentication_requirements``."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to sign in. ``parameters``: added to the authorization URL. ``redirect``: what the server
    wants, if it cannot be any loopback address. ``key_exchange``: OpenRouter's form of the code exchange,
    which gives an API key and knows neither clients nor state."""

    token_url: str
    authorize_url: str | None = None
    device_url: str | None = None
    revoke_url: str | None = None
    issuer: str | None = None
    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    client_auth: ClientAuth = "basic"
    redirect: str | None = None
    key_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """Who signs in: what the user registered with the server."""

    id: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Authorization:
    """One sign-in by browser that was begun. ``url`` is for the browser; the rest stays here."""

    url: str = field(repr=False)
    redirect: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)


class Stray(Exception):
    """This is not the answer to our authorization: forged, stale, mixed up or mistyped. The sign-in goes
    on. The text is the end of a sentence and holds nothing of what came."""


class Denied(Exception):
    """The server answered our authorization with an error. ``code``: as in RFC 6749 4.1.2.1."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def challenge(verifier: str) -> str:
    """``code_challenge`` of RFC 7636 4.2 for S256."""
    return _text(hashlib.sha256(verifier.encode()).digest())


def authorization(server: Server, client: Client, redirect: str, random: bytes) -> Authorization:
    """``random``: ``RANDOM_BYTES`` of them. ``server`` has an ``authorize_url``."""
    assert len(random) == RANDOM_BYTES and server.authorize_url is not None
    verifier, state = _text(random[:32]), _text(random[32:])
    pkce = {"code_challenge": challenge(verifier), "code_challenge_method": "S256"}
    if server.key_exchange:
        # It passes no state on, but keeps what is in the address that it sends the browser back to.
        fields = {"callback_url": with_query(redirect, {"state": state}), **pkce}
    else:
        fields = {"response_type": "code", "client_id": client.id, "redirect_uri": redirect}
        if server.scopes:
            fields["scope"] = " ".join(server.scopes)
        fields |= {"state": state, **pkce}
    url = with_query(server.authorize_url, {**fields, **server.parameters})
    return Authorization(url, redirect, state, verifier)


def with_query(url: str, fields: Mapping[str, str]) -> str:
    """``url`` with ``fields`` after what its query has already."""
    parts = urlsplit(url)
    query = urlencode(fields)
    return urlunsplit(parts._replace(query=f"{parts.query}&{query}" if parts.query else query))


def callback(query: str, begun: Authorization, server: Server) -> str:
    """The code in the query that the browser brought back. Raises Stray and Denied."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=32, errors="strict")
    except ValueError:
        raise Stray("is not readable") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Stray("says something twice")
    _check_state(fields.get("state", ""), begun)
    if not _is_issuer(fields.get("iss"), server):
        raise Stray("comes from another server than the one that was asked")
    if "error" in fields:
        raise Denied(word(fields["error"]))
    return _code(fields.get("code", ""))


def pasted(text: str, begun: Authorization, server: Server) -> str:
    """The code in what a person pasted: the address that the browser ended at, or ``code#state`` as some
    servers show it. Raises Stray and Denied."""
    text = text.strip()
    if "code=" in text or "error=" in text:
        parts = text.partition("?")
        return callback((parts[2] or parts[0]).partition("#")[0], begun, server)
    code, _, state = text.partition("#")
    _check_state(state, begun)
    return _code(code)


def _check_state(state: str, begun: Authorization) -> None:
    if not hmac.compare_digest(state.encode(errors="replace"), begun.state.encode()):
        raise Stray("does not belong to this sign-in (its state is another one)")


def _is_issuer(iss: str | None, server: Server) -> bool:
    """RFC 9207. An issuer that is not known here must at least be of the place that was asked."""
    if iss is None:
        return True
    if server.issuer is not None:
        return iss == server.issuer
    try:
        given, asked = urlsplit(iss), urlsplit(server.authorize_url or "")
    except ValueError:
        return False
    return (given.scheme, given.netloc) == (asked.scheme, asked.netloc)


def _code(code: str) -> str:
    if not 0 < len(code) <= MAX_CODE or not (code.isascii() and code.isprintable()):
        raise Stray("has no code in it")
    return code


def word(text: object) -> str:
    """An error code as it may be shown: the registered ones are words. Nothing of a longer text, which may
    be a part of a secret."""
    shown = text if isinstance(text, str) and len(text) <= MAX_WORD else ""
    return shown if shown.replace("_", "").isalnum() and shown.isascii() else "an unknown error"


# --- requests to the server itself


def code_request(server: Server, client: Client, begun: Authorization, code: str) -> HTTPRequest:
    """Exchanges the code for a token, or with ``key_exchange`` for a key."""
    if server.key_exchange:
        body = {"code": code, "code_verifier": begun.verifier, "code_challenge_method": "S256"}
        headers = {"content-type": "application/json", "accept": "application/json"}
        return HTTPRequest("POST", server.token_url, headers, body)
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": begun.redirect}
    return _form(server.token_url, server, client, {**fields, "code_verifier": begun.verifier})


def refresh_request(server: Server, client: Client, refresh_token: str) -> HTTPRequest:
    """Without scopes: those that were granted stay (RFC 6749 6)."""
    fields = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _form(server.token_url, server, client, fields)


def client_credentials_request(server: Server, client: Client) -> HTTPRequest:
    return _form(server.token_url, server, client, {"grant_type": "client_credentials", **_scope(server)})


def device_request(server: Server, client: Client) -> HTTPRequest:
    """Asks for a device code. ``server`` has a ``device_url``."""
    assert server.device_url is not None
    return _form(server.device_url, server, client, _scope(server))


def poll_request(server: Server, client: Client, device_code: str) -> HTTPRequest:
    """Asks whether the person has agreed by now."""
    fields = {"grant_type": DEVICE_GRANT, "device_code": device_code}
    return _form(server.token_url, server, client, fields)


def revocation_request(server: Server, client: Client, token: str, hint: str) -> HTTPRequest:
    """``hint``: ``refresh_token`` or ``access_token``. ``server`` has a ``revoke_url``."""
    assert server.revoke_url is not None
    return _form(server.revoke_url, server, client, {"token": token, "token_type_hint": hint})


def _scope(server: Server) -> dict[str, str]:
    return {"scope": " ".join(server.scopes)} if server.scopes else {}


def _form(url: str, server: Server, client: Client, fields: Mapping[str, str]) -> HTTPRequest:
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    fields = dict(fields)
    if client.secret is not None and server.client_auth == "basic":
        # RFC 6749 2.3.1: both are form-encoded before they are put together.
        pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}"
        headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    else:
        fields["client_id"] = client.id
        if client.secret is not None:
            fields["client_secret"] = client.secret
    return HTTPRequest("POST", url, headers, urlencode(fields).encode())


def _text(random: bytes) -> str:
    return urlsafe_b64encode(random).rstrip(b"=").decode()
