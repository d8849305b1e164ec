"""What providers call their refusals: codes, statuses, and the sentences of those who have no codes.

Tables for ``errors``, which says when which of them decides.
"""

from __future__ import annotations

import re

from lokid.dialects.refusal import PER_DAY
from lokid.errors import (
    AuthenticationFailed,
    BadRequest,
    ContentFiltered,
    ContextLengthExceeded,
    LokidError,
    Overloaded,
    PermissionDenied,
    ProviderFailed,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    UnknownModel,
    Unsupported,
)

CODES: dict[str, type[LokidError]] = {
    "context_length_exceeded": ContextLengthExceeded,
    "context_window_exceeded": ContextLengthExceeded,
    "exceed_context_size_error": ContextLengthExceeded,  # llama.cpp
    "string_above_max_length": ContextLengthExceeded,
    "too_many_tokens": ContextLengthExceeded,  # Cohere
    PER_DAY: QuotaExceeded,
    "insufficient_quota": QuotaExceeded,
    "billing_error": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "billing_not_active": QuotaExceeded,
    "billing_disabled": QuotaExceeded,  # Google
    "credit_balance_exhausted": QuotaExceeded,
    "insufficient_balance": QuotaExceeded,
    "exceeded_current_quota_error": QuotaExceeded,  # Moonshot
    "arrearage": QuotaExceeded,  # DashScope
    "budget_exceeded": QuotaExceeded,  # LiteLLM
    "model_not_found": UnknownModel,
    "model_not_available": UnknownModel,
    "unknown_model": UnknownModel,
    "deploymentnotfound": UnknownModel,  # Azure
    "content_filter": ContentFiltered,
    "content_policy_violation": ContentFiltered,
    "responsibleaipolicyviolation": ContentFiltered,  # Azure
    "moderation_blocked": ContentFiltered,
    "invalid_api_key": AuthenticationFailed,
    "api_key_invalid": AuthenticationFailed,  # Google, with status 400
    "incorrect_api_key": AuthenticationFailed,
    "invalid_authentication": AuthenticationFailed,
    "authentication_error": AuthenticationFailed,
    "unauthorized": AuthenticationFailed,
    "unauthenticated": AuthenticationFailed,
    "permission_error": PermissionDenied,
    "permission_denied": PermissionDenied,
    "rate_limit_exceeded": RateLimited,
    "rate_limit_error": RateLimited,
    "rate_limit_reached": RateLimited,
    "ratelimitreached": RateLimited,  # Azure
    "resource_exhausted": RateLimited,
    "tokens_exceeded": RateLimited,
    "slow_down": Overloaded,
    "overloaded": Overloaded,
    "overloaded_error": Overloaded,
    "engine_overloaded": Overloaded,
    "capacity_exceeded": Overloaded,
    "insufficient_system_resource": Overloaded,  # DeepSeek
    "server_error": ProviderUnavailable,
    "api_error": ProviderUnavailable,  # Anthropic
    "timeout_error": ProviderUnavailable,  # Anthropic
    "internal_server_error": ProviderUnavailable,
    "service_unavailable": ProviderUnavailable,
    "unavailable_error": ProviderUnavailable,  # llama.cpp while it loads
    "timeout": ProviderUnavailable,
    "not_supported_error": Unsupported,  # llama.cpp
    "invalid_request_error": BadRequest,
    "tool_use_failed": BadRequest,  # Groq
    # Amazon Bedrock, whose "validationexception" says no more than its status
    "throttlingexception": RateLimited,
    "throttling": RateLimited,
    "toomanyrequestsexception": RateLimited,
    "modelnotreadyexception": Overloaded,
    "servicequotaexceededexception": QuotaExceeded,
    "accessdeniedexception": PermissionDenied,
    "optinrequired": PermissionDenied,
    "unrecognizedclientexception": AuthenticationFailed,
    "invalidsignatureexception": AuthenticationFailed,
    "incompletesignature": AuthenticationFailed,
    "missingauthenticationtoken": AuthenticationFailed,
    "missingauthenticationtokenexception": AuthenticationFailed,
    "invalidclienttokenid": AuthenticationFailed,
    "expiredtoken": AuthenticationFailed,
    "expiredtokenexception": AuthenticationFailed,
    "resourcenotfoundexception": UnknownModel,
    "modelerrorexception": ProviderFailed,
    "modelstreamerrorexception": ProviderFailed,
    "modeltimeoutexception": ProviderUnavailable,
    "internalserverexception": ProviderUnavailable,
    "internalfailure": ProviderUnavailable,
    "serviceunavailableexception": ProviderUnavailable,
    "validationexception": BadRequest,
}
"""Code, type or status word of a provider, in lower case -> ours. The first known one decides, most
specific place first (``code`` before ``type``); the two vague ones only where there is no status."""

