"""A real Chromium, driven by Playwright, without root and without Playwright's own download."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Self

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.node import run_node
from tests.support.processes import PROJECT

PACKAGE = PROJECT / "node_modules" / "@sparticuz" / "chromium"

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

UNPACK = """
const { default: chromium } = await import("@sparticuz/chromium");
console.log(JSON.stringify(await chromium.executablePath()));
"""


FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts-cache</cachedir>
</fontconfig>
"""


class Chromium:
    """The browser of a test run: the npm package's, unpacked into a folder of its own, else the machine's."""

    def __init__(self) -> None:
        """Unpack and start it."""
        self._folder = Path(tempfile.mkdtemp(prefix="parley-chromium-"))
        env: dict[str, str | float | bool] = {
            "HOME": str(self._folder),
            "PATH": os.environ.get("PATH", os.defpath),
        }
        try:
            program = self._unpack(env) if PACKAGE.is_dir() else self._machines()
            self._playwright = sync_playwright().start()
            try:
                self.browser: Browser = self._playwright.chromium.launch(
                    executable_path=program, args=list(FLAGS), headless=True, env=env
                )
            except BaseException:
                self._playwright.stop()
                raise
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _unpack(self, env: dict[str, str | float | bool]) -> str:
        """The package's own code unpacks it, with the libraries that it brings for hosts that have none."""
        # The package unpacks its libraries only where it believes to be on the host that it was made for.
        host = {"TMPDIR": str(self._folder), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs22.x"}
        (program,) = run_node(UNPACK, timeout=120, env=host)
        env["LD_LIBRARY_PATH"] = str(self._folder / "al2023" / "lib")
        # The package's own configuration looks for its fonts in one fixed folder; without any font, an <input> ends
        # the browser.
        fonts = self._folder / "fonts.conf"
        fonts.write_text(FONTS.format(folder=self._folder))
        env["FONTCONFIG_FILE"] = str(fonts)
        return str(program)

    @staticmethod
    def _machines() -> str:
        """Debian's, or whoever's."""
        for name in ("chromium", "chromium-browser", "google-chrome"):
            if found := shutil.which(name):
                return found
        raise AssertionError("no Chromium: run bin/setup --dev, or install your system's package")

    def stop(self) -> None:
        """Close it and remove its files."""
        try:
            self.browser.close()
            self._playwright.stop()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


class Visitor:
    """Somebody with their own browser profile. Complaints on its console fail the test, unless expected."""

    def __init__(self, browser: Browser, **options: object) -> None:
        """`options` as for Playwright's `new_context`."""
        self.context: BrowserContext = browser.new_context(**options)  # type: ignore[arg-type]
        self.context.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} ({message.location['url']})")

    def open(self, url: str) -> Page:
        """A new tab at `url`, loaded."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def expect_complaint(self, pattern: str) -> None:
        """Allow console errors and warnings with `pattern`: the test provokes them."""
        self._expected.append(re.compile(pattern))

    def unexpected(self) -> list[str]:
        """The complaints that nobody expected."""
        return [text for text in self.complaints if not any(pattern.search(text) for pattern in self._expected)]

    def close(self) -> None:
        """Close its tabs. Fails on unexpected complaints."""
        self.context.close()
        assert not self.unexpected(), "\n".join(["on the browser's console:", *self.unexpected()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
