"""What every method of the API keeps: parametrised over the one page that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import is_typeddict

import pytest

from lokid import errors
from lokid.errors import LokidError, UnknownMethod
from lokid.rpc.codes import EXIT_STATUS
from lokid.rpc.methods import METHODS
from lokid.rpc.shapes import ShapeError
from lokid.server.handlers import HANDLERS, handler_of, params_of

ROOT = Path(__file__).parents[2]


def kinds(base: type[LokidError] = LokidError) -> Iterator[type[LokidError]]:
    """Every class of error that has a code of its own."""
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            if "code" in vars(kind):
                yield kind
            yield from kinds(kind)


def test_every_method_has_a_handler_and_no_handler_is_secret() -> None:
    assert set(HANDLERS) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_parameters_and_results_have_a_shape(method: str) -> None:
    params, result = METHODS[method]
    assert is_typeddict(params)
    assert result is None or is_typeddict(result)


@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_parameter_is_refused(method: str) -> None:
    with pytest.raises(ShapeError, match="zzz"):
        params_of(method, [{"zzz": 1}])


@pytest.mark.parametrize("method", METHODS)
def test_a_misspelt_method_is_suggested(method: str) -> None:
    with pytest.raises(UnknownMethod, match=re.escape(method)):
        handler_of(method + "x")


def test_every_error_has_one_exit_status_and_the_other_way_round() -> None:
    """``daemon_unavailable`` is lokictl's own: who could send it?"""
    assert {kind.code for kind in kinds()} == EXIT_STATUS.keys() - {"daemon_unavailable"}


def test_the_tree_at_the_top_of_errors_is_the_tree() -> None:
    assert errors.__doc__
    for kind in kinds():
        assert re.search(rf"── {kind.__name__} +{kind.code}\b", errors.__doc__), kind.__name__


def test_the_readme_has_every_exit_status() -> None:
    readme = (ROOT / "README.md").read_text()
    listed = {int(number) for number in re.findall(r"^\| (\d+) \| ", readme, re.MULTILINE)}
    assert listed == {0, *EXIT_STATUS.values()}
