"""A bare page in Chromium that stands for the notebook: a built bundle, a scripted model, nothing else."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Page,
    Playwright,
    Route,
    expect,
    sync_playwright,
)

import spanbook as sb
from tests.tracing import tracing_into
from tests.ui.wire import TraceData

STATIC = Path(__file__).parents[2] / "src" / "spanbook" / "widgets" / "static"
AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
HOST_JS = Path(__file__).with_name("host.js")
URL = "http://notebook.test/"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "install it with `make chromium`"
SURFACE = {"light": "#ffffff", "dark": "#111418"}
AXE_RUN = """async ([within, surface]) => {
  const root = document.querySelector(within), html = document.documentElement;
  const { violations } = await axe.run(root);
  if (!surface) return violations;
  const [before, other] = html.className === 'dark' ? ['dark', 'light'] : ['light', 'dark'];
  const turn = (theme) => {
    html.className = theme;
    document.body.style.background = surface[theme];
    return new Promise((done) => setTimeout(done, 50));
  };
  await turn(other);
  const contrast = await axe.run(root, { runOnly: ['color-contrast'] });
  await turn(before);
  return [...violations, ...contrast.violations];
}"""


def bundle(name: str) -> str:
    """The text of a built file; says how to build it when it is not there."""
    path = STATIC / name
    if not path.exists():
        pytest.fail(f"{path} is missing; build it with `npm --prefix js run build`.")
    return path.read_text(encoding="utf-8")


def find_chromium() -> str | None:
    """The path of a Chromium, the cheapest to run first."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    chromium = find_chromium()
    if chromium is None:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(f"there is no Chromium; {INSTALL}")
    browser = playwright_driver.chromium.launch(executable_path=chromium, args=ARGS)
    yield browser
    browser.close()


class HostPage:
    """One page with one widget on it, and the kernel's side of its model."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []  # everything the page asked the network for, answered by nobody
        self.errors: list[str] = []
        self._exposed: dict[str, Callable[..., Any]] = {}  # what scripts of the page can call, by name
        self._html = ""
        self._is_fresh = True
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._dialog)
        page.route("**/*", self._serve)

    def _dialog(self, dialog: Dialog) -> None:
        self.errors.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(URL)
        if path == "":
            route.fulfill(body=self._html, content_type="text/html")
        elif path.startswith("static/"):
            route.fulfill(body=bundle(path.removeprefix("static/")), content_type="text/javascript")
        elif route.request.url.startswith("file:"):
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()

    def open(self, theme: str = "light", body: str = "", *, fresh: bool = False) -> None:
        """Show an empty notebook: the one that is there made empty, or a fresh one, which nobody has afterwards."""
        self.requests.clear()
        self.errors.clear()
        self._is_fresh = fresh or body != ""
        if self._is_fresh or self.page.url != URL:
            self._html = (
                '<!doctype html><html><meta charset="utf-8"><title>notebook</title>'
                f'<body>{body}<main id="cell"></main>'
                f"<script>{HOST_JS.read_text(encoding='utf-8')}</script></body></html>"
            )
            self.page.goto(URL)
        self.page.evaluate("given => host.enter(...given)", [theme, SURFACE[theme], list(self._exposed)])

    def expose(self, name: str, function: Callable[..., Any]) -> None:
        """Let scripts of the page call a function; an earlier one of this name is forgotten."""
        if name not in self._exposed:
            self.page.expose_function(name, lambda *given: self._exposed[name](*given))
        self._exposed[name] = function

    def leave(self) -> None:
        """End everything on the page, so that another test can have it."""
        self.page.mouse.move(0, 0)
        if self._is_fresh or self.page.url != URL:
            self.page.goto("about:blank")
        else:
            self.page.evaluate("host.leave()")

    def show(self, widget: str, state: dict[str, Any], answers: dict[str, Any], *, held: bool = False) -> None:
        """Render a widget; bundles that it asks the kernel for are answered unless ``answers`` says how."""
        # as one text: the driver takes seconds to hand over a large value
        given = json.dumps([widget, state, answers, held])
        self.page.evaluate("given => host.show(...JSON.parse(given))", given)

    def explorer(
        self, trace: TraceData, *, answers: dict[str, Any] | None = None, held: bool = False, **traits: Any
    ) -> None:
        self.show("explorer.js", {**trace.traits(), **traits}, {**trace.answers(), **(answers or {})}, held=held)

    def push(self, message: dict[str, Any], buffers: list[str] | None = None) -> None:
        self.page.evaluate("([message, buffers]) => host.push(message, buffers)", [message, buffers or []])

    def rows(self, trace: TraceData, changed: dict[int, Any]) -> None:
        self.push(*trace.push(changed))

    def release(self) -> None:
        self.page.evaluate("host.model.release()")

    def trait(self, name: str) -> Any:
        return self.page.evaluate("(name) => host.model.get(name)", name)

    def set_trait(self, name: str, value: Any) -> None:
        self.page.evaluate("([name, value]) => host.model.set(name, value)", [name, value])

    def calls(self, method: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = self.page.evaluate("host.model.calls")
        return [call["params"] for call in sent if call.get("method") == method]

    def axe(self, within: str = "#cell", *, themes: int = 2) -> list[str]:
        """Violations that axe-core finds, one line each: by all rules, and contrast in the other theme."""
        if not AXE.exists():
            pytest.fail(f"{AXE} is missing; install it with `npm ci --prefix js`.")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate(AXE_RUN, [within, themes == 2 and SURFACE])
        return [
            f"{rule['id']}: {node['target']} {node['any'][0]['message'] if node['any'] else node['html']}"
            for rule in found
            for node in rule["nodes"]
        ]


class Tabs:
    """Pages of one browser that tests leave to each other: a new one costs more time than most of the tests."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: dict[str, BrowserContext] = {}
        self._free: dict[str, list[HostPage]] = {}
        self._taken: list[tuple[str, HostPage]] = []

    def take(self, **prefers: Any) -> HostPage:
        """Return a page in a context with these preferences."""
        key = repr(sorted(prefers.items()))
        if key not in self._contexts:
            self._contexts[key] = self._browser.new_context(**prefers)
        free = self._free.setdefault(key, [])
        host = free.pop() if free else HostPage(self._contexts[key].new_page())
        self._taken.append((key, host))
        return host

    def put_back(self) -> list[str]:
        """Empty what was taken; returns the errors of its scripts."""
        errors = []
        while self._taken:
            key, host = self._taken.pop()
            if not host.page.is_closed():
                host.leave()
                self._free[key].append(host)
            errors += host.errors
        return errors


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def host(tabs: Tabs) -> Iterator[Callable[..., HostPage]]:
    """Open a page: ``host(width=1180, theme="light")``; fails the test on any script error in it."""

    def open_page(
        width: int = 1180,
        height: int = 760,
        theme: Literal["light", "dark"] = "light",
        body: str = "",
        fresh: bool = False,
        **prefers: Any,
    ) -> HostPage:
        opened = tabs.take(color_scheme=theme, **prefers)
        if opened.page.viewport_size != {"width": width, "height": height}:
            opened.page.set_viewport_size({"width": width, "height": height})
        opened.page.set_default_timeout(10_000)
        opened.open(theme, body, fresh=fresh)
        return opened

    expect.set_options(timeout=10_000)
    yield open_page
    assert tabs.put_back() == []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sb.Store]:
    """An empty store that this process traces into."""
    with tracing_into(tmp_path / "store.db") as made:
        yield made
