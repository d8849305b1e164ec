"""What may leave this machine without TLS: what stays on it, and metadata servers of clouds for who asks."""

from __future__ import annotations

import pytest

from lokid.errors import ConfigInvalid
from lokid.runtime.network.guard import check_url


@pytest.mark.parametrize(
    ("url", "proxy", "metadata", "goes"),
    [
        ("http://127.0.0.1:9", None, False, True),
        ("http://127.0.0.1:9", "localhost", False, True),
        ("http://127.0.0.1:9", "proxy.example", False, False),
        ("http://169.254.169.254/x", None, False, False),
        ("http://169.254.169.254/x", None, True, True),
        ("http://169.254.169.254/x", "proxy.example", True, False),
        ("http://metadata.google.internal/x", None, True, True),
        ("http://example.com", None, True, False),
        ("http://10.0.0.1", None, True, False),
        ("https://example.com", "proxy.example", False, True),
    ],
)
def test_plain_http_goes_no_further_than_it_must(
    url: str, proxy: str | None, metadata: bool, goes: bool
) -> None:
    if goes:
        check_url(url, proxy, "mine", metadata=metadata)
    else:
        with pytest.raises(ConfigInvalid, match="without TLS"):
            check_url(url, proxy, "mine", metadata=metadata)
