"""``python sdk.py REQUEST``: asks the SDK of a cloud for credentials. Standard input is a JSON object of the
variables that the SDK is to see; in our own environment other programs could read them while Python starts.
One line of JSON comes back: ``{"secrets", "expires_in": seconds or null, "quota_project"?}``, or
``{"error", "kind"}``.

Errors are sentences of our own with nothing in them that an SDK, a server or a program said: that may quote
what was sent.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

Answer = dict[str, Any]
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


MOST_MEMORY = 1024 * 1024 * 1024
"""Bytes, ten times what the largest of the SDKs takes."""


POLL_S = 0.5

PATIENCE = 3600
"""Seconds for a program that an SDK starts. By then we have been stopped, and with us all of it. Azure's own
10 seconds leave what ``az``, a script of the shell, has started."""


class Failed(Exception):
    """``kind``: ``login``, ``secret``, ``refused`` or ``unavailable``."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


def aws(request: Answer) -> Answer:
    import botocore.session
    from botocore import exceptions

    try:
        session = botocore.session.Session(profile=request["profile"])
        session.set_config_variable("region", session.get_config_variable("region") or request["region"])
        found = session.get_credentials()
        if found is None:
            raise Failed("secret", "none of the places where AWS credentials are looked for has any")
        keys = found.get_frozen_credentials()
    except exceptions.ProfileNotFound as error:
        raise Failed("secret", "the shared configuration of AWS has no such profile") from error
    except (exceptions.SSOError, exceptions.TokenRetrievalError, exceptions.LoginError) as error:
        raise Failed("login", "the sign-in of AWS has run out, or nobody has signed in") from error
    except exceptions.PartialCredentialsError as error:
        raise Failed("secret", "half of a pair of access keys is missing") from error
    except exceptions.CredentialRetrievalError as error:
        provider = str(error.kwargs.get("provider", ""))[:40]
        raise Failed("unavailable", f"the source {provider!r} of the profile failed") from error
    except exceptions.ClientError as error:
        raise Failed("refused", "AWS refused to give credentials") from error
    secrets = {"access_key_id": keys.access_key, "secret_access_key": keys.secret_key}
    if keys.token:
        secrets["session_token"] = keys.token
    until = getattr(found, "_expiry_time", None)
    return {"secrets": secrets, "expires_in": None if until is None else _left(until)}


def google(request: Answer) -> Answer:
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    try:
        with open(request["file"], encoding="utf-8") as file:
            credentials = _of_google(json.load(file))
        credentials.refresh(Request())
    except exceptions.RefreshError as error:
        if getattr(error, "retryable", False):
            raise Failed("unavailable", "Google gives no tokens at the moment") from error
        raise Failed("login", "Google does not take these credentials (any more)") from error
    except exceptions.TransportError as error:
        raise Failed("unavailable", "the token service cannot be reached") from error
    except (exceptions.GoogleAuthError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failed("secret", "its file of credentials cannot be used") from error
    answer = {"secrets": {"access_token": credentials.token}, "expires_in": _left(credentials.expiry)}
    if project := getattr(credentials, "quota_project_id", None):
        answer["quota_project"] = project
    return answer


def _of_google(found: Answer) -> Any:
    """As ``google.auth.load_credentials_from_dict``, which also asks the network which project is meant."""
    from google.auth import (
        aws,
        external_account_authorized_user,
        identity_pool,
        impersonated_credentials,
        pluggable,
    )
    from google.oauth2 import service_account

    source = found.get("credential_source") or {}
    make: Any
    match found["type"]:
        case "service_account":
            make = service_account.Credentials.from_service_account_info
        case "external_account" if found.get("subject_token_type") == _AWS_TOKEN:
            make = aws.Credentials.from_info
        case "external_account" if "executable" in source:
            make = pluggable.Credentials.from_info
        case "external_account":
            make = identity_pool.Credentials.from_info
        case "external_account_authorized_user":
            make = external_account_authorized_user.Credentials.from_info
        case "impersonated_service_account":
            make = impersonated_credentials.Credentials.from_impersonated_service_account_info
        case _:
            raise Failed("secret", "its file of credentials is of a type that is not known")
    return make(found, scopes=[SCOPE])


_AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105 - a name


def azure(request: Answer) -> Answer:
    import azure.identity
    from azure.core import exceptions

    tenant, client = request["tenant_id"], request["client_id"]
    credential: Any
    if request["source"] == "cli":
        credential = azure.identity.AzureCliCredential(tenant_id=tenant or "", process_timeout=PATIENCE)
    else:
        credential = azure.identity.DefaultAzureCredential(
            managed_identity_client_id=client, authority=request["authority"], process_timeout=PATIENCE
        )
    try:
        token = credential.get_token(request["scope"])
    except azure.identity.CredentialUnavailableError as error:
        raise Failed("login", "nobody has signed in to Azure here") from error
    except exceptions.ClientAuthenticationError as error:
        raise Failed("login", "Azure does not take the credentials that are here") from error
    except exceptions.ServiceRequestError as error:
        raise Failed("unavailable", "Microsoft Entra ID cannot be reached") from error
    return {"secrets": {"access_token": token.token}, "expires_in": token.expires_on - time.time()}


def _left(until: datetime | None) -> float | None:
    """Seconds. google-auth says UTC without saying so."""
    if until is None:
        return None
    return (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - time.time()


CLOUDS: dict[str, Callable[[Answer], Answer]] = {"aws": aws, "google": google, "azure": azure}


def end_with(parent: int) -> None:
    """Nobody waits for our answer once lokid is gone, killed perhaps: what the SDK started goes with us."""
    while os.getppid() == parent:
        time.sleep(POLL_S)
    os.killpg(0, signal.SIGKILL)


def main() -> int:
    import ctypes
    import resource

    if os.getpgid(0) == os.getpid():  # a session of our own, as lokid starts us
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()

    # As the daemon itself (daemon.harden), before the first secret is there.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # An SDK reads whatever a server sends. Not the address space, of which what it starts (``az``, a
    # ``credential_process``) may want to reserve as much as it likes.
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    os.environ.update(json.load(sys.stdin))
    request = json.loads(sys.argv[1])
    try:
        answer = CLOUDS[request["cloud"]](request)
        if not all(isinstance(one, str) and one for one in answer.get("secrets", {}).values()):
            raise Failed("unavailable", "its source gave credentials that are no texts")
    except Failed as error:
        answer = {"error": str(error), "kind": error.kind}
    except Exception as error:  # of an SDK, or of whatever is beneath it
        answer = {"error": f"the SDK failed ({type(error).__name__})", "kind": "unavailable"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
