"""Everything that can go wrong, by who is to blame.

    LokidError
    ├── CallerError            the request itself: exit status 2
    │   ├── InvalidParams        invalid_params
    │   ├── UnknownMethod        unknown_method
    │   ├── UnknownModel         unknown_model
    │   └── Unsupported          unsupported
    ├── ProviderError          the provider refused or failed: exit status 1
    │   ├── BadRequest           bad_request
    │   ├── ContextLengthExceeded  context_length_exceeded
    │   ├── ContentFiltered      content_filtered
    │   ├── ProviderFailed       provider_error
    │   └── IncompleteResponse   incomplete_response
    ├── TryLater               may work later: exit status 75
    │   ├── RateLimited          rate_limited
    │   ├── Overloaded           overloaded
    │   ├── ProviderUnavailable  provider_unavailable
    │   ├── QuotaExceeded        quota_exceeded
    │   └── BudgetExceeded       budget_exceeded
    ├── CredentialError        a key, a token or a right is missing: exit status 77
    │   ├── AuthenticationFailed authentication_failed
    │   ├── PermissionDenied     permission_denied
    │   ├── LoginRequired        login_required
    │   └── SecretMissing        secret_missing
    ├── ConfigInvalid          config_invalid: exit status 78
    ├── TimedOut               timeout: exit status 124
    └── Cancelled              cancelled: exit status 130

A message is for a person: what happened, why, what to do next. It never holds a secret, a header, a
prompt or a whole body, because it travels to logs and terminals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar


@dataclass(eq=False)
class LokidError(Exception):
    """One failure with its facts.

    ``message``: a sentence; ``hint``: the command or edit that mends it; ``client``: name of the
    configured client; ``status``: HTTP status of the provider; ``retry_after_s``: seconds until it may
    work; ``request_id``: the provider's own id, for its support; ``retryable``: whether lokid itself may
    send the same request once more (only ever before the first byte of an answer); ``refused``: the provider
    said so in place of an answer, for which it wants no money.
    """

    code: ClassVar[str] = "provider_error"
    retryable_by_default: ClassVar[bool] = False

    message: str
    hint: str | None = None
    client: str | None = None
    status: int | None = None
    retry_after_s: float | None = None
    request_id: str | None = None
    retryable: bool | None = None
    refused: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.message)
        if self.retryable is None:
            self.retryable = self.retryable_by_default

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class CallerError(LokidError):
    """The request cannot be carried out as it was made."""


class InvalidParams(CallerError):
    code = "invalid_params"


class UnknownMethod(CallerError):
    code = "unknown_method"


class UnknownModel(CallerError):
    code = "unknown_model"


class Unsupported(CallerError):
    code = "unsupported"


class ProviderError(LokidError):
    """The provider refused the request or failed on it; the same request would fail again."""


class BadRequest(ProviderError):
    code = "bad_request"


class ContextLengthExceeded(ProviderError):
    code = "context_length_exceeded"


class ContentFiltered(ProviderError):
    code = "content_filtered"


class ProviderFailed(ProviderError):
    code = "provider_error"


class IncompleteResponse(ProviderError):
    """The answer ended without its provider's terminal marker."""

    code = "incomplete_response"


class TryLater(LokidError):
    """The same request may work later; ``retry_after_s`` says when, if the provider did."""

    retryable_by_default = True


class RateLimited(TryLater):
    code = "rate_limited"


class Overloaded(TryLater):
    code = "overloaded"


class ProviderUnavailable(TryLater):
    code = "provider_unavailable"


class QuotaExceeded(TryLater):
    code = "quota_exceeded"
    retryable_by_default = False


class BudgetExceeded(TryLater):
    code = "budget_exceeded"
    retryable_by_default = False


class CredentialError(LokidError):
    """A key, a token or a right is missing; says of which client, and the command that mends it."""


class AuthenticationFailed(CredentialError):
    code = "authentication_failed"


CHECK_KEY = "check api_key of this client, in the configuration, the environment or the vault"
"""What is told of a refused key where nothing better is known."""


class PermissionDenied(CredentialError):
    code = "permission_denied"


class NotForThisSocket(PermissionDenied):
    """The extra socket, or this model on it, is not for the caller."""


class LoginRequired(CredentialError):
    code = "login_required"


class SecretMissing(CredentialError):
    code = "secret_missing"


class ConfigInvalid(LokidError):
    code = "config_invalid"


class TimedOut(LokidError):
    """``message`` names which limit passed: connect, first byte, idle or total."""

    code = "timeout"


class Cancelled(LokidError):
    code = "cancelled"


E = TypeVar("E", bound=BaseException)


def bare(error: E) -> E:
    """Without the frames that it and what led to it went through. Whoever keeps an error in such a frame
    closes a circle, and all that the frames hold, questions and answers, stays until the collector comes."""
    one: BaseException | None = error
    while one is not None:
        one.__traceback__ = None
        one = one.__cause__ or one.__context__
    return error
