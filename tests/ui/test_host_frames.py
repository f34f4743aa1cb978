"""VS Code and Colab by imitating their frames: where the theme stands, what the frame may not do, when answers come."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Frame, Page, Route, expect

from tests.ui import agent
from tests.ui.conftest import HOST_JS, HostPage, bundle
from tests.ui.wire import TraceData

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

FRAME = "http://frame.test/"
#: VS Code's output frame: the theme on the body, its colours as variables, a policy that lets our blobs in.
VSCODE = {
    "html": "",
    "body": 'class="vscode-{theme}" data-vscode-theme-kind="vscode-{theme}"',
    "css": ":root{{--vscode-editor-background:{surface};--vscode-focusBorder:#0090f1;--vscode-font-family:sans-serif;"
    "--vscode-editor-font-family:monospace}} body{{margin:0;padding:0 20px;background:transparent}}",
}
#: Colab's output frame: of another origin, the theme on the root element, as high as its content.
COLAB = {"html": 'theme="{theme}"', "body": "", "css": "body{{margin:0;background:{surface}}}"}
SURFACES = {"light": "#ffffff", "dark": "#1e1e1e"}


def open_frame(opened: HostPage, like: dict[str, str], theme: str, *, height: int = 700) -> Frame:
    """Open a frame of another origin with a cell's output in it; its page cannot be read from inside."""
    surface = SURFACES[theme]
    html, body, css = (like[part].format(theme=theme, surface=surface) for part in ("html", "body", "css"))
    inner = (
        f'<!doctype html><html lang="en" {html}><meta charset="utf-8"><title>output</title><style>{css}</style>'
        f'<body {body}><main id="cell"></main><script>{HOST_JS.read_text(encoding="utf-8")}</script></body></html>'
    )

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(FRAME)
        if path.startswith("static/"):
            route.fulfill(body=bundle(path.removeprefix("static/")), content_type="text/javascript")
        elif path == "":
            route.fulfill(body=inner, content_type="text/html")
        else:
            opened.requests.append(route.request.url)
            route.abort()

    opened.page.route(f"{FRAME}**", serve)
    opened.page.evaluate(  # the notebook's own frame, of constants of this file
        "([url, height]) => { cell.innerHTML = `<iframe title=output sandbox='allow-scripts allow-same-origin "
        "allow-downloads allow-forms allow-popups' style='width:100%;height:${height}px;border:0' src=${url}>` }",
        [FRAME, height],
    )
    expect(opened.page.frame_locator("iframe").locator("#cell")).to_be_attached()
    frame = opened.page.frame(url=FRAME)
    assert frame is not None
    return frame


