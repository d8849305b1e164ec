"""The error codes of the API. No imports: lokictl reads it when something fails, and is quick then too."""

from __future__ import annotations

EXIT_STATUS = {
    "invalid_params": 2,
    "unknown_method": 2,
    "unknown_model": 2,
    "unsupported": 2,
    "bad_request": 1,
    "context_length_exceeded": 1,
    "content_filtered": 1,
    "provider_error": 1,
    "incomplete_response": 1,
    "daemon_unavailable": 69,
    "rate_limited": 75,
    "overloaded": 75,
    "provider_unavailable": 75,
    "quota_exceeded": 75,
    "budget_exceeded": 75,
    "authentication_failed": 77,
    "permission_denied": 77,
    "login_required": 77,
    "secret_missing": 77,
    "config_invalid": 78,
    "timeout": 124,
    "cancelled": 130,
}
"""Error code -> lokictl's exit status."""