STATUSES: dict[int, tuple[type[LokidError], bool | None]] = {
    401: (AuthenticationFailed, None),
    402: (QuotaExceeded, None),
    403: (PermissionDenied, None),
    407: (ProviderUnavailable, False),
    408: (ProviderUnavailable, None),
    409: (ProviderUnavailable, None),
    425: (ProviderUnavailable, False),
    429: (RateLimited, None),
    498: (Overloaded, None),  # Groq: no flex capacity
    499: (ProviderUnavailable, False),
    501: (Unsupported, None),  # llama.cpp without --reranking, --embeddings
    529: (Overloaded, None),
}
"""Status -> class and whether to retry (None: as the class). Any other 4xx is a bad request, any other 5xx
an unavailable provider, as the official SDKs have it (measured on them)."""

SPOKEN: tuple[tuple[re.Pattern[str], type[LokidError]], ...] = (
    (re.compile(r"max_(completion_)?tokens['`\"]? (is )?too large", re.IGNORECASE), BadRequest),  # vLLM
    (
        re.compile(
            r"maximum context length|context (length|window|size|limit)|prompt is too long|input is too long"
            r"|too many tokens|reduce the length of"
            r"|input token count"  # Google
            r"|maximum prompt length"  # xAI
            r"|`inputs` (tokens \+|must have less than)"  # TGI
            r"|range of input length"  # DashScope
            r"|exceeded model token limit"  # Moonshot
            r"|prompt超长",  # Zhipu
            re.IGNORECASE,
        ),
        ContextLengthExceeded,
    ),
    (
        re.compile(
            r"exceeded your current quota|credit balance|insufficient (balance|credit)"
            r"|used all available credits|spending limit"  # xAI, Fireworks
            r"|out of call volume quota"  # Azure API Management
            r"|余额不足",  # Zhipu
            re.IGNORECASE,
        ),
        QuotaExceeded,
    ),
    (
        re.compile(
            r"\bmodel:?\s+(\S{1,200}\s+)?((was|is|does|could)\s+)?"
            r"(not (found|exist|be found|available|a valid)|unknown)|unknown model"
            r"|\bmodels/\S{1,200} (is|was) not found"  # Google
            r"|^model: \S+$"  # Anthropic says no more than that
            r"|model identifier is invalid"  # Bedrock
            r"|is not a valid model|no endpoints found for"  # OpenRouter
            r"|invalid model name passed",  # LiteLLM
            re.IGNORECASE,
        ),
        UnknownModel,
    ),
    (
        re.compile(
            r"(invalid|incorrect|missing) (api|authentication) ?(key|token)"
            r"|security token included in the request is (expired|invalid)"  # Amazon
            r"|api key was reported as leaked",  # Google
            re.IGNORECASE,
        ),
        AuthenticationFailed,
    ),
    (
        re.compile(
            r"content (filter(ing)?|management) policy"  # Anthropic, also behind Bedrock; Azure
            r"|flagged as potentially violating"  # OpenAI
            r"|input was flagged",  # OpenRouter
            re.IGNORECASE,
        ),
        ContentFiltered,
    ),
    (re.compile(r"overloaded", re.IGNORECASE), Overloaded),
)
"""What servers without codes say. Asked only where no code is known."""

SPOKEN_WITH_500: tuple[tuple[re.Pattern[str], type[LokidError]], ...] = (
    (
        re.compile(r"too large to process\. increase the physical batch|larger than the max context size"),
        ContextLengthExceeded,
    ),
    (re.compile(r"(image|audio|video) input is not supported"), Unsupported),
    (
        re.compile(r"roles must alternate|system role not supported|roles are supported", re.IGNORECASE),
        BadRequest,  # of a template
    ),
)
"""What llama.cpp says with 500 of a request that it will never answer."""
