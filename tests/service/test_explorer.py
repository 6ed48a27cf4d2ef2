"""The explorer, as a browser shows it: against real services, with nothing but loopback."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.attribution.reports.test_html import CONTRAST
from tests.service.conftest import GPL_CODE
from tests.service.serving import TOKEN, Service, bearer, function_of, served

TEXT = "import os\n\n\ndef own():\n    return os.sep\n\n\n" + GPL_CODE.decode().replace("harbour", "port")


@pytest.fixture
def open_page(browser: Browser):
    """Open the explorer of a service; whatever it logs or asks of others fails the test."""
    contexts, wrongs = [], []

    def open_it(service: Service, view: str = "", *, expected: str = "", **settings) -> Page:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: None if expected and expected in m.text else wrongs.append(m.text))
        page.on("pageerror", lambda error: wrongs.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(service.url) else wrongs.append(r.url))
        page.goto(f"{service.url}/{view}")
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert wrongs == []


def check(page: Page, text: str, name: str = "a.py") -> None:
    page.get_by_label("Code to check").fill(text)
    page.get_by_label("File name").fill(name)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator(".outcome h1")).to_be_visible()


def test_a_copy_is_marked_in_place_and_shown_beside_its_source(open_page, service) -> None:
    page = open_page(service)
    check(page, TEXT)
    expect(page.locator(".outcome h1")).to_contain_text("The policy denies some of it.")
    span = page.locator(".code .span")
    expect(span).to_have_class("span deny")
    assert span.locator(".number").first.inner_text() == "8"
    expect(span.locator(".sign").first).to_have_text("✕")
    expect(page.locator(".detail")).to_contain_text("GPL-3.0-only")
    expect(page.locator(".detail")).to_contain_text("src/tides.py, lines 1–12")
    table = page.locator("table.both")
    expect(table.locator("tbody tr")).to_have_count(12)
    expect(table.locator("tr.renamed").first.locator("mark.renamed").first).to_have_text("port")
    expect(page.locator(".legend")).to_contain_text("only names changed")


def test_another_span_shows_another_source(open_page, service, known_files) -> None:
    page = open_page(service)
    free = function_of(known_files, "click/utils.py", "def ", 30).decode()
    check(page, GPL_CODE.decode() + "\n\nclass Own:\n    pass\n\n\n" + free)
    expect(page.locator(".finding")).to_have_count(2)
    expect(page.locator(".finding").first).to_contain_text("tides.py")
    page.locator(".code .span.attribute").first.click()
    expect(page.locator(".detail")).to_contain_text("click/utils.py")
    expect(page.locator("table.both")).to_contain_text("click/utils.py")
    page.keyboard.press("k")
    expect(page.locator(".detail")).to_contain_text("tides.py")
    page.keyboard.press("j")
    expect(page.locator(".detail")).to_contain_text("click/utils.py")
    archive = page.locator(".detail a", has_text="Archive")
    assert archive.get_attribute("href").startswith("https://archive.softwareheritage.org/swh:1:cnt:")


def test_a_swhid_is_copied(open_page, service) -> None:
    page = open_page(service, permissions=["clipboard-read", "clipboard-write"])
    check(page, TEXT)
    page.get_by_role("button", name="Copy SWHID").click()
    expect(page.get_by_role("button", name="Copy SWHID")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("swh:1:cnt:")
    assert copied.endswith("lines=1-12")


def test_an_index_without_texts_says_honestly_that_it_has_none(open_page, sparse_service) -> None:
    page = open_page(sparse_service)
    check(page, GPL_CODE.decode())
    expect(page.locator(".beside")).to_contain_text("not stored in this index")
    expect(page.locator(".detail")).to_contain_text("estimated from sketches")


def test_a_file_is_dropped_or_chosen(open_page, service) -> None:
    page = open_page(service)
    page.set_input_files("#file", {"name": "b.py", "mimeType": "text/plain", "buffer": GPL_CODE})
    expect(page.locator(".outcome")).to_contain_text("b.py: 12 lines, 1 match")
    page.get_by_role("button", name="Check other code").click()
    data = page.evaluate_handle(
        "text => { const d = new DataTransfer(); d.items.add(new File([text], 'c.py')); return d; }",
        GPL_CODE.decode(),
    )
    page.dispatch_event("form.editor", "drop", {"dataTransfer": data})
    expect(page.locator(".outcome")).to_contain_text("c.py: 12 lines, 1 match")
    page.get_by_role("button", name="Check other code").click()
    page.set_input_files(
        "#file", {"name": "d.py", "mimeType": "text/plain", "buffer": b"# caf\xe9\n" + GPL_CODE}
    )
    expect(page.locator(".pane").first).to_contain_text("not UTF-8")
    expect(page.locator(".detail")).to_contain_text("GPL-3.0-only")


def test_nothing_of_a_text_is_markup_or_hidden(open_page, service) -> None:
    page = open_page(service)
    hostile = '<script>alert(1)</script> "\u202e evil \u2066" <img src=x onerror=alert(1)>\n'
    check(page, hostile + TEXT, name="<b>x</b>.py")
    assert page.locator(".code script, .code img").count() == 0
    expect(page.locator(".code .code-point").first).to_have_text("\\u{202e}")
    expect(page.locator(".outcome")).to_contain_text("<b>x</b>.py")


def test_what_nobody_knows_is_told_so(open_page, service) -> None:
    page = open_page(service)
    check(page, "sails = [ship for ship in fleet if ship.sails]\n")
    expect(page.locator(".outcome h1")).to_contain_text("Nothing that this index knows.")


def test_mistakes_are_told_beside_the_form(open_page, service) -> None:
    page = open_page(service, expected="422")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("nothing to check yet")
    page.get_by_label("Code to check").fill("x = 1\n")
    page.get_by_label("Your project’s licence").fill("whatever")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("SPDX")


def test_a_search_is_filtered_by_language_and_licence(open_page, service) -> None:
    page = open_page(service, "#search")
    page.get_by_label("Words of code").fill("rows level version")
    page.keyboard.press("Enter")
    expect(page.locator(".results .card").nth(2)).to_be_visible()
    page.get_by_label("Licence").select_option("GPL-3.0-only")
    expect(page.locator(".results .card")).to_have_count(1)
    expect(page.locator("output")).to_contain_text("1 file, out of")
    page.get_by_role("button", name="Show the text").click()
    assert page.locator("pre.text").inner_text().rstrip() == GPL_CODE.decode().rstrip()
    page.get_by_label("Words of code").fill("zzzzqqqq")
    page.keyboard.press("Enter")
    expect(page.locator("output")).to_have_text("No known file holds any of these words.")


def test_somebody_asks_whether_they_are_in_it(open_page, service, known_files) -> None:
    page = open_page(service, "#held", expected="422")
    page.get_by_label("Repository, account").fill("https://example.org/tides")
    page.keyboard.press("Enter")
    expect(page.locator(".answer h2")).to_have_text("1 file in this index comes from there.")
    listed = page.locator(".opt-list pre").inner_text().splitlines()
    assert any(line.startswith(str(known_files[-1].swhid)) for line in listed)
    expect(page.locator(".note")).to_contain_text("sc-attrib index remove")
    page.get_by_label("Repository, account").fill("no id")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.set_input_files(
        ".search input[type=file]",
        [
            {"name": "tides.py", "mimeType": "text/plain", "buffer": GPL_CODE},
            {"name": "own.py", "mimeType": "text/plain", "buffer": b"x = 1\n"},
        ],
    )
    expect(page.locator(".answer h2")).to_contain_text("1 file of yours is in it as it is")


def test_the_index_is_drawn_and_can_be_read(open_page, service) -> None:
    page = open_page(service, "#index")
    table = page.get_by_role("table", name="Licences")
    expect(table.get_by_role("rowheader", name="GPL-3.0-only")).to_be_visible()
    expect(page.get_by_role("table", name="Languages")).to_contain_text("Python")
    expect(page.locator(".reach")).to_contain_text("strong copyleft")
    assert page.locator(".reach svg rect").count() >= 2


def test_everything_works_by_keyboard(open_page, service) -> None:
    page = open_page(service)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.get_by_label("Code to check").focus()
    page.keyboard.insert_text(TEXT)
    page.keyboard.press("Control+Enter")
    span = page.locator(".code .span")
    expect(span).to_be_visible()
    span.focus()
    page.keyboard.press("Enter")
    expect(span).to_have_attribute("aria-pressed", "true")
    assert "deny" in span.get_attribute("aria-label")
    page.locator("h1:visible").focus()
    for key, title in (("2", "Search"), ("4", "The index"), ("3", "Am I in it?")):
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press(key)
        expect(page).to_have_title(f"{title} · sc-attrib")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("1")
    expect(span).to_be_visible()


def test_a_token_is_asked_for_and_kept_in_the_tab_alone(open_page, with_text, tmp_path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n")
    with served(with_text, token_file=file) as guarded:
        assert guarded.ask("/v1/facts", headers=bearer()).status == 200
        page = open_page(guarded, expected="401")
        dialog = page.get_by_role("dialog", name="This service asks for a token")
        expect(dialog).to_be_visible()
        page.get_by_role("textbox", name="Token").fill("a-wrong-one-of-some-length")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("not known here")
        page.get_by_role("textbox", name="Token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.locator("#known")).to_contain_text("known files")
        assert page.evaluate("Object.values(localStorage)").count(TOKEN) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_it_is_readable_in_both_colours_at_any_width(open_page, service, scheme: str, width: int) -> None:
    page = open_page(service, color_scheme=scheme, viewport={"width": width, "height": 800})
    for view in ("check", "search", "held", "index"):
        page.goto(f"{service.url}/#{view}")
        expect(page.locator("h1").first).to_be_visible()
        if view == "check":
            check(page, TEXT)
            expect(page.locator("table.both")).to_be_visible()
        if view == "index":
            expect(page.locator(".chart").first).to_be_visible()
        low = [(ratio, name, text) for ratio, name, text in page.evaluate(CONTRAST) if ratio < 4.5]
        assert low == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_colours_can_be_chosen_and_are_remembered(open_page, service) -> None:
    page = open_page(service, color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) == light
    page.locator("#theme").click()
    dark = page.evaluate(paper)
    assert dark != light
    page.reload()
    assert page.evaluate(paper) == dark


def test_every_control_has_a_name(open_page, service) -> None:
    page = open_page(service)
    check(page, TEXT)
    for view in ("check", "search", "held", "index"):
        page.goto(f"{service.url}/#{view}")
        nameless = page.evaluate(
            """() => [...document.querySelectorAll("main :is(button, input, select, textarea)")]
              .filter(e => e.checkVisibility() && !e.matches('[aria-hidden="true"]'))
              .filter(e => !e.textContent.trim() && !e.getAttribute("aria-label") && !e.labels?.length)
              .map(e => e.outerHTML)"""
        )
        assert nameless == []
