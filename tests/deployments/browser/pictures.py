"""Pictures of Prefect's pages, and what a person reads on them."""

from pathlib import Path

from playwright.sync_api import Page

WIDTH = 1280
"""Pixels of a page; at that a form's texts stand on one line or two."""

MENU = 256
"""Pixels of the menu at the left, which says nothing of us."""

SETTLED = "() => new Promise(done => setTimeout(done, 1000))"
"""By then both UIs have taken what was typed, and drawn what was asked for."""

WHOLE = "Math.max(...[...document.querySelectorAll('*')].map(one => one.scrollHeight))"

HIDE_UNLOADED = "document.querySelectorAll('img').forEach(one => one.style.opacity = one.naturalWidth ? 1 : 0)"
"""Logos are fetched from Prefect's own site, which is not reached from everywhere."""


def photograph(page: Page, path: Path, height: int | None = None) -> None:
    """A picture of a page of the new UI without its menu, as high as given or as long as the page is."""
    page.mouse.move(0, 0)
    for _ in range(1 if height else 2):  # what is drawn only when it is seen makes a page longer
        page.set_viewport_size({"width": WIDTH, "height": height or page.evaluate(WHOLE)})
        page.evaluate(SETTLED)
    page.evaluate(HIDE_UNLOADED)
    size = page.viewport_size or {"width": WIDTH, "height": 0}
    area = {"x": MENU, "y": 0, "width": size["width"] - MENU, "height": size["height"]}
    page.screenshot(path=path, clip=area)  # type: ignore[arg-type]  # a typed dict of the library's own
    page.set_viewport_size({"width": WIDTH, "height": 900})


def open_run(page: Page, ui: str, run_id: str, tab: str = "Logs") -> None:
    """Open a run's page at one of its tabs."""
    page.goto(f"{ui}/runs/flow-run/{run_id}", wait_until="networkidle")
    page.get_by_role("tab", name=tab).click()


def open_artifact(page: Page, ui: str, run_id: str, kind: str) -> None:
    """Open the artifact of a run whose key ends so, as a person does: from its card on the run's page."""
    open_run(page, ui, run_id, "Artifacts")
    page.locator("a[href*='/artifacts/artifact/']").filter(has_text=f"-{kind}").first.click()
    page.wait_for_url("**/artifacts/artifact/*")


def reads(page: Page, *texts: str) -> None:
    """Wait until a person can read each of these texts."""
    for text in texts:
        page.get_by_text(text).first.wait_for()
