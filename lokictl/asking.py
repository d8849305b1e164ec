"""One ``ask``, from the parsed command line to the last byte of the answer."""

import os

from lokictl import link, render
from lokictl.failure import Failure, usage
from lokictl.question import Question, nothing_asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from lokictl.reply import Reply


def ask(values: "Mapping[str, Any]", words: "Sequence[str]") -> int:
    """Asks and prints; the exit status. Raises ``Failure``, ``ClosedPipe`` and KeyboardInterrupt.

    The first word is a model only if its client exists. Usually it does, so it is asked for at once and
    looked up only after an ``unknown_model``: the common case costs no round trip.
    """
    question = Question(values, words)
    candidate = question.candidate
    default = values["model"] or os.environ.get("LOKICTL_MODEL", "")
    if question.is_empty:
        if candidate is None:
            raise nothing_asked(values["model"])
        if _is_model(candidate):
            raise nothing_asked(candidate)
        candidate = None
    if candidate is not None:
        try:
            return answer(values, question.params(candidate, model_named=True))
        except Failure as failure:
            if failure.code != "unknown_model" or _is_model(candidate):
                raise
        # Told in pipes too: who mistyped the client's name asks another model than they think.
        name = candidate.partition(":")[0]
        render.note(f'lokictl: no client is named "{name}", so "{candidate}" is part of the question')
    return answer(values, question.params(default, model_named=False))


def _is_model(candidate: str) -> bool:
    """Whether its client exists. Raises ``Failure`` when one exists that was surely meant: the default model
    would answer something else, and be paid for it."""
    name, _, model = candidate.partition(":")
    names = _clients()
    if name in names:
        return True
    from lokictl.nearest import mistyped

    if (meant := mistyped(name, names)) is not None:
        raise Failure(
            "unknown_model",
            f'no client is named "{name}", did you mean "{meant}:{model}"?',
            f'if "{candidate}" is what you ask, put it behind another word, or name the model with -m',
        )
    return False


def _clients() -> "list[str]":
    try:
        return [str(known.get("name")) for known in link.call("clients.list")]
    except Failure as failure:
        if failure.code != "permission_denied":
            raise
    # The extra socket has only models, and those of other clients look as if they were not there.
    return [str(model.get("client")) for model in link.call("models.list")]


def answer(values: "Mapping[str, Any]", params: "dict[str, Any]") -> int:
    """Asks with these ``params`` of ``chat`` and prints as the options ``values`` say; the exit status."""
    if values["raw"] and values["render"]:
        raise usage("--raw and --render cannot both hold")
    reply: Reply | None = None

    def shown() -> "Reply":
        """Imported and made when the question has left: that takes as long as the daemon's first word."""
        nonlocal reply
        if reply is None:
            from lokictl.reply import Reply

            reply = Reply(values)
        return reply

    try:
        result = link.call(
            "chat",
            params,
            on_events=lambda events: shown().events(events),
            on_wait=lambda: shown().wait(),
            on_hello=lambda hello: shown().hello(hello),
            large=False,
        )
    except Failure as failure:
        if reply is not None:
            reply.broken()
        if failure.code == "invalid_params":
            from lokictl.takes import in_options

            failure.message = in_options(failure.message)
        raise
    except KeyboardInterrupt:
        if reply is not None:
            reply.interrupted()
        raise
    shown().result(result)
    if values["schema"] is not None and not values["dry_run"] and result["finish_reason"] != "tool_calls":
        from lokictl.fits import check  # few have a schema
        from lokictl.reply import first_code_block

        text = result["text"]
        check(first_code_block(text) if values["code"] else text, params["response_schema"], result)
    return 0
