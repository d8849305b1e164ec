"""Where clients with ``auth: oauth`` sign in, as far as that is public: endpoints and scopes.

Never a client id: that is the user's own, registered with the provider (docs/oauth.md), and no request
pretends to come from another product. To add one: a line in ``PRESETS``.
"""

from __future__ import annotations

from dataclasses import replace

from lokid.protocols.oauth2 import Server
from lokid.providers import catalogue
from lokid.providers.settings import ClientSettings, OAuthSettings

_GOOGLE = Server(
    # https://developers.google.com/identity/protocols/oauth2/native-app
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    device_url="https://oauth2.googleapis.com/device/code",
    revoke_url="https://oauth2.googleapis.com/revoke",
    issuer="https://accounts.google.com",
    scopes=("https://www.googleapis.com/auth/cloud-platform",),
    parameters={"access_type": "offline", "prompt": "consent"},  # else there is no refresh token
    client_auth="post",
)

PRESETS: dict[str, Server] = {
    "claude": Server(
        # Anthropic lets only its own products use the subscriptions of claude.ai; docs/oauth.md says more.
        token_url="https://platform.claude.com/v1/oauth/token",  # noqa: S106 - an address
        authorize_url="https://claude.ai/oauth/authorize",
        scopes=("user:inference",),
        client_auth="post",
    ),
    "gemini": _GOOGLE,
    "vertexai": _GOOGLE,
    "azure-openai": Server(
        # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow. `organizations` is
        # any tenant; client credentials need the tenant's own addresses. It names the issuer by tenant.
        token_url="https://login.microsoftonline.com/organizations/oauth2/v2.0/token",  # noqa: S106
        authorize_url="https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
        device_url="https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode",
        scopes=("https://cognitiveservices.azure.com/.default", "offline_access"),
        client_auth="post",
    ),
    "openrouter": Server(
        # https://openrouter.ai/docs/guides/overview/auth/oauth: no registration; it names port 3000 for
        # programs on one's own machine.
        token_url="https://openrouter.ai/api/v1/auth/keys",  # noqa: S106 - an address
        authorize_url="https://openrouter.ai/auth",
        redirect="http://localhost:3000/",
        key_exchange=True,
    ),
    "huggingface": Server(
        # https://huggingface.co/docs/hub/oauth
        token_url="https://huggingface.co/oauth/token",  # noqa: S106 - an address
        authorize_url="https://huggingface.co/oauth/authorize",
        device_url="https://huggingface.co/oauth/device",
        issuer="https://huggingface.co",
        scopes=("openid", "inference-api"),
    ),
}
"""By type of the client, or by the vendor behind an ``openai-compatible`` one."""


def server(settings: ClientSettings) -> Server | None:
    """Where this client signs in: what the configuration says, over the preset. None: neither says where
    tokens come from."""
    said = settings.oauth or OAuthSettings()
    known = PRESETS.get(catalogue.vendor(settings) or settings.type)
    if said.token_url is not None and (known is None or said.token_url != known.token_url):
        # Another server: only what is said of it holds. A secret never goes to two places. The scopes and
        # parameters are those of the API that is asked, wherever the token comes from.
        bare = Server(token_url=said.token_url)
        known = replace(bare, scopes=known.scopes, parameters=known.parameters) if known else bare
    if known is None:
        return None
    return replace(
        known,
        authorize_url=said.authorize_url or known.authorize_url,
        device_url=said.device_url or known.device_url,
        revoke_url=said.revoke_url or known.revoke_url,
        issuer=said.issuer or known.issuer,
        scopes=known.scopes if said.scopes is None else said.scopes,
        client_auth=said.client_auth or known.client_auth,
        redirect=said.redirect or known.redirect,
    )


def lacking(settings: ClientSettings) -> str | None:
    """What must be configured before anybody can sign in, as the end of a sentence; None: nothing."""
    said = settings.oauth or OAuthSettings()
    where = server(settings)
    if where is None:
        return "nothing says where to sign in: oauth.token_url and oauth.authorize_url"
    if said.grant == "authorization_code" and not (where.authorize_url or where.device_url):
        return "nothing says where to sign in: oauth.authorize_url or oauth.device_url"
    if not said.client_id and not where.key_exchange:
        return "it has no oauth.client_id: register lokid with the provider and put in the id you get"
    if said.grant == "client_credentials" and said.client_secret is None:
        return "it has no oauth.client_secret, which grant client_credentials needs"
    return None
