"""The HTML report, as a browser shows it."""

import re
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from attribution.model import Attribution
from attribution.report.formats import Context, render
from attribution.report.html.escape import shown as shown_text
from attribution.report.words import printable
from attribution.trace import Tracer

CONTRAST = """
() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const over = ([r, g, b, part = 1], below) => [r, g, b].map((c, i) => c * part + below[i] * (1 - part));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    if (!node) return [255, 255, 255];
    const colour = parse(getComputedStyle(node).backgroundColor);
    return (colour[3] ?? 1) === 1 ? colour : over(colour, behind(node.parentElement));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.checkVisibility() || node.closest("script, style")) continue;
    const below = behind(node);
    const [a, b] = [light(over(parse(getComputedStyle(node).color), below)), light(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, node.className, walker.currentNode.data.trim()]);
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def report(check, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("html") / "report.html"
    check(".", "--format", "html", "-o", path)
    return path


class Watched:
    """A page, and what it did that a report must not do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrongs: list[str] = []
        page.on("console", lambda message: self.wrongs.append(message.text))
        page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        page.on("dialog", lambda dialog: self.wrongs.append(dialog.message))
        page.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not url.startswith(("file:", "data:")):
            self.wrongs.append(url)


@pytest.fixture
def open_page(browser: Browser):
    """Open a report; whatever it logs, asks or requests fails the test."""
    opened: list[Watched] = []

    def open_it(path: Path, **settings) -> Page:
        page = browser.new_context(offline=True, **settings).new_page()
        opened.append(Watched(page))
        page.goto(path.as_uri())
        return page

    yield open_it
    for watched in opened:
        watched.page.context.close()
        assert watched.wrongs == []


def shown(page: Page) -> list[str]:
    """The places of the findings that are not filtered out."""
    return page.locator(".finding:visible .place").all_text_contents()


def places(facts: dict) -> set[str]:
    return {
        f"{p}:{m['query']['lines'][0]}-{m['query']['lines'][1]}"
        for p, f in facts.items()
        for m in f["matches"]
    }


def test_every_match_is_there_the_gravest_first(open_page, report, facts) -> None:
    page = open_page(report)
    assert set(shown(page)) == places(facts)
    assert shown(page)[0].startswith("src/harbour.py:")
    matches = len(places(facts))
    assert page.inner_text("output") == f"{matches} findings"
    assert page.inner_text(".outcome") == "The policy denies some of it."


def test_filters_keep_what_fits_and_say_how_much(open_page, report, facts) -> None:
    page = open_page(report)
    every = places(facts)
    page.get_by_label("deny").uncheck()
    assert set(shown(page)) == {place for place in every if not place.startswith("src/harbour.py")}
    page.keyboard.press("Escape")
    assert set(shown(page)) == every
    page.get_by_label("Licence").select_option("GPL-3.0-only")
    assert [place.partition(":")[0] for place in shown(page)] == ["src/harbour.py"]
    assert page.inner_text("output") == f"1 of {len(every)} findings"
    page.get_by_label("Kind").select_option("renamed")
    assert shown(page) == []
    assert page.locator(".none").is_visible()
    page.get_by_label("Licence").select_option("")
    assert [place.partition(":")[0] for place in shown(page)] == ["src/renamed.py"]
    page.get_by_label("Kind").select_option("")
    page.get_by_label("Path, origin").fill("PALLETS whole")
    assert [place.partition(":")[0] for place in shown(page)] == ["src/whole.py"]


def test_it_works_by_keyboard_alone(open_page, report) -> None:
    page = open_page(report)
    focused = "document.activeElement.closest('.finding')?.id"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "findings"
    for key, finding in (("j", 1), ("j", 2), ("ArrowDown", 3), ("k", 2), ("ArrowUp", 1), ("k", 1)):
        page.keyboard.press(key)
        assert page.evaluate(focused) == f"finding-{finding}"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid", "the focus is seen"
    page.keyboard.press("Enter")
    assert page.locator("#finding-1 table").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("jjk?")
    assert page.get_by_label("Path, origin").input_value() == "jjk?"
    page.keyboard.press("Escape")
    assert page.get_by_label("Path, origin").input_value() == ""


def test_letters_can_be_kept_from_being_keys(open_page, report) -> None:
    """Success criterion 2.1.4 of WCAG 2.1."""
    page = open_page(report)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    dialog.get_by_label("Single letters are keys").uncheck()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('.finding')") is None


