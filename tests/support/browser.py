"""A real browser for the tests: an installed Chromium, headless, driven over its DevTools pipe.

The protocol is JSON messages that end in a NUL byte, read by the browser on descriptor 3 and written on descriptor 4
(`--remote-debugging-pipe`); see https://chromedevtools.github.io/devtools-protocol/.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_S = 60
FIRST_FREE_DESCRIPTOR = 10
MAX_HEIGHT_PX = 12_000
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
MEASURE = """({
  width: window.innerWidth,
  scroll_width: document.documentElement.scrollWidth,
  height: document.documentElement.scrollHeight,
  title: document.title,
  lang: document.documentElement.lang,
  scripts: document.scripts.length,
  cards: document.querySelectorAll("article.vehicle").length,
  pictures: [...document.images].map(one => [one.complete, one.naturalWidth, one.naturalHeight, one.alt]),
  text: document.body.innerText,
  background: getComputedStyle(document.body).backgroundColor,
})"""


def installed() -> str | None:
    """Path of an installed Chromium; None if there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def open_page(
    chromium: str, path: Path, width_px: int, screenshot: Path, scheme: Literal["light", "dark"] = "light"
) -> dict[str, Any]:
    """Open a page in a window of `width_px`, measure it, and write a picture of all of it.

    Besides what MEASURE reads: `loaded`, the addresses of all `requests`, and the texts on the `console`.
    """
    with _session(chromium) as page:
        page.call("Network.enable")
        page.call("Runtime.enable")
        page.call("Log.enable")
        page.call("Page.enable")
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.resize(width_px, 800)
        answer = page.call("Page.navigate", url=path.resolve().as_uri())
        page.wait_for("Page.loadEventFired")
        found: dict[str, Any] = page.call("Runtime.evaluate", expression=MEASURE, returnByValue=True)["result"]["value"]
        page.resize(width_px, min(found["height"], MAX_HEIGHT_PX))
        screenshot.write_bytes(base64.b64decode(page.call("Page.captureScreenshot", format="png")["data"]))
        return found | {"loaded": "errorText" not in answer, "requests": page.requests(), "console": page.console()}


class _Page:
    """One tab: calls go out one by one, events are kept in order of arrival."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._to_browser, self._from_browser = to_browser, from_browser
        self._buffer, self._calls = b"", 0
        self._session: dict[str, str] = {}
        self._events: list[dict[str, Any]] = []

    def attach(self) -> None:
        """Open a tab of its own; all further calls are to it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of one call; RuntimeError with the browser's message if it refuses."""
        self._calls += 1
        message = {"id": self._calls, "method": method, "params": parameters} | self._session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._calls:
            self._events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, event: str) -> None:
        """Return as soon as the event has occurred."""
        while not self._parameters(event):
            self._events.append(self._next())

    def resize(self, width_px: int, height_px: int) -> None:
        """Set the size of the page's window; a real window cannot be as narrow as a phone."""
        size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def requests(self) -> list[str]:
        """The beginning of each address of the requests that the page made."""
        return [event["request"]["url"][:100] for event in self._parameters("Network.requestWillBeSent")]

    def console(self) -> list[str]:
        """What the page and the browser wrote to the console."""
        calls = [str(event["args"]) for event in self._parameters("Runtime.consoleAPICalled")]
        errors = [str(event["exceptionDetails"]) for event in self._parameters("Runtime.exceptionThrown")]
        return calls + errors + [event["entry"]["text"] for event in self._parameters("Log.entryAdded")]

    def _parameters(self, event: str) -> list[dict[str, Any]]:
        return [one["params"] for one in self._events if one.get("method") == event]

    def _next(self) -> dict[str, Any]:
        deadline_s = time.monotonic() + TIMEOUT_S
        while b"\0" not in self._buffer:
            if not select.select([self._from_browser], [], [], max(0.0, deadline_s - time.monotonic()))[0]:
                raise TimeoutError(f"the browser sent nothing for {TIMEOUT_S} s")
            received = os.read(self._from_browser, 1 << 20)
            if not received:
                raise EOFError("the browser ended")
            self._buffer += received
        message, self._buffer = self._buffer.split(b"\0", 1)
        decoded: dict[str, Any] = json.loads(message)
        return decoded


@contextmanager
def _session(chromium: str) -> Iterator[_Page]:
    """A browser with an empty profile and one tab, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="cvitx-chromium-", ignore_cleanup_errors=True) as profile:
        browser_end, to_browser = _pipe()
        from_browser, write_end = _pipe()
        command = [chromium, *SWITCHES, f"--user-data-dir={profile}"]
        redirected = ["bash", "-c", f'exec "$@" 3<&{browser_end} 4>&{write_end}', "chromium", *command]
        process = subprocess.Popen(
            redirected, pass_fds=(browser_end, write_end), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(browser_end)
        os.close(write_end)
        try:
            page = _Page(to_browser, from_browser)
            page.attach()
            yield page
            page.call("Browser.close")
        finally:
            os.close(to_browser)
            os.close(from_browser)
            process.terminate()
            process.wait()


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, with numbers that the browser's own two do not collide with."""
    ends = os.pipe()
    try:
        read_end, write_end = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FIRST_FREE_DESCRIPTOR) for end in ends)
        return read_end, write_end
    finally:
        for end in ends:
            os.close(end)
