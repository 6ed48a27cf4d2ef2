// Checking a text: paste or drop it, see its spans in place, look at each beside its source.

import { ask, contentOf, indexFacts } from "./api.js";
import { announce, count, el, plural, shown } from "./dom.js";
import { comparison, findingFacts, findingHead, linesOf } from "./finding.js";
import { VERDICTS, badge, gravity, kindOf } from "./verdicts.js";

const OUTCOMES = {
  deny: "The policy denies some of it.",
  review: "A person should look at some of it.",
  attribute: "Some of it must be credited.",
};
const EXAMPLE = "dedent text wrap indent lines";

export function checkView() {
  const node = el("section", { class: "view check-view", "aria-labelledby": "check-title" });
  const editor = makeEditor((asked, text) => check(asked, text));
  const result = el("div", { class: "result", hidden: true });
  const title = el("h1", { id: "check-title" }, "Where does this code come from?");
  const lead = el("p", { class: "lead" }, "Paste code or drop a file: it is compared with every file that this index knows.");
  const intro = el("div", { class: "intro" }, title, lead);
  node.append(intro, editor.node, result);
  let findings = null;

  async function check(asked, text) {
    editor.busy(true);
    try {
      const [{ files }, facts] = await Promise.all([ask("/v1/check", asked), indexFacts()]);
      findings = makeResult(files[0], text, asked, facts.categories, () => edit());
      result.replaceChildren(findings.node);
      node.classList.add("has-result");
      intro.hidden = editor.node.hidden = true;
      result.hidden = false;
      announce(`${findings.summary}`);
      findings.start();
      window.scrollTo(0, 0);
    } catch (error) {
      editor.complain(error.message);
    } finally {
      editor.busy(false);
    }
  }

  function edit() {
    node.classList.remove("has-result");
    intro.hidden = editor.node.hidden = false;
    result.hidden = true;
    findings = null;
    editor.focus();
  }

  indexFacts().then((facts) => {
    lead.textContent = `Paste code or drop a file: it is compared with ${plural(facts.index.documents, "known file")}, and kept nowhere.`;
    if (facts.index.has_text && facts.index.has_words) editor.offerExample();
  }, (error) => editor.complain(error.message));
  return { node, press: (event) => findings?.press(event) ?? false };
}

/** Where a text is put in; `go` is called with the form and, where it can be shown, the text. */
function makeEditor(go) {
  const area = el("textarea", {
    id: "code", rows: 16, spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off",
    placeholder: "Paste code here, or drop a file", "aria-describedby": "code-hint",
  });
  const name = el("input", { type: "text", id: "name", autocomplete: "off", spellcheck: "false", placeholder: "e.g. parser.py" });
  const license = el("input", { type: "text", id: "license", autocomplete: "off", spellcheck: "false", placeholder: "e.g. Apache-2.0" });
  const picker = el("input", { type: "file", class: "hidden-text", id: "file", tabindex: -1, "aria-hidden": "true" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const button = el("button", { class: "primary" }, "Check");
  const example = el("button", { type: "button", class: "quiet", hidden: true }, "Try an example");
  const choose = el("button", { type: "button", onclick: () => picker.click() }, "Choose a file");
  const form = el(
    "form",
    { class: "editor" },
    el("label", { class: "hidden-text", for: "code" }, "Code to check"),
    area,
    el(
      "div",
      { class: "controls" },
      el("label", { class: "field" }, "File name", name),
      el("label", { class: "field" }, "Your project’s licence", license),
      el("div", { class: "buttons" }, example, choose, picker, button),
    ),
  );
  const node = el("div", {}, problem, form, explanation());
  let binary = null;

  function submit(event) {
    event?.preventDefault();
    const content = binary ?? { text: area.value };
    if (!binary && !area.value.trim()) return complain("There is nothing to check yet. Paste code, or choose a file.");
    const asked = { ...content, path: name.value.trim() || "pasted" };
    if (license.value.trim()) asked.license = license.value.trim();
    return go(asked, binary ? null : area.value);
  }

  async function take(file) {
    if (!file) return;
    const content = await contentOf(file);
    binary = "text" in content ? null : content;
    area.value = content.text ?? `${file.name}: ${count(file.size)} bytes that are not UTF-8; they are checked as they are.`;
    area.readOnly = binary !== null;
    name.value = file.name;
    submit();
  }

  function complain(sentence) {
    problem.textContent = sentence;
    problem.hidden = false;
  }

  async function fillExample() {
    try {
      const { results } = await ask(`/v1/search?limit=1&language=Python&q=${encodeURIComponent(EXAMPLE)}`);
      const [found] = results;
      const core = found.source.swhid.split(";")[0];
      const { text } = await ask(`/v1/swhid/${core}?text=true`);
      const lines = text.split("\n");
      const from = Math.max(0, Math.min(lines.findIndex((line) => /^def /.test(line)), lines.length - 60));
      area.value = lines.slice(from, from + 60).join("\n");
      name.value = "example.py";
      area.focus();
    } catch (error) {
      complain(error.message ?? "There is no example in this index.");
    }
  }

  form.addEventListener("submit", submit);
  example.addEventListener("click", fillExample);
  picker.addEventListener("change", () => take(picker.files[0]));
  area.addEventListener("input", () => (problem.hidden = true));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event);
  });
  dropInto(form, take);
  return {
    node,
    complain,
    offerExample: () => (example.hidden = false),
    busy: (is) => {
      button.disabled = is;
      button.textContent = is ? "Checking…" : "Check";
      if (is) problem.hidden = true;
    },
    focus: () => {
      binary = null;
      area.readOnly = false;
      area.focus();
    },
  };
}

