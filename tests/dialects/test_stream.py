"""What all streams of server-sent events share."""

from __future__ import annotations

import pytest

from lokid.dialects.openai_chat_answer import StreamDecoder
from lokid.errors import ProviderFailed
from lokid.protocols.sse import MAX_EVENT
from tests.fakes.completions import TRAITS


def test_an_event_that_gets_too_large_with_its_last_unfinished_line_is_the_providers_fault() -> None:
    decoder = StreamDecoder(TRAITS)
    decoder.feed(b"data: " + b"x" * (MAX_EVENT - 10) + b"\n")
    decoder.feed(b"data: " + b"x" * 20)  # and no end of line
    with pytest.raises(ProviderFailed, match="the provider's stream is broken"):
        decoder.close()


def test_a_comment_that_is_too_large_is_refused_also_if_it_comes_at_once() -> None:
    decoder = StreamDecoder(TRAITS)
    with pytest.raises(ProviderFailed, match="the provider's stream is broken"):
        decoder.feed(b": " + b"x" * MAX_EVENT + b"\n\n")
