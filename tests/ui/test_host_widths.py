"""From 320 px to full screen and at 200 % zoom: nothing overlaps or is cut off, nothing scrolls sideways but code."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.test_host_layout import OVERFLOWING

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

WIDTHS = (320, 480, 700, 1180, 1920)

# Pairs of texts that lie on each other, and controls that stand outside the widget. What scrolls is looked at where it
# is scrolled to; what is there for screen readers only, or shown on hover, takes no place.
CROWDED = """() => {
  const root = document.querySelector('.sb'), frame = root.getBoundingClientRect(), found = [];
  const clipped = (rect, el) => {
    let { left, top, right, bottom } = rect;
    for (let at = el; at && at !== root.parentElement; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.opacity === '0' || style.visibility === 'hidden') return null;
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const box = at.getBoundingClientRect();
      left = Math.max(left, box.left); right = Math.min(right, box.right);
      top = Math.max(top, box.top); bottom = Math.min(bottom, box.bottom);
    }
    return right - left > 1 && bottom - top > 1 ? { left, top, right, bottom } : null;
  };
  const texts = [], walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const el = node.parentElement;
    if (!node.data.trim() || el.closest('.sb-sr, style, [role="dialog"], svg')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      const seen = clipped(rect, el);
      if (seen) texts.push({ ...seen, el, text: node.data.trim().slice(0, 30) });
    }
  }
  texts.forEach((one, i) => {
    for (const other of texts.slice(i + 1)) {
      const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
      if (wide > 2 && high > 4 && one.el !== other.el) found.push(`${one.text} / ${other.text}`);
    }
  });
  for (const el of root.querySelectorAll('button, input, [role="tab"]')) {
    if (el.closest('.sb-scroll, .sb-ts, .sb-block, [role="dialog"], .sb-jact') || !el.offsetWidth) continue;
    const box = el.getBoundingClientRect();
    const isInside = box.left >= frame.left - 1 && box.right <= frame.right + 1;
    if (!isInside) found.push(`outside: ${el.innerText || el.className}`);
  }
  return found;
}"""

VIEWS: list[dict[str, object]] = [
    {"row": 5},
    {"row": 6},
    {"row": 10},
    {"row": 5, "tab": "usage"},
    {"row": 5, "tab": "tools"},
    {"row": 5, "tab": "metadata"},
    {"row": 1},
    {"row": 5, "view": "conversation"},
    {"row": 5, "view": "timeline"},
    {"row": 5, "view": "graph"},
    {"row": 5, "view": "log"},
]


def show(host: HostPage, view: dict[str, object]) -> Page:
    data = agent.trace()
    host.explorer(data, answers=agent.answers(data), _view=view)
    expect(host.page.locator(".sb-panel, .sb-turn, .sb-view").first).to_be_visible()
    host.page.wait_for_timeout(150)
    return host.page


def assert_fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate(CROWDED) == []


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: "-".join(str(each) for each in view.values()))
def test_every_view_fits_every_width(host: Open, view: dict[str, object]) -> None:
    page = show(host(height=1000), view)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(60)
        assert_fits(page, width)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [640, 1280])
def test_it_is_readable_at_twice_the_size(host: Open, theme: str, width: int) -> None:
    """Zoom as browsers do it: half as many CSS pixels, each twice as large."""
    opened = host(width=width // 2, height=500, theme=theme, device_scale_factor=2)
    page = show(opened, {"row": 5})
    assert_fits(page, width // 2)
    page.locator(".sb-tree").focus()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_be_visible()
    assert keys.evaluate("el => el.scrollWidth <= el.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width // 2


def test_text_of_twice_the_size_is_not_cut_off(host: Open) -> None:
    """Zoom as some hosts do it: every length doubled by CSS ``zoom``."""
    opened = host(width=1180, height=1400)
    page = show(opened, {"row": 5})
    page.evaluate("document.getElementById('cell').style.zoom = 2")
    page.wait_for_timeout(150)
    assert page.evaluate("document.documentElement.scrollWidth") <= 1180
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate(CROWDED) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_chip_and_the_snapshot_fit_every_width(host: Open, width: int) -> None:
    opened = host(width=width)
    opened.show("chip.js", {"_summary": {**agent.CHIP, "dropped": 3}, "_open": False, "_view": {}}, {})
    expect(opened.page.locator(".sb-chip")).to_be_visible()
    opened.page.wait_for_timeout(60)
    assert_fits(opened.page, width)