/** Files that are dropped on an element. */
export function dropInto(target, take) {
  const over = (is) => (event) => {
    event.preventDefault();
    target.classList.toggle("dropping", is);
  };
  target.addEventListener("dragover", over(true));
  target.addEventListener("dragleave", over(false));
  target.addEventListener("drop", (event) => {
    over(false)(event);
    take(event.dataTransfer.files[0], event.dataTransfer.files);
  });
}

function explanation() {
  const shownVerdicts = ["attribute", "review", "deny", "common"];
  return el(
    "div",
    { class: "explanation", id: "code-hint" },
    el("h2", {}, "What the marks mean"),
    el("ul", { class: "verdicts" }, ...shownVerdicts.map((name) => el("li", {}, badge(name), el("span", {}, VERDICTS[name].says)))),
  );
}

/** The outcome, the text with its spans, and the finding that is looked at. */
function makeResult(file, text, asked, categories, edit) {
  const matches = [...file.matches].sort((a, b) => gravity(b.verdict) - gravity(a.verdict));
  const summary = matches.length
    ? `${OUTCOMES[file.verdict] ?? "Nothing here asks anything of you."}`
    : "Nothing that this index knows.";
  const detail = el("div", { class: "detail", "aria-live": "polite" });
  const beside = el("section", { class: "beside", hidden: true, "aria-label": "Side by side" });
  const list = el("ol", { class: "findings", role: "list", "aria-label": "Findings" });
  const notebook = asked.path.endsWith(".ipynb");
  const code = text === null || notebook ? null : codeView(text, matches, (number) => select(number));
  let chosen = -1;

  const items = matches.map((match, number) => {
    const place = match.source.path.split("/").pop();
    const button = el(
      "button",
      { type: "button", class: "finding", "aria-pressed": "false", onclick: () => select(number) },
      badge(match.verdict),
      el("span", { class: "what" }, linesOf(match.query.lines)),
      el("bdi", { class: "where" }, ...shown(place)),
      el("span", { class: "spdx" }, match.license.expression),
    );
    list.append(el("li", {}, button));
    return button;
  });

  async function select(number) {
    chosen = number;
    items.forEach((item, at) => item.setAttribute("aria-pressed", String(at === number)));
    code?.mark(number);
    const match = matches[number];
    detail.replaceChildren(findingHead(match), findingFacts(match, categories[match.license.expression]));
    beside.hidden = false;
    beside.replaceChildren(el("p", { class: "soft" }, "Comparing…"));
    let shownNow;
    try {
      shownNow = await comparison(match, contentForm(asked));
    } catch (error) {
      shownNow = el("p", { class: "problem" }, error.message);
    }
    if (chosen === number) beside.replaceChildren(el("h2", {}, "Side by side"), shownNow);
  }

  const head = el(
    "div",
    { class: "outcome" },
    el("div", {}, el("h1", { tabindex: -1 }, badge(file.verdict), summary), el("p", { class: "soft" }, tally(file, matches, text))),
    el("button", { type: "button", onclick: edit }, "Check other code"),
  );
  const node = el("div", {}, head);
  if (matches.length) {
    const left = code ? code.node : el("p", { class: "empty" }, notebook ? "Lines of a notebook are those of its code." : "This text is not UTF-8, so it is not shown.");
    node.append(el("div", { class: "panes" }, el("div", { class: "pane" }, left), el("div", { class: "pane side" }, list, detail)), beside);
  } else {
    node.append(el("div", { class: "empty" }, el("p", {}, "No known file shares enough with it. Shorter texts, and texts rewritten throughout, can come from somewhere all the same.")), code?.node ?? "");
  }

  function press(event) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step || !items.length || (event.key.startsWith("Arrow") && !event.target.closest(".findings"))) return false;
    const next = Math.min(items.length - 1, Math.max(0, chosen + step));
    items[next].focus();
    select(next);
    return true;
  }

  /** To be called once it is on the page. */
  function start() {
    node.querySelector("h1").focus({ preventScroll: true });
    if (matches.length) select(0);
  }
  return { node, press, start, summary };
}

