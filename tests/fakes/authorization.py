"""An authorization server that nobody here wrote (``tests/node/authorization_server.mjs``), and a person with
a browser who signs in there."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NODE = Path(__file__).parents[1] / "node"

SECRET = "c1ient secret+/%"


@dataclass(frozen=True)
class AuthorizationServer:
    issuer: str

    def seen(self, grant: str | None = None) -> list[dict[str, Any]]:
        """What its token endpoint was asked, oldest first."""
        with urllib.request.urlopen(f"{self.issuer}/seen", timeout=10) as answer:
            return [one for one in json.load(answer) if grant in (None, one["grant"])]

    def oauth(self, client_id: str = "public", **more: Any) -> dict[str, Any]:
        """The ``oauth:`` of a configuration."""
        return {
            "client_id": client_id,
            "authorize_url": f"{self.issuer}/auth",
            "token_url": f"{self.issuer}/token",
            "device_url": f"{self.issuer}/device/auth",
            "revoke_url": f"{self.issuer}/token/revocation",
            "issuer": self.issuer,
            "scopes": ["openid", "offline_access"],
            "redirect": "http://127.0.0.1/cb",
            **({"client_secret": SECRET} if client_id == "secret" else {}),
            **more,
        }

    def client(self, client_id: str = "public", **more: Any) -> dict[str, Any]:
        """An entry of ``clients:`` whose API takes the server's tokens."""
        return {
            "type": "openai-compatible",
            "name": "mine",
            "auth": "oauth",
            "api_base": f"{self.issuer}/v1",
            "models": [{"name": "m", "no_stream": True}],
            "extra": {"max_retries": 0},
            "oauth": self.oauth(client_id, **more),
        }


@contextmanager
def serving(**environ: str) -> Iterator[AuthorizationServer]:
    program = shutil.which("node")
    if program is None or not (NODE / "node_modules" / "oidc-provider").is_dir():
        pytest.skip("Node and its packages are not installed: install nodejs and npm, then `make test`")
    process = subprocess.Popen(
        [program, NODE / "authorization_server.mjs"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], **environ},
    )
    try:
        assert process.stdout is not None
        yield AuthorizationServer(json.loads(process.stdout.readline())["issuer"])
    finally:
        process.kill()
        process.communicate()


class _Stop(Exception):
    pass


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, until: str) -> None:
        self.until = until
        self.reached = ""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        if self.until and self.until in newurl:
            self.reached = newurl
            fp.close()
            raise _Stop
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Person:
    """Signs in and agrees to everything. Blocks."""

    def __init__(self) -> None:
        self._jar = http.cookiejar.CookieJar()

    def visit(self, url: str, form: dict[str, str] | None = None) -> str:
        """The page that the browser ends at."""
        data = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self._opener("").open(url, data, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{error.code}: {error.read().decode()[-2000:]}") from None

    def address(self, url: str, until: str) -> str:
        """The address with ``until`` in it, which the browser is sent to and cannot reach."""
        redirects = _Redirects(until)
        try:
            self._opener(redirects).open(url, timeout=10).close()
        except _Stop:
            return redirects.reached
        raise AssertionError(f"the browser was not sent to {until}")

    def confirm(self, url: str) -> None:
        """Agrees on another device."""
        page = self.visit(url)
        for _ in range(3):
            if "Sign-in Success" in page:
                return
            action = re.search(r'action="([^"]+)"', page)
            assert action is not None, page
            fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
            page = self.visit(action[1], {**fields, **({} if "user_code" in fields else {"confirm": "yes"})})
        assert "Success" in page, page

    def _opener(self, redirects: Any) -> urllib.request.OpenerDirector:
        handlers = [urllib.request.HTTPCookieProcessor(self._jar), urllib.request.ProxyHandler({})]
        return urllib.request.build_opener(*handlers, *([redirects] if redirects else []))
