"""Always live credentials, and one request for them however many want them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from pydantic import SecretStr

from lokid import logs
from lokid.errors import LoginRequired, LokidError, ProviderUnavailable
from lokid.runtime.identities.credentials import CloudCredentials
from lokid.runtime.identities.source import Obtained
from lokid.runtime.oauth import refresher
from tests.fakes.clouds import Time

pytestmark = pytest.mark.anyio

LIFE = 1000.0  # the last 200 s are for renewing
DOWN = ProviderUnavailable("the cloud is down")
NOBODY = LoginRequired("nobody has signed in", hint="cloud login")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The task looks often, since only the clock of the test moves on."""
    monkeypatch.setattr(refresher, "RECHECK_S", 0.01)


@dataclass
class Cloud:
    """Numbers what it gives: canary-access-1, canary-access-2, ..."""

    files: tuple[str, ...] = ()
    count: int = 0
    life_s: float = LIFE
    fails: Exception | None = None
    go: anyio.Event | None = None
    given: list[str] = field(default_factory=list)

    async def obtain(self) -> Obtained:
        self.count += 1
        number = self.count
        if self.go is not None:
            await self.go.wait()
        if self.fails is not None:
            raise self.fails
        self.given.append(f"canary-access-{number}")
        return Obtained({"access_token": SecretStr(self.given[-1])}, self.life_s, "payer")


@asynccontextmanager
async def running(cloud: Cloud, time: Time) -> AsyncIterator[CloudCredentials]:
    credentials = CloudCredentials("mine", cloud, clock=time.clock())
    async with anyio.create_task_group() as group:
        credentials.begin(group.start_soon)
        yield credentials
        credentials.close()


async def get(credentials: CloudCredentials) -> str:
    return (await credentials.get()).secrets["access_token"].get_secret_value()


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not condition():
            await anyio.sleep(0.005)


async def test_nothing_is_asked_for_until_somebody_needs_it() -> None:
    cloud = Cloud()
    async with running(cloud, Time()) as credentials:
        await anyio.sleep(0.05)
        assert cloud.count == 0
        assert await get(credentials) == "canary-access-1"
        assert (await credentials.get()).quota_project == "payer"


async def test_of_twenty_callers_is_one_request() -> None:
    cloud, time, got = Cloud(), Time(), []
    async with running(cloud, time) as credentials:

        async def call() -> None:
            got.append(await get(credentials))

        for number in (1, 2):
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(call)
            assert got == [f"canary-access-{number}"] * 20
            got.clear()
            time.passes(LIFE + 1)
    assert cloud.count == 2


async def test_they_are_renewed_ahead_while_callers_go_on_with_the_live_ones() -> None:
    cloud, time = Cloud(), Time()
    async with running(cloud, time) as credentials:
        await get(credentials)
        cloud.go = anyio.Event()
        time.passes(LIFE * 0.7)
        await anyio.sleep(0.05)
        assert cloud.count == 1
        time.passes(LIFE * 0.11)
        await until(lambda: cloud.count == 2)
        assert await get(credentials) == "canary-access-1"
        cloud.go.set()
        await until(lambda: len(cloud.given) == 2)
        assert await get(credentials) == "canary-access-2"


async def test_the_live_ones_go_on_while_the_cloud_is_down_and_then_it_says_so() -> None:
    cloud, time = Cloud(), Time()
    async with running(cloud, time) as credentials:
        await get(credentials)
        cloud.fails = DOWN
        time.passes(LIFE * 0.81)
        await until(lambda: cloud.count == 2)
        assert await get(credentials) == "canary-access-1"
        credentials.check()
        time.passes(LIFE * 0.2)
        with pytest.raises(ProviderUnavailable, match="the cloud is down"):
            await get(credentials)
        cloud.fails = None
        time.passes(refresher.LONGEST_BACKOFF_S)
        assert await get(credentials) == f"canary-access-{cloud.count}"


async def test_a_cloud_that_is_down_is_not_asked_by_every_caller() -> None:
    cloud = Cloud(fails=DOWN)
    async with running(cloud, Time()) as credentials:
        for _ in range(5):
            with pytest.raises(ProviderUnavailable) as caught:
                await get(credentials)
        assert cloud.count == 1
        assert caught.value.retry_after_s is not None and 3 < caught.value.retry_after_s <= 5


