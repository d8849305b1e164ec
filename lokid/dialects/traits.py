"""What one model behind one server accepts, as far as a dialect must know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lokid.chat import ChatRequest, Image, Message, ToolResult
from lokid.chat.vocabulary import ReasoningSetting
from lokid.errors import InvalidParams, Unsupported

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From no reasoning to the most."""

BUDGETS = {"low": 1024, "medium": 8192, "high": 24576}
"""Tokens of reasoning that an effort stands for; a budget becomes the nearest effort. The figures are the
ones that Google publishes for its own OpenAI-compatible endpoint."""


@dataclass(frozen=True, slots=True)
class Traits:
    """``model``: the name that the server knows. ``origin``: ``client:model``; opaque state is only ever sent
    back to where it came from. ``needs_max_tokens``: a limit must be sent, ``default_max_tokens`` if the
    caller set none. ``efforts``: the values of reasoning effort that the model takes, lowest first, empty
    if it does not reason on demand. ``reasons``: known to; others refuse to be asked for their reasoning.
    ``think_tags``: reasoning comes inside ``<think>`` at the beginning of the text; ``think_opened``:
    which the template has written. ``required_choice``: how the server spells ``tool_choice: required``.
    ``image_urls``: the server fetches images itself. ``one_sampling``: takes temperature or top_p, not
    both. ``thinking``: the form in which Claude and Gemini are asked to reason, a budget of tokens or an
    effort (Claude: adaptive, Gemini: level).
    """

    model: str
    origin: str = ""
    system_role: Literal["system", "developer", "none"] = "system"
    system_prompt_prefix: str | None = None
    max_tokens_param: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    needs_max_tokens: bool = False
    default_max_tokens: int | None = None
    sampling: bool = True
    images: bool = True
    tools: bool = True
    structured_outputs: bool = True
    efforts: tuple[str, ...] = ("none", "low", "medium", "high")
    reasons: bool = False
    think_tags: bool = False
    think_opened: bool = False
    required_choice: str = "required"
    image_urls: bool = True
    one_sampling: bool = False
    thinking: Literal["budget", "adaptive", "level"] = "budget"

    @property
    def named(self) -> str:
        """What the caller calls it. An error about parameters goes over the extra socket as it is, where the
        server's name, which may hold the number of an account, is not told."""
        return self.origin or self.model

    def check(self, request: ChatRequest) -> None:
        """Raises ``Unsupported`` for what the caller asked for and the model does not have.

        Dropping it in silence would answer a question that nobody asked, and sending it would cost a round
        trip for the provider's own refusal.
        """
        for name, value in (("temperature", request.temperature), ("top_p", request.top_p)):
            if value is not None and not self.sampling:
                raise Unsupported(f"{self.model} does not accept {name}", hint=f"leave out {name}")
        if self.one_sampling and request.temperature is not None and request.top_p is not None:
            raise Unsupported(
                f"{self.model} does not accept temperature and top_p together", hint="leave out one of them"
            )
        if request.tools and not self.tools:
            raise Unsupported(
                f"{self.model} does not call tools", hint="leave out tools, or ask another model"
            )
        if request.response_schema and not self.structured_outputs:
            raise Unsupported(f"{self.model} does not answer to a schema", hint="leave out response_schema")
        if not self.images and any(map(_shows_image, request.messages)):
            raise Unsupported(f"{self.model} does not see images", hint="ask a model with supports_vision")

    def max_tokens(self, request: ChatRequest) -> int | None:
        if request.max_tokens is not None or not self.needs_max_tokens:
            return request.max_tokens
        if self.default_max_tokens is None:
            raise InvalidParams(
                f"{self.named} needs max_tokens",
                hint="give max_tokens, or set max_output_tokens of the model in the configuration",
            )
        return self.default_max_tokens

    def effort(self, setting: ReasoningSetting | None) -> str | None:
        """The reasoning effort to send; None for nothing.

        ``off`` is the model's ``none`` or ``minimal``; a budget becomes the effort nearest to it (zero
        is ``off``), within those that the model has. Raises ``Unsupported``.
        """
        if setting is None:
            return None
        if isinstance(setting, int) and setting < 0:
            raise InvalidParams("reasoning: a budget is zero or more tokens")
        if setting in ("off", 0):
            return self._off()
        if not self.efforts:
            raise Unsupported(f"{self.model} does not reason on demand", hint="leave out reasoning")
        if isinstance(setting, str):
            if setting not in self.efforts:
                known = ", ".join(self.efforts)
                raise Unsupported(f"{self.model} has no reasoning effort {setting!r}", hint=f"it has {known}")
            return setting
        budgets = {effort: BUDGETS[effort] for effort in self.efforts if effort in BUDGETS}
        if not budgets:
            return self.efforts[-1]
        return min(budgets, key=lambda effort: abs(budgets[effort] - setting))

    def _off(self) -> str | None:
        if not self.efforts:
            return None
        if self.efforts[0] in ("none", "minimal"):
            return self.efforts[0]
        raise Unsupported(
            f"{self.model} always reasons", hint=f"its lowest reasoning effort is {self.efforts[0]}"
        )


def _shows_image(message: Message) -> bool:
    """Tools may answer with images."""
    results = (part.content for part in message.parts if isinstance(part, ToolResult))
    return any(isinstance(part, Image) for parts in (message.parts, *results) for part in parts)