def test_both_texts_stand_side_by_side_with_what_differs_marked(open_page, report, facts) -> None:
    page = open_page(report)
    page.locator("#finding-1 summary").click()
    rows = page.locator("#finding-1 tbody tr").all()
    marked = Counter(row.get_attribute("class") for row in rows)
    assert marked["renamed"] >= 6
    assert marked["ours"] == 1
    (added,) = [row for row in rows if row.get_attribute("class") == "ours"]
    assert [text.strip() for text in added.locator("td").all_inner_texts()][1:] == [
        "log.warning(weather)",
        "<",
        "",
        "",
    ]
    first = next(row for row in rows if row.get_attribute("class") == "renamed")
    assert first.locator("mark.renamed").all_inner_texts() == ["idle", "free"]
    assert (
        page.locator("#finding-1 mark.renamed").first.evaluate("n => getComputedStyle(n).textDecorationStyle")
        == "dotted"
    )
    (match,) = facts["src/harbour.py"]["matches"]
    numbers = page.locator("#finding-1 td.number").all_inner_texts()
    assert numbers[:2] == [str(match["query"]["lines"][0]), str(match["source"]["lines"][0])]
    assert numbers[-1] == str(match["source"]["lines"][1])


def test_hostile_names_and_texts_are_shown_and_do_nothing(open_page, report) -> None:
    page = open_page(report)
    page.get_by_role("button", name="Open all").click()
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1
    (place,) = [place for place in shown(page) if "onerror" in place]
    assert place.startswith("we[i]rd {dir}/<img src=x onerror=alert(1)> é.py:")
    assert "\u202e" not in report.read_text("utf-8")