async def test_what_a_person_must_mend_is_known_to_all_until_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "signed-in"
    cloud = Cloud((str(file),), fails=NOBODY)
    async with running(cloud, Time()) as credentials:
        credentials.check()  # nobody has tried yet
        for _ in range(3):
            with pytest.raises(LoginRequired, match="nobody has signed in") as caught:
                await get(credentials)
        assert cloud.count == 1 and caught.value.hint == "cloud login" and caught.value.retry_after_s is None
        with pytest.raises(LoginRequired):
            credentials.check()
        cloud.fails = None
        file.write_text("yes")
        credentials.check()
        assert await get(credentials) == "canary-access-2"


async def test_after_a_while_it_is_tried_again_without_a_changed_file() -> None:
    cloud, time = Cloud(fails=NOBODY), Time()
    async with running(cloud, time) as credentials:
        with pytest.raises(LoginRequired):
            await get(credentials)
        cloud.fails = None
        time.passes(refresher.LONGEST_BACKOFF_S)
        await anyio.sleep(0.05)
        assert cloud.count == 1  # nobody asked
        credentials.check()
        assert isinstance(credentials.problem(), LoginRequired)  # as far as is known
        assert await get(credentials) == "canary-access-2"
        assert credentials.problem() is None


async def test_a_refusal_by_the_provider_costs_one_renewal_and_the_next_is_believed() -> None:
    cloud, time = Cloud(), Time()
    async with running(cloud, time) as credentials:
        assert not credentials.renew(SecretStr("anything"))
        first = SecretStr(await get(credentials))
        assert all(credentials.renew(first) for _ in range(20))  # twenty questions were refused at once
        assert await get(credentials) == "canary-access-2"
        assert credentials.renew(first)  # another one is there by now
        assert not credentials.renew(SecretStr("canary-access-2"))
        assert await get(credentials) == "canary-access-2"
        time.passes(refresher.RENEWAL_S)
        assert credentials.renew(SecretStr("canary-access-2"))


async def test_the_machine_may_sleep_past_their_end() -> None:
    cloud, time = Cloud(), Time()
    async with running(cloud, time) as credentials:
        await get(credentials)
        time.passes(86400)
        await until(lambda: len(cloud.given) == 2)
        assert await get(credentials) == "canary-access-2"


async def test_a_life_that_is_over_at_once_does_not_make_a_storm() -> None:
    cloud = Cloud(life_s=0.0)
    async with running(cloud, Time()) as credentials:
        for _ in range(3):
            with pytest.raises(LokidError, match="have run out"):
                await get(credentials)
        await anyio.sleep(0.05)
        assert cloud.count == 1


async def test_a_bug_in_one_source_ends_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    cloud, time = Cloud(fails=KeyError("canary")), Time()
    async with running(cloud, time) as credentials:
        with pytest.raises(ProviderUnavailable, match="by a bug of lokid; its log says where"):
            await get(credentials)
        assert "canary" not in caplog.text
        cloud.fails = None
        time.passes(refresher.LONGEST_BACKOFF_S)
        assert await get(credentials) == "canary-access-2"


async def test_a_fault_of_the_system_is_told_in_words() -> None:
    cloud = Cloud(fails=PermissionError(13, "Permission denied", "/secret/path"))
    async with running(cloud, Time()) as credentials:
        with pytest.raises(ProviderUnavailable, match="could be had: permission denied"):
            await get(credentials)


async def test_nobody_waits_for_a_task_that_does_not_run() -> None:
    with pytest.raises(ProviderUnavailable, match="gets no token now: lokid starts"):
        await CloudCredentials("mine", Cloud()).get()
    closed = CloudCredentials("mine", Cloud())
    closed.close()
    with pytest.raises(ProviderUnavailable, match="gets no token now: lokid was locked"):
        await closed.get()


async def test_they_are_hidden_from_logs_and_reprs() -> None:
    cloud = Cloud()
    async with running(cloud, Time()) as credentials:
        obtained = await credentials.get()
    assert "canary" not in repr(obtained)
    assert "canary" not in logs.redact("it said canary-access-1")


def test_the_program_of_an_sdk_reads_no_more_than_fits() -> None:
    """Whatever a server sends: here it is a text of 2 GiB."""
    script = """from lokid.runtime.identities import sdk
sdk.CLOUDS = {"x": lambda _: {"x": "x" * 2**31}}
sdk.main()"""
    command = [sys.executable, "-c", script, '{"cloud": "x"}']
    done = subprocess.run(command, input="{}", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"error": "the SDK failed (MemoryError)", "kind": "unavailable"}
