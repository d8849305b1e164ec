from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from lokid.runtime import watch
from lokid.runtime.watch import Watch, marks, places


class TestPlaces:
    def test_of_a_plain_file_is_its_directory(self, tmp_path: Path) -> None:
        (tmp_path / "a").touch()
        assert places([str(tmp_path / "a")]) == {str(tmp_path): {"a"}}

    def test_of_a_link_are_both_ends(self, tmp_path: Path) -> None:
        for name in ("etc", "store"):
            (tmp_path / name).mkdir()
        (tmp_path / "store" / "real").touch()
        (tmp_path / "etc" / "a").symlink_to("../store/real")
        assert places([str(tmp_path / "etc" / "a")]) == {
            str(tmp_path / "etc"): {"a"},
            str(tmp_path / "store"): {"real"},
        }

    def test_of_a_chain_through_linked_directories_are_all_links(self, tmp_path: Path) -> None:
        (tmp_path / "store" / "v1").mkdir(parents=True)
        (tmp_path / "store" / "v1" / "real").touch()
        (tmp_path / "store" / "current").symlink_to("v1")
        (tmp_path / "dir").symlink_to(tmp_path / "store" / "current")
        assert places([str(tmp_path / "dir" / "real")]) == {
            str(tmp_path): {"dir"},
            str(tmp_path / "store"): {"current"},
            str(tmp_path / "store" / "v1"): {"real"},
        }

    def test_of_a_missing_directory_is_where_it_would_appear(self, tmp_path: Path) -> None:
        assert places([str(tmp_path / "x" / "y" / "a")]) == {str(tmp_path): {"x"}}

    def test_of_a_circle_of_links_end(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("b")
        (tmp_path / "b").symlink_to("a")
        assert places([str(tmp_path / "a")]) == {str(tmp_path): {"a", "b"}}

    def test_of_several_files_in_one_directory_are_one(self, tmp_path: Path) -> None:
        assert places([str(tmp_path / "a"), str(tmp_path / "b")]) == {str(tmp_path): {"a", "b"}}


def rewrite(path: Path) -> None:
    path.write_text("something else")


def replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("something")
    other.replace(path)


def replace_target(path: Path) -> None:
    """As stow and home-manager do: the link points to another file from now on."""
    target = path.with_name("target")
    target.write_text("something")
    path.unlink()
    path.symlink_to(target)


CHANGES: list[Callable[[Path], object]] = [
    rewrite,
    replace,
    replace_target,
    Path.unlink,
    lambda path: path.chmod(0o640),
]


@pytest.mark.parametrize("change", CHANGES)
def test_marks_tell_every_change(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = tmp_path / "file"
    path.write_text("something")
    before = marks([str(path)])
    assert marks([str(path)]) == before
    change(path)
    assert marks([str(path)]) != before


@pytest.mark.anyio
class TestWatch:
    @pytest.mark.parametrize("change", CHANGES)
    async def test_wakes_for_every_change(self, tmp_path: Path, change: Callable[[Path], object]) -> None:
        path = tmp_path / "file"
        path.write_text("something")
        with Watch() as watching, anyio.fail_after(5):
            watching.arm(places([str(path)]))
            assert watching.pause == watch.SLOW_POLL
            async with anyio.create_task_group() as group:
                group.start_soon(watching.wait)
                await anyio.wait_all_tasks_blocked()
                change(path)

    async def test_wakes_when_the_target_behind_a_link_changes(self, tmp_path: Path) -> None:
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "real").touch()
        (tmp_path / "link").symlink_to("store/real")
        with Watch() as watching, anyio.fail_after(5):
            watching.arm(places([str(tmp_path / "link")]))
            (tmp_path / "store" / "real").write_text("x")
            await watching.wait()

    async def test_sleeps_while_other_files_of_the_directory_change(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with Watch() as watching:
            watching.arm(places([str(tmp_path / "file")]))
            with anyio.move_on_after(0.2) as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(watching.wait)
                    for number in range(20):
                        (tmp_path / f"other{number}").touch()
                        await anyio.sleep(0)
            assert scope.cancelled_caught

    async def test_forgets_what_it_is_no_longer_armed_for(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        with Watch() as watching, anyio.fail_after(5):
            watching.arm({str(tmp_path / "one"): {"a"}})
            watching.arm({str(tmp_path / "two"): {"a"}})
            (tmp_path / "one" / "a").touch()
            with anyio.move_on_after(0.1) as scope:
                await watching.wait()
            assert scope.cancelled_caught
            (tmp_path / "two" / "a").touch()
            await watching.wait()

    async def test_looks_four_times_a_second_without_inotify(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "_inotify", lambda: None)
        with Watch() as watching, anyio.fail_after(5):
            watching.arm({str(tmp_path): {"a"}})
            assert watching.pause == watch.POLL == 0.25
            await watching.wait()

    async def test_looks_as_often_where_a_directory_cannot_be_watched(self, tmp_path: Path) -> None:
        with Watch() as watching:
            watching.arm({str(tmp_path): {"a"}, str(tmp_path / "missing"): {"a"}})
            assert watching.pause == watch.POLL

    async def test_closes_its_descriptor(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        with Watch():
            pass
        assert len(os.listdir("/proc/self/fd")) == before
