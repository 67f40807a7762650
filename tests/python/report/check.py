"""Opens the report of the demo in Chromium, uses it as people do, and compares what it shows with the catalog.

    check.py REPORT.html [PICTURES]

Beside the report stands REPORT.json, what the catalog says. It clicks, points, tabs, filters, resizes and prints; it wants
no request, nothing on the console, and no finding of axe-core; with a folder named it keeps pictures of each width and
colour scheme there. Runs in .tools/report (setup.sh report), and needs Debian's package chromium, or CHROMIUM naming a
Chromium or Chrome.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect, sync_playwright

WIDTHS = (400, 1280, 2560)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAST = {"deleted", "failed", "dropped"}


class Wrong(Exception):
    """What the page shows or does that it should not."""


def need(holds: bool, what: str) -> None:
    if not holds:
        raise Wrong(what)


def chromium() -> str:
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        sys.exit("report: there is no Chromium: install it (Debian: apt-get install chromium), or name one with CHROMIUM")
    return found


class Reader:
    """A page that is open, and what went wrong with it."""

    def __init__(self, page: Page, report: Path):
        self.page, self.report = page, report
        self.asked, self.said = [], []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-ready=true]")

    def is_quiet(self) -> None:
        others = [url for url in self.asked if not url.startswith(self.report.as_uri())]
        need(not others, f"it asks for {others}")
        need(not self.said, f"the console says {self.said}")

    def tip(self) -> str:
        tip = self.page.locator("#tip")
        return tip.inner_text() if tip.is_visible() else ""


def says_of(point: dict) -> tuple[str, ...]:
    """What the page has to say of a restore point."""
    moment = point["created_at"][:19].replace("T", " ")
    flags = [f"{flag['tier']} of {flag['slot'][:19].replace('T', ' ')}" for flag in point["flags"]]
    lapses = [flag["lapses"][:19].replace("T", " ") for flag in point["flags"]]
    return (point["id"], moment, point["state"], size(point["bytes"]), *flags, *lapses)


def size(number: int | None) -> str:
    if number is None:
        return "size not known"
    units = iter(("KiB", "MiB", "GiB", "TiB", "PiB"))
    unit, value = None, float(number)
    while value >= 1024:
        unit, value = next(units), value / 1024
    return f"{value:.1f} {unit}" if unit else f"{number} B"


def open_all(reader: Reader) -> list[Locator]:
    lines = reader.page.locator("details.line").all()
    for line in lines:
        if not line.evaluate("line => line.open"):
            line.locator("summary").first.click()
    expect(reader.page.locator(".line[open] .draw:empty")).to_have_count(0)
    return lines


def the_points_are_those_of_the_catalog(reader: Reader, truth: dict) -> None:
    """Every mark that is drawn, and every line of the tables, against the records."""
    page = reader.page
    open_all(reader)
    drawn = page.locator(".point").evaluate_all("marks => marks.map(mark => mark.getAttribute('aria-label'))")
    made = [point for point in truth["points"] if point["created_at"]]
    need(len(drawn) >= len(made), f"{len(drawn)} marks for {len(made)} restore points")
    for point in made:
        wanted = says_of(point)
        need(any(all(part in label for part in wanted) for label in drawn), f"no mark says all of {wanted}")
    listed = 0
    for details in page.locator(".draw details").all():
        details.locator("summary").click()
        details.locator("tbody").wait_for()
        listed += details.locator("tbody tr").count()
    want = sum(1 for point in truth["points"] if point["state"] != "dropped")
    need(listed == want, f"{listed} lines for {want} restore points")
    ids = set(page.locator(".draw tbody th").all_inner_texts())
    need(ids == {point["id"] for point in truth["points"] if point["state"] != "dropped"}, "the ids are others")


def the_days_are_those_of_the_report(reader: Reader, truth: dict) -> None:
    """Each day of each table, as the keyboard goes through them."""
    tables = truth["report"]["tables"]
    rows = reader.page.locator(".heat tr[data-i]")
    need(rows.count() == len(tables), f"{rows.count()} rows for {len(tables)} tables")
    picture = rows.first.locator("svg")
    picture.focus()
    for number, table in enumerate(tables):
        for day in reversed(table["days"]):
            wanted = [day["date"], f"backups: {day['backups']['standing'].replace('not-promised', 'nothing promised')}"]
            for copies in day["copies"]:
                wanted.append(f"{copies['vault']}: {copies['standing'].replace('not-promised', 'nothing promised')}")
            if day["restores"]:
                wanted.append(f"restores that ended well: {len(day['restores'])}")
            told = reader.tip()
            need(all(part in told for part in wanted), f"{told!r} for {wanted}")
            reader.page.keyboard.press("ArrowLeft")
        reader.page.keyboard.press("ArrowDown")
        need(number + 1 == len(tables) or reader.tip() != "", "the arrow keys do not lead to the next table")
    reader.page.keyboard.press("Escape")
    need(reader.tip() == "", "Escape does not close what is shown")


def pointing_tells(reader: Reader, truth: dict) -> None:
    page = reader.page
    row = page.locator(".heat tr[data-i] svg").first
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    days = truth["report"]["tables"][0]["days"]
    page.mouse.move(box["x"] + box["width"] * 10.5 / len(days), box["y"] + box["height"] / 2)
    need(days[10]["date"] in reader.tip(), f"pointing at the eleventh day tells {reader.tip()!r}")
    mark = page.locator(".point").last
    mark.scroll_into_view_if_needed()
    mark.locator(".hit").hover(force=True)
    known = [point["id"] for point in truth["points"]]
    need(any(point in reader.tip() for point in known), f"pointing at a restore point tells {reader.tip()!r}")
    page.mouse.move(0, 0)
    need(reader.tip() == "", "what is shown stays when the pointer has left")


def tabbing_reaches_all(reader: Reader) -> None:
    """Tab leads through the page, to each kind of thing that can be used, and each shows that it is there."""
    page = reader.page
    page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
    met = set()
    for _ in range(400):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const at = document.activeElement; const look = getComputedStyle(at);
                return at === document.body ? null : [at.getAttribute("class") || at.id || at.tagName.toLowerCase(),
                    look.outlineStyle !== "none" || !!at.querySelector(".hit")]; }"""
        )
        if at is None:
            break
        need(at[1], f"the focus on {at[0]} is not seen")
        met.add(at[0])
    need({"skip", "row", "point", "find", "summary", "wide"} <= met, f"Tab reaches only {sorted(met)}")


