"""Prefect's form for a custom run, as a person at a browser fills it in; both of Prefect's UIs draw it."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

from .pictures import SETTLED

PATIENCE = 300_000.0
"""Milliseconds to wait for what is to be seen: a busy machine is no fault."""

GATHERED = "() => new Promise(done => setTimeout(done, 200))"
"""Both UIs gather what is typed for some hundredths of a second, by the browser's own clock."""

SUBMISSIONS = 10
"""How often the button is tried: a click is lost where the form is drawn anew under it."""

BOX = "ancestor::div[contains(concat(' ', @class, ' '), ' group ') or contains(@class, 'p-label ')][1]"
"""What belongs to a label: its field with all that is in it."""


@contextmanager
def open_browser() -> Iterator[Page]:
    """A page of the system's Chromium.

    Raises:
        FileNotFoundError: there is none.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise FileNotFoundError("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=chromium) as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        yield page


@dataclass(frozen=True)
class Field:
    """A field of the form, or all of it."""

    shown: Locator

    def field(self, title: str, number: int = 0) -> "Field":
        """The field with this title; of several in a list the one with this number, from 0."""
        titled = f"normalize-space() = '{title}' or normalize-space() = '{title} (Optional)'"
        return Field(self.shown.locator(f"xpath=.//label[{titled}]/{BOX}").nth(number))

    def write(self, words: str, number: int = 0) -> None:
        """Type into the field's text box, no JSON; of several in a list into the one with this number."""
        assert not set(words) & set('"[]')
        box = self.shown.locator("textarea:not(.p-code-input *)").nth(number)
        box.fill(words)
        box.page.evaluate(GATHERED)
        while box.input_value() != words:  # drawn anew meanwhile, with what was there before
            box.fill(words)
            box.page.evaluate(GATHERED)

    def choose(self, word: str) -> None:
        """Take a word from the field's drop-down list, by the keyboard, which opens it in both UIs."""
        self.shown.locator("button[aria-haspopup=listbox], .p-select-button__control").press("Space")
        self.shown.page.locator("[role=option], .p-select-option").filter(has_text=_exactly(word)).click()

    def write_number(self, number: float) -> None:
        """Type into the field's number box."""
        box = self.shown.locator("input[type=number]")
        box.fill(str(number))
        box.page.evaluate(GATHERED)

    def switch(self) -> None:
        """Turn the field's switch."""
        self.shown.locator("[role=switch], .p-toggle__control").click()

    def says(self, words: str) -> None:
        """Wait until the field shows these words, as an error at its place."""
        self.shown.get_by_text(words).first.wait_for()

    def click(self, button: str) -> None:
        """Click the last of the buttons or tabs with this name: a list's own stands behind those of its items."""
        self.shown.locator("button").filter(has_text=_exactly(button)).last.click()

    def insist(self, button: str, wait: Callable[[float], object]) -> None:
        """Click a button until it is taken; `wait` waits for that, so many milliseconds at most."""
        for _ in range(SUBMISSIONS):
            self.shown.page.evaluate(SETTLED)
            self.click(button)
            with suppress(NotInTime):
                wait(PATIENCE / SUBMISSIONS)
                return
        raise AssertionError(f"{button} is not taken:\n{self.shown.inner_text()}")


@dataclass(frozen=True)
class Form(Field):
    """The form of one deployment."""

    page: Page

    def titles(self) -> list[str]:
        """The titles of its fields, from the top; which of them may be left alone stands behind them."""
        found = self.shown.locator("label").all_inner_texts()
        return [" ".join(title.split()).removesuffix(" (Optional)") for title in found]

    def submit(self) -> None:
        """Start the run; the form is left when Prefect's server has taken it."""
        left = re.compile(r"/deployments/deployment/[^/]*$")
        self.insist("Submit", lambda patience: self.page.wait_for_url(left, timeout=patience))


def open_form(page: Page, ui: str, deployment_id: str) -> Form:
    """Open a deployment's form in the UI at this address."""
    page.goto(f"{ui}/deployments/deployment/{deployment_id}/run", wait_until="networkidle")
    return Form(page.locator("body"), page)


def _exactly(words: str) -> re.Pattern[str]:
    return re.compile(rf"^\s*{re.escape(words)}\s*$")