def show(frame: Frame, data: TraceData, *, held: bool = False, name: str = "explorer.js", **state: object) -> None:
    frame.evaluate(
        "([name, state, answers, held]) => host.show(name, state, answers, held)",
        [name, {**data.traits(), **state}, agent.answers(data), held],
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("like", [VSCODE, COLAB], ids=["vscode", "colab"])
def test_the_theme_of_the_frame_is_followed(host: Open, like: dict[str, str], theme: str) -> None:
    opened = host(theme="light" if theme == "dark" else "dark")  # the page around is the other way round
    frame = open_frame(opened, like, theme)
    show(frame, agent.trace())
    root = frame.locator(".sb-explorer")
    expect(root).to_have_attribute("data-theme", theme)
    name = frame.locator(".sb-row .sb-t").first
    assert name.evaluate("el => getComputedStyle(el).color") == (
        "rgb(223, 228, 234)" if theme == "dark" else "rgb(29, 35, 41)"
    )
    other = "light" if theme == "dark" else "dark"
    frame.evaluate(
        "theme => { document.body.dataset.vscodeThemeKind &&= `vscode-${theme}`; "
        "if (document.documentElement.hasAttribute('theme')) document.documentElement.setAttribute('theme', theme) }",
        other,
    )
    expect(root).to_have_attribute("data-theme", other)
    assert opened.requests == []


@pytest.mark.parametrize("like", [VSCODE, COLAB], ids=["vscode", "colab"])
def test_without_a_subshell_requests_wait_for_the_cell_and_are_then_answered(host: Open, like: dict[str, str]) -> None:
    opened = host()
    frame = open_frame(opened, like, "light")
    show(frame, agent.trace(), held=True)
    frame.locator(".sb-row", has_text="plan").click()
    detail = frame.locator(".sb-detail")
    expect(detail).to_contain_text("Kernel busy, will load when the cell ends")
    expect(detail).to_contain_text("gpt-4o-mini")  # what the columns say is there already
    frame.locator(".sb-tree").focus()
    opened.page.keyboard.press("/")
    frame.get_by_role("combobox", name="Find or filter").fill("price")
    expect(frame.locator(".sb-find-note")).to_contain_text("Kernel busy")

    frame.evaluate("host.model.release()")
    expect(frame.locator(".sb-find")).to_contain_text("2 found")
    expect(detail).not_to_contain_text("Kernel busy")


def test_rows_that_are_pushed_are_seen_while_requests_wait(host: Open) -> None:
    """Messages to the page need no subshell: a running cell is followed in every host."""
    opened = host()
    frame = open_frame(opened, VSCODE, "dark")
    data = agent.live()
    show(frame, data, held=True)
    frame.locator(".sb-row", has_text="answer").click()
    frame.evaluate(
        "host.push({ kind: 'partial', v: 1, row: 10, text: 'It costs 29', at_ms: 0 })",
    )
    expect(frame.locator(".sb-detail")).to_contain_text("It costs 29")


@pytest.mark.parametrize("like", [VSCODE, COLAB], ids=["vscode", "colab"])
def test_a_frame_without_a_clipboard_copies_the_old_way(host: Open, like: dict[str, str]) -> None:
    opened = host()
    frame = open_frame(opened, like, "light")
    frame.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    frame.evaluate("document.execCommand = (what) => { window.copied = document.activeElement.value; return true }")
    show(frame, agent.trace(), _view={"row": 5})
    frame.locator(".sb-detail button", has_text="copy").first.click()
    expect(frame.locator(".sb-detail")).to_contain_text("copied")
    assert "I need the current price" in frame.evaluate("window.copied")


def test_a_frame_as_high_as_its_content_settles(host: Open) -> None:
    """Colab sets the frame's height to what is in it: a view that follows the window would grow for ever."""
    opened = host()
    frame = open_frame(opened, COLAB, "light", height=100)
    show(frame, agent.trace())
    heights = []
    for _ in range(6):
        height = frame.evaluate("document.documentElement.scrollHeight")
        opened.page.evaluate("height => { document.querySelector('iframe').style.height = `${height}px` }", height)
        opened.page.wait_for_timeout(80)
        heights.append(height)
    assert heights[-1] == heights[-2] == heights[-3] < 900


def test_the_chip_opens_in_a_frame(host: Open) -> None:
    """The explorer comes by message as a module, from no server's address."""
    opened = host()
    frame = open_frame(opened, VSCODE, "dark")
    data = agent.trace()
    show(frame, data, name="chip.js", _summary=agent.CHIP, _open=False)
    frame.locator(".sb-chip").click()
    expect(frame.locator(".sb-row")).to_have_count(14)
    assert opened.requests == []


def test_keys_do_not_leave_the_frame(host: Open) -> None:
    opened = host()
    page: Page = opened.page
    frame = open_frame(opened, VSCODE, "light")
    show(frame, agent.trace())
    frame.locator(".sb-row").first.click()
    for key in ("d", "d", "x", "Home", "ArrowDown"):
        page.keyboard.press(key)
    assert frame.evaluate("host.leaked") == []
    expect(frame.locator('.sb-row[aria-selected="true"]')).to_contain_text("check_question")