def test_control_and_bidirectional_characters_are_seen(open_page, index, project, tmp_path) -> None:
    text = (project / "src" / "harbour.py").read_text().replace("weather", "we\u202eather\u2066\x07")
    tracer = Tracer.open([index])
    found = tracer.trace(text.encode(), path="a\u202eb.py")
    context = Context(our_text=lambda _: text.encode(), their_text=tracer.known_text)
    (tmp_path / "page.html").write_text(render("html", [found], context), "utf-8")
    page = open_page(tmp_path / "page.html")
    assert shown(page)[0].startswith("a\\u202eb.py:")
    page.locator("#finding-1 summary").click()
    assert {"\\u202e", "\\u2066", "\\x07"} <= set(page.locator("#finding-1 td .code-point").all_inner_texts())
    direction = "n => [getComputedStyle(n).direction, getComputedStyle(n).unicodeBidi]"
    assert page.locator("#finding-1 tbody td").first.evaluate(direction) == ["ltr", "isolate"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_contrast_enough(open_page, report, theme: str) -> None:
    """Success criterion 1.4.3 of WCAG 2.1: 4.5 to 1."""
    page = open_page(report, color_scheme=theme)
    page.get_by_role("button", name="Open all").click()
    found = page.evaluate(CONTRAST)
    assert len(found) > 300
    assert [text for text in found if text[0] < 4.5] == []


def test_roles_names_and_landmarks_tell_what_things_are(open_page, report) -> None:
    page = open_page(report)
    for role in ("banner", "search", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.locator("html").get_attribute("lang") == "en"
    page.get_by_role("button", name="Open all").click()
    unnamed = """() => [...document.querySelectorAll("a, button, input, select, summary, [role=region]")]
        .filter((node) => !(node.ariaLabel || node.labels?.[0]?.textContent || node.textContent).trim())
        .length"""
    assert page.evaluate(unnamed) == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((node) => node.id)")
    assert len(ids) == len(set(ids))
    assert page.locator("table").count() == page.locator("table:has(thead th[scope=col])").count() > 0


def test_a_narrow_window_scrolls_code_and_not_the_page(open_page, report) -> None:
    page = open_page(report, viewport={"width": 360, "height": 740})
    page.get_by_role("button", name="Open all").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_without_scripts_everything_is_there_but_the_filters(open_page, report, facts) -> None:
    page = open_page(report, java_script_enabled=False)
    assert set(shown(page)) == places(facts)
    assert not page.locator("form[role=search]").is_visible()
    page.locator("#finding-1 summary").click()
    assert page.locator("#finding-1 table").is_visible()


def test_a_link_to_a_finding_opens_it(open_page, report) -> None:
    page = open_page(report)
    page.goto(f"{report.as_uri()}#finding-2")
    assert page.locator("#finding-2 table").is_visible()


def test_on_paper_everything_is_open(open_page, report, facts) -> None:
    page = open_page(report)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".finding table:visible").count() == len(places(facts))
    assert not page.locator("form[role=search]").is_visible()


def test_where_the_source_is_not_kept_the_checked_text_stands_alone(
    open_page, check, index_without_texts, tmp_path
) -> None:
    path = tmp_path / "report.html"
    check("src/harbour.py", "--format", "html", "-o", path, "--index", index_without_texts)
    page = open_page(path)
    page.locator("#finding-1 summary").click()
    assert "def assign(boats" in page.inner_text("#finding-1 table.single")
    link = page.get_by_role("link", name="The archive shows it")
    assert link.get_attribute("href").startswith("https://archive.softwareheritage.org/swh:1:cnt:")


def test_nothing_found_is_a_page_that_says_so(open_page, check, tmp_path) -> None:
    check("own.py", "--format", "html", "-o", tmp_path / "report.html", code=0)
    page = open_page(tmp_path / "report.html")
    assert page.inner_text(".outcome") == "Nothing here asks anything of you."
    assert page.inner_text("main p") == "Nothing was found that the indexes know."


@given(st.text())
def test_whatever_a_text_holds_is_escaped_and_visible(text: str) -> None:
    page = shown_text(text)
    assert all(character.isprintable() or character == "\t" for character in page)
    bare = re.sub(r'<span class="code-point">([^<]*)</span>', r"\1", page)
    assert not re.search("[<>\"']", bare)
    assert unescape(bare) == "\t".join(printable(part) for part in text.split("\t"))


class Links(HTMLParser):
    """Collects where a page leads, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            (tag, name, value or "") for name, value in attrs if name in ("src", "href", "style", "srcset")
        ]


def test_the_page_loads_nothing_and_leads_to_the_web_only(report) -> None:
    text = report.read_text("utf-8")
    links = Links()
    links.feed(text)
    assert {(tag, name) for tag, name, _ in links.found} == {("a", "href"), ("link", "href")}
    assert all(re.match(r"https?://|#|data:,$", value) for _, _, value in links.found)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)[1]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_an_origin_that_is_no_web_address_is_no_link(index, project, tmp_path) -> None:
    tracer = Tracer.open([index])
    content = (project / "src/harbour.py").read_bytes()
    found = tracer.trace(content, path="a.py")
    origin = replace(found.matches[0].origin, url="javascript:alert(1)")
    found = replace(found, matches=(replace(found.matches[0], origin=origin),))
    text = render("html", [found], Context(our_text=lambda _: content, their_text=tracer.known_text))
    assert "javascript:alert(1)" in text
    assert 'href="javascript' not in text


def many(project: Path, index: Path, *, copies: int) -> tuple[list[Attribution], Context]:
    """The findings of the project, as if it had many such folders."""
    tracer = Tracer.open([index])
    names = ["src/harbour.py", "src/pasted.py"]
    texts = {name: (project / name).read_bytes() for name in names}
    found = [tracer.trace(text, path=name) for name, text in texts.items()]
    everywhere = [replace(a, path=f"dir{n}/{a.path}") for n in range(copies) for a in found]
    return everywhere, Context(our_text=lambda p: texts[p.partition("/")[2]], their_text=tracer.known_text)


def test_two_thousand_findings_can_be_filtered_and_walked_through(
    open_page, project, index, tmp_path
) -> None:
    """A page of list items froze here for minutes, since each number counted through all others.

    What a finding weighs is told by a few, for to align and to lay out two thousand takes long.
    """
    found, context = many(project, index, copies=1000)
    few = len(render("html", found[:20], context)) - len(render("html", found[:10], context))
    assert few < 10 * 20_000
    (tmp_path / "page.html").write_text(
        render("html", found, replace(context, our_text=lambda _: None)), "utf-8"
    )
    page = open_page(tmp_path / "page.html")
    page.keyboard.press("/")
    page.keyboard.type("dir77/")
    page.wait_for_function("document.querySelector('output').value === '2 of 2000 findings'")
    assert (
        page.evaluate("[...document.querySelectorAll('.finding')].filter((f) => f.checkVisibility()).length")
        == 2
    )
    page.keyboard.press("Escape")
    assert page.inner_text("output") == "2000 findings"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('.finding').id") == "finding-2000"


def test_a_line_of_a_megabyte_is_cut_off_and_says_so(open_page, index, project, tmp_path) -> None:
    text = (project / "src" / "harbour.py").read_bytes()
    text = text.replace(b"log.warning(weather)", b"log.warning('" + b"x" * 1_000_000 + b"')")
    tracer = Tracer.open([index])
    context = Context(our_text=lambda _: text, their_text=tracer.known_text)
    report = render("html", [tracer.trace(text, path="a.py")], context)
    assert len(report) < 100_000
    (tmp_path / "page.html").write_text(report, "utf-8")
    page = open_page(tmp_path / "page.html")
    page.locator("#finding-1 summary").click()
    assert re.search(r"… 99\d,\d{3} more bytes", page.inner_text("#finding-1 table"))


def test_a_file_of_thousands_of_lines_is_folded(index, known_files, open_page, tmp_path) -> None:
    core = next(file for file in known_files if file.origin.path == "click/core.py")
    tracer = Tracer.open([index])
    context = Context(our_text=lambda _: core.content, their_text=tracer.known_text)
    report = render("html", [tracer.trace(core.content, path="core.py")], context)
    (tmp_path / "page.html").write_text(report, "utf-8")
    page = open_page(tmp_path / "page.html")
    page.locator("#finding-1 summary").click()
    lines = core.content.count(b"\n")
    assert page.inner_text("#finding-1 .fold") == f"{lines - 40:,} more lines are not shown here"
    assert page.locator("#finding-1 tbody tr").count() == 41
