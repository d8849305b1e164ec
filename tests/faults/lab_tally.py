"""``lab_tally.py PHASE``: what became of the questions of a phase of systemd_load.sh: "name value" lines."""

from __future__ import annotations

import glob
import sys
from collections import Counter

CUT = "lost in the middle of the answer"
"""lokictl's sentence for a connection that ended after ``accepted``."""

phase = sys.argv[1]
counts: Counter[str] = Counter()
longest_ms = 0
cut = set()
for path in glob.glob(f"asked.{phase}.*"):
    with open(path, encoding="utf-8") as file:
        for line in file:
            status, took_ms, question, answer, words = line.rstrip("\n").split("\t")
            longest_ms = max(longest_ms, int(took_ms))
            if status == "0" and answer == f"re: {question}":
                counts["answered"] += 1
            elif status == "1" and CUT in words:
                counts["cut"] += 1
                cut.add(question)
            else:
                counts["failed"] += 1
                print("failure", status, took_ms, question, answer, words)
with open("provider.log", encoding="utf-8") as file:
    arrived = Counter(line.rstrip("\n").split("\t")[1] for line in file)
with open("lost", encoding="utf-8") as file:
    lost = len(file.readlines())
for name in ("answered", "cut", "failed"):
    print(f"{phase}_{name} {counts[name]}")
print(f"{phase}_resent {lost - counts['cut']}")
twice = [question for question, times in arrived.items() if times > 1 and question.startswith(phase)]
print(f"{phase}_paid_twice {len(twice)}")
print(f"{phase}_cut_that_arrived {sum(question in arrived for question in cut)}")
print(f"{phase}_longest_ms {longest_ms}")