def links_and_filter_work(reader: Reader, truth: dict) -> None:
    page = reader.page
    rows = page.locator(".heat tr[data-i]")
    last = rows.last
    name = last.locator("a").inner_text()
    last.locator("a").click()
    expect(page.locator("summary:focus")).to_contain_text(name)
    need(page.locator("details.line").last.evaluate("line => line.open"), f"the link to {name} does not open it")
    page.locator("#find").fill(name)
    need([row.locator("a").inner_text() for row in rows.all() if row.is_visible()] == [name], "the filter shows others")
    page.locator("#find").fill("")
    page.locator("#all-sessions summary").click()
    page.locator("#all-sessions tbody").wait_for()
    shown = page.locator("#all-sessions tbody th").all_inner_texts()
    need(sorted(shown) == sorted(session["id"] for session in truth["sessions"]), "the sessions are others")
    page.locator("#all-days summary").click()
    page.locator("#all-days tbody").wait_for()
    for table in truth["report"]["tables"]:
        missed = sum(1 for day in table["days"] if day["backups"]["standing"] == "missed")
        cells = [row.locator("th, td").all_inner_texts() for row in page.locator("#all-days tbody tr").all()]
        policy = table["policy"] or "-"
        need(any(c[0].startswith(table["table"]) and c[1] == policy and c[5] == str(missed) for c in cells), f"{table['table']}: {cells}")
    headline = truth["report"]["headline"]
    need(headline in page.locator(".answer").inner_text(), f"the front does not say {headline!r}")


def nothing_overflows(reader: Reader, width: int) -> None:
    page = reader.page
    wide = page.evaluate("document.documentElement.scrollWidth")
    need(wide <= width, f"at {width} pixels the page is {wide} wide")


def is_accessible(reader: Reader, how: str) -> None:
    found = Axe().run(reader.page, options={"resultTypes": ["violations"]}).response["violations"]
    told = [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]
    need(not told, f"axe finds at {how}: " + "\n  ".join(told))


def main(report: Path, pictures: Path | None) -> int:
    truth = json.loads(report.with_suffix(".json").read_text())
    checks = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                how = f"{width} pixels, {scheme}"
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                reader = Reader(page, report)
                try:
                    if width == 1280 and scheme == "light":
                        tabbing_reaches_all(reader)
                        the_days_are_those_of_the_report(reader, truth)
                        the_points_are_those_of_the_catalog(reader, truth)
                        pointing_tells(reader, truth)
                        links_and_filter_work(reader, truth)
                        checks += 5
                    open_all(reader)
                    nothing_overflows(reader, width)
                    is_accessible(reader, how)
                    reader.is_quiet()
                    checks += 3
                except Wrong as wrong:
                    sys.exit(f"report: {how}: {wrong}")
                if pictures:
                    pictures.mkdir(parents=True, exist_ok=True)
                    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
                    page.screenshot(path=pictures / f"{width}-{scheme}.png", full_page=True)
                page.close()
        # Without its script all but the timelines is there.
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(report.as_uri())
        need(page.locator(".heat tr[data-i] svg path").count() > 0, "without a script there are no days")
        need("drawn by the script" in page.locator("noscript").first.inner_text(), "it does not say what is left out")
        if pictures:
            page.emulate_media(media="print")
            page.pdf(path=pictures / "print.pdf", format="A4", landscape=True)
        browser.close()
    print(f"the report in Chromium: {checks + 1} checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
