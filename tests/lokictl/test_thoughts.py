"""Nothing out of a model's thoughts is a command, and no command is taken for thoughts."""

from __future__ import annotations

import pytest

from lokictl.reply import first_code_block
from lokictl.thoughts import without

BAD = "```sh\nrm -rf ~\n```"
GOOD = "```sh\nls -la\n```"


@pytest.mark.parametrize("begins", ["", "<think>", "<think>\n", " \n<think>\n"])
@pytest.mark.parametrize(
    "thought",
    [
        "hm.",
        "I don't know.",
        "So I answer `ls ./`.",
        'Or "*.tmp"',
        f"Maybe\n{BAD}\nno, `ls ./*`",
        f"not\n{BAD}\nso ls.",
        "```sh\nrm -rf ~\nno.",
    ],
)
@pytest.mark.parametrize("ends", ["</think>", "\n</think>\n", "</think>\n\n", "\n\n</think>"])
@pytest.mark.parametrize("answer", [GOOD, "ls -la", "Here:\n" + GOOD, "find . -name '*.c'"])
def test_thoughts_go_however_they_are_set_off(begins: str, thought: str, ends: str, answer: str) -> None:
    """Without line feeds DeepSeek writes them from V3.1 on, whose template has opened them."""
    assert without(begins + thought + ends + answer).strip() == answer


@pytest.mark.parametrize(
    "text",
    [
        f"hm\n{BAD}\nno. </think> {GOOD}",
        f"hm\n{BAD}\nI'll give ls </think>\n{GOOD}",
        f"hm\n{BAD}\nI'll give ls </think>{GOOD}",
        f"hm\n{BAD}\nDone ✅ </think>\n{GOOD}",
        f"hm\n{BAD}\n(it works.) </think> {GOOD}",
        f"hm\n{BAD}\nI'll give ls</think> Here:\n{GOOD}",
        f"hm\n{BAD}\nSo **ls**</think>**Command**:\n{GOOD}",
        f"hm\n{BAD}\nso `ls`</think>`ls` it is:\n{GOOD}",
        f'hm\n{BAD}\na 5" disk.</think>Use "ls":\n{GOOD}',
        f"hm\n{BAD}\nlist users' files.</think>Here are the users' files:\n{GOOD}",
        f"The template has <think> first. So:\n{BAD}\nno</think>{GOOD}",
        f"hm\n{BAD}\n[S0 S1] [</think>{GOOD}",
        "All up to </think> goes. If there is no </think> keep it. " * 5 + f"\n{BAD}\nno. </think> {GOOD}",
        f"Draft:\n```sh\nsed -i '/<think>/d' *\n```\nNo.\n</think>\n{GOOD}",
    ],
)
def test_in_doubt_no_command_is_out_of_thoughts(text: str) -> None:
    assert first_code_block(text) == "ls -la\n"


def test_nor_where_the_answer_is_no_block() -> None:
    assert first_code_block(f"hm\n{BAD}\nso ls, </think>\nls -la").strip() == "ls -la"


@pytest.mark.parametrize("quoted", ["list users' files.</think>ls '*.txt'", 'a 5" disk.</think>ls "a b"'])
def test_nor_is_one_with_quotes_taken_for_quoted(quoted: str) -> None:
    assert without(quoted).startswith("ls ")


@pytest.mark.parametrize(
    "answer",
    [
        "It is between <think> and </think>:\n" + GOOD,
        "It ends at </think>, so:\n" + GOOD,
        f"{GOOD}\nIt ends at `</think>`, as in\n{BAD}",
        f"{GOOD}\nIt ends at **</think>**, as in\n{BAD}",
        f"{GOOD}\n- **`</think>`**: the end\n\nIn place:\n{BAD}",
        f"{GOOD}\n`^.*</think>` matches it.\n{BAD}",
        f"{GOOD}\n| `x</think>` | an end |\n{BAD}",
    ],
)
def test_an_answer_that_speaks_of_tags_gives_its_command(answer: str) -> None:
    assert first_code_block(answer) == "ls -la\n"


@pytest.mark.parametrize(
    ("opens", "closes"),
    [
        ("<seed:think>", "</seed:think>"),
        ("<thought>", "</thought>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<longcat_think>", "</longcat_think>"),
        ("<mm:think>", "</mm:think>"),
    ],
)
def test_each_familys_tags_are_known(opens: str, closes: str) -> None:
    assert without(f"{opens}{BAD}{closes}{GOOD}") == GOOD


def test_several_thoughts_go_and_those_behind_a_sentence() -> None:
    assert without(f"<think>{BAD}</think>\n<think>\n{BAD}\n</think>\n{GOOD}").strip() == GOOD
    assert first_code_block(f"Sure.\n<think>\n{BAD}\n</think>\n{GOOD}") == "ls -la\n"
    assert without("<think>\na\n<think>\nb\n</think>\nc\n</think>\nls").strip() == "ls"


def test_thoughts_that_do_not_end_are_all_there_is() -> None:
    assert without(f"<think>\n{BAD}\nor") == ""


@pytest.mark.parametrize(
    "answer",
    [
        "grep '</think>' log",
        'echo "a</think>b" > x',
        "x = re.sub(r'.*</think>', '', t)",
        "x = re.sub(rb'.*</think>', b'', t)",
        "awk -F'</think>' '{print $2}' f",
        "cut -d'</think>' -f2 f",
        'grep -c "</think>$" f',
        "x=${x##*</think>}",
        "perl -pe's|.*</think>||' f",
        "The tag is `</think>`.",
        "```xml\n<thinking>\n</thinking>\n<a/>\n```\nYours.",
        "```\n</think>\n```\nYours.",
        "```\nx </think>\n```\nand\n```\ny\n```",
        '```py\nre.sub(r"<think>.*?</think>", "", text)\n```',
        "```jinja\n{{ text.split('</think>')[-1] }}\n```",
        "```\n<p>a <think> b </think> c</p>\n```",
        "It drops what is between <think> and </think> first.\n```\nls\n```",
        "It looks for a <think> first.\n```\nls\n```",
        "# what stands behind </think> is the answer\ndef f(text):\n    return text",
        "```sh\nsed -n 1p x\n```\nThis deletes everything up to </think>.",
        "```sh\nsed -n 1p x\n```\nIt ends at “</think>”, or „</think>“, or **</think>**.",
        "```sh\nls\n```\n这会删除</think>标签。",
        "cat > x <<'EOF'\nFirst:\n<thinking>\nyour steps\n</thinking>\n<answer>\nEOF",
        "- </think>\n- it is\n| </think> | closes |",
        "x = `\n<think>\n${thought}\n</think>\n${answer}`",
    ],
)
def test_tags_of_an_answer_stay(answer: str) -> None:
    assert without(answer) == answer


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "text",
    [
        "<think>" * 100_000,
        "</think>" * 100_000,
        "<think>\na\n</think>\n" * 100_000,
        "<think>\na\n</think>\n" * 50 + "x\n" * 2_000_000,
        "x <think>" * 100_000,
        "'</think>' " * 100_000,
        "- </think> x\n" * 999 + "x" * 2_000_000,
        "x\n```\n<think>\n" * 50_000,
        "x\n<think>\n</think>\n```\n```\n" * 50_000,
    ],
)
def test_the_work_for_a_hostile_text_is_in_proportion_to_it(text: str) -> None:
    """A look at all of it for each tag would be an hour."""
    left = without(text)
    assert text.endswith(left) or "x\n<think>" in text
