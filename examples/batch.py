"""Asks about each line of standard input, eight at a time, and prints a JSON map for each, in their order.

    python3 batch.py "Translate into French" openai:gpt-5-mini < phrases.txt > phrases.jsonl

Empty lines are none. `limits:` of the configuration are kept whoever asks, so nothing here counts requests.
What the provider has no time for is asked once more, when it said; other failures go into the output.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from lokictl.client import Client, LokidError, TryLater

AT_ONCE = 8
PATIENCE_S = 60.0


def ask(line: str) -> dict[str, object]:
    try:
        try:
            answer = lokid.ask(f"{instruction}\n\n{line}", model, priority="batch")
        except TryLater as error:
            if error.retry_after_s is None or error.retry_after_s > PATIENCE_S:
                raise
            time.sleep(error.retry_after_s)
            answer = lokid.ask(f"{instruction}\n\n{line}", model, priority="batch")
    except LokidError as error:
        return {"line": line, "error": error.code, "message": error.message}
    found: dict[str, object] = {"line": line, "text": answer.text, "cost_usd": answer.cost_usd}
    # "length", for one: what is here is then not all there could be.
    return found if answer.finish_reason == "stop" else found | {"finish_reason": answer.finish_reason}


if len(sys.argv) < 2:
    sys.exit("usage: batch.py INSTRUCTION [CLIENT:MODEL] < lines")
instruction, model = sys.argv[1], (sys.argv[2:] or [""])[0]
lokid = Client()
lines = [line for line in sys.stdin.read().split("\n") if line.strip()]  # other breaks are of a text
with ThreadPoolExecutor(AT_ONCE) as threads:
    for result in threads.map(ask, lines):
        print(json.dumps(result, ensure_ascii=False), flush=True)