const contentForm = ({ text, base64, path }) => (text === undefined ? { base64, path } : { text, path });

function tally(file, matches, text) {
  const lines = text === null ? "" : `${plural(text.split("\n").length - Number(text.endsWith("\n")), "line")}, `;
  return `${file.path}: ${lines}${plural(matches.length, "match", "matches")}`;
}

/** The text with its spans in place; each span is a button that shows its sources. */
function codeView(text, matches, select) {
  const lines = text.replace(/\n$/, "").split("\n").map((line) => line.replace(/\r$/, ""));
  const best = new Array(lines.length + 1).fill(-1);
  matches.forEach((match, number) => {
    for (let line = match.query.lines[0]; line <= Math.min(match.query.lines[1], lines.length); line += 1) {
      if (best[line] < 0) best[line] = number;
    }
  });
  const node = el("div", { class: "code", role: "region", tabindex: 0, "aria-label": "Your text, with its matches" });
  const spans = [];
  let line = 1;
  while (line <= lines.length) {
    let end = line;
    while (end < lines.length && best[end + 1] === best[line]) end += 1;
    const rows = [];
    for (let at = line; at <= end; at += 1) {
      const sign = best[line] >= 0 && at === line ? VERDICTS[matches[best[line]].verdict].sign : "";
      rows.push(el("span", { class: "row" }, el("span", { class: "number", "aria-hidden": "true" }, String(at)), el("span", { class: "sign", "aria-hidden": "true" }, sign), el("span", { class: "text" }, ...shown(lines[at - 1]), "\n")));
    }
    node.append(best[line] < 0 ? el("span", { class: "plain" }, ...rows) : span(best[line], [line, end], rows));
    line = end + 1;
  }

  function span(number, place, rows) {
    const match = matches[number];
    const label = `${linesOf(place)}: ${match.verdict}, ${kindOf(match)}, ${match.license.expression}. Show its source.`;
    const made = el(
      "span",
      {
        class: `span ${match.verdict}`, role: "button", tabindex: 0, "aria-label": label, "aria-pressed": "false",
        onclick: () => getSelection().isCollapsed && select(number),
        onkeydown: (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          select(number);
        },
      },
      ...rows,
    );
    spans.push([number, made]);
    return made;
  }

  function mark(number) {
    for (const [of, made] of spans) made.setAttribute("aria-pressed", String(of === number));
    const first = spans.find(([of]) => of === number)?.[1];
    if (first) node.scrollTo({ top: Math.max(0, first.offsetTop - 48), behavior: "auto" });
  }
  return { node, mark };
}
