"""A headless browser for the tests: the Chromium of Qt's WebEngine.

    python -m video_analysis.tests.support.browser PAGE.html WIDTH_PX SCREENSHOT.png

prints its measurements as JSON. It is a separate process, since Qt needs the main thread and cannot be restarted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEventLoop, QTimer, QUrl
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEngineUrlRequestInfo, QWebEngineUrlRequestInterceptor
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QApplication

TIMEOUT_MS = 30_000
REPAINT_MS = 800
HIGHEST_PX = 12_000
MEASURE = """JSON.stringify({
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


class _Requests(QWebEngineUrlRequestInterceptor):
    """Records every requested URL."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def interceptRequest(self, info: QWebEngineUrlRequestInfo) -> None:  # noqa: N802  # Qt's name
        self.urls.append(info.requestUrl().toString()[:100])


class _Page(QWebEnginePage):
    """Records the messages on the console."""

    messages: list[str]

    def javaScriptConsoleMessage(self, level: Any, message: str, line: int, source: str) -> None:  # noqa: N802
        self.messages.append(message)


def look(path: Path, width_px: int, screenshot: Path) -> dict[str, Any]:
    """Open a page in a window of `width_px`, measure it, and write a screenshot of the whole page."""
    view, requests, loads = QWebEngineView(), _Requests(), _Answers()
    page = _Page(view)
    page.messages = []
    page.profile().setUrlRequestInterceptor(requests)
    page.loadFinished.connect(loads.take)
    view.setPage(page)
    view.resize(width_px, 800)
    view.show()
    view.load(QUrl.fromLocalFile(str(path.resolve())))
    is_loaded = loads.next()
    measures = _Answers()
    page.runJavaScript(MEASURE, measures.take)
    seen: dict[str, Any] = json.loads(measures.next())
    view.resize(width_px, min(seen["height"], HIGHEST_PX))
    _wait(QEventLoop(), REPAINT_MS)
    view.grab().save(str(screenshot))
    return seen | {"loaded": is_loaded, "requests": requests.urls, "console": page.messages}


class _Answers:
    """Runs Qt's event loop until Qt calls `take`."""

    def __init__(self) -> None:
        self._loop, self._taken = QEventLoop(), list[Any]()

    def take(self, answer: Any) -> None:
        self._taken.append(answer)
        self._loop.quit()

    def next(self) -> Any:
        """The value of the last `take`; TimeoutError if there is none in time."""
        if not self._taken:
            _wait(self._loop, TIMEOUT_MS)
        if not self._taken:
            raise TimeoutError(f"the browser did not respond within {TIMEOUT_MS} ms")
        return self._taken.pop()


def _wait(loop: QEventLoop, at_most_ms: int) -> None:
    QTimer.singleShot(at_most_ms, loop.quit)
    loop.exec()


def main() -> None:
    """The command line."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("QTWEBENGINE_CHROMIUM_FLAGS", "--no-sandbox --disable-gpu --hide-scrollbars")
    application = QApplication(sys.argv[:1])
    seen = look(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    sys.stdout.write(json.dumps(seen) + "\n")
    sys.stdout.flush()
    application.quit()
    os._exit(0)  # a normal exit of Qt warns about pages that outlive their profile


if __name__ == "__main__":
    main()
