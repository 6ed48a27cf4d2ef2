// Am I in it? What the index holds of somebody's work, and how to have it taken out.

import { ask, contentOf, indexFacts } from "./api.js";
import { dropInto } from "./check.js";
import { announce, copyButton, count, el, link, percent, plural, shown, swhid } from "./dom.js";
import { licence } from "./verdicts.js";

const LIKENESS = {
  identical: "as it is",
  literal: "copied code",
  renamed: "copied, names changed",
  near_copy: "near copy",
  lexical: "copied code",
};
const MOST_FILES = 200;
const LIMIT = 200;

export function heldView() {
  const name = el("input", { type: "text", id: "whose", autocomplete: "off", spellcheck: "false", placeholder: "https://github.com/you/project" });
  const picker = el("input", { type: "file", multiple: true, class: "hidden-text", tabindex: -1, "aria-hidden": "true" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const answer = el("div", { class: "answer" });
  const form = el(
    "form",
    { class: "search" },
    el("label", { class: "field grow" }, "Repository, account, e-mail address or SWHID", name),
    el("div", { class: "buttons" }, el("button", { type: "button", onclick: () => picker.click() }, "Choose files"), picker, el("button", { class: "primary" }, "Ask")),
  );
  const node = el(
    "section",
    { class: "view", "aria-labelledby": "held-title" },
    el("h1", { id: "held-title" }, "Am I in it?"),
    el("p", { class: "lead" }, "Name a repository or an account, or drop your files: every place where this index holds them is listed."),
    form, problem, answer, optOut(),
  );

  async function go(asked) {
    problem.hidden = true;
    answer.replaceChildren(el("p", { class: "soft" }, "Looking…"));
    try {
      const [found, facts] = await Promise.all([ask("/v1/am-i-in", { ...asked, limit: LIMIT }), indexFacts()]);
      answer.replaceChildren(...report(found, facts));
      announce(answer.querySelector("h2").textContent);
    } catch (error) {
      answer.replaceChildren();
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  async function take(files) {
    const chosen = [...files].slice(0, MOST_FILES);
    const forms = await Promise.all(chosen.map(async (file) => ({ path: file.name, ...(await contentOf(file)) })));
    if (forms.length) go({ files: forms });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (name.value.trim()) go({ id: name.value.trim() });
    else name.focus();
  });
  picker.addEventListener("change", () => take(picker.files));
  dropInto(form, (_, files) => take(files));
  return { node, open: () => name.focus() };
}

function report(found, facts) {
  const head = el("h2", {}, summary(found));
  if (!found.held.length) return [head, unknownAuthors(found)];
  const licences = Object.entries(found.licenses).map(([expression, files]) =>
    el("li", {}, licence(expression, facts.categories[expression]), ` ${plural(files, "file")}`),
  );
  return [
    head,
    el("ul", { class: "tallies" }, ...licences),
    unknownAuthors(found),
    el("ol", { class: "results", role: "list" }, ...found.held.map((held) => item(held, facts))),
    found.more > 0 ? el("p", { class: "soft" }, `and ${count(found.more)} more; sc-attrib am-i-in lists all of them.`) : "",
    listOf(found),
  ].filter(Boolean);
}

function summary({ held, counts, files, asked }) {
  if (!held.length) return `Nothing of ${asked} is in this index.`;
  if (files) return `${plural(counts.identical, "file")} of yours ${counts.identical === 1 ? "is" : "are"} in it as ${counts.identical === 1 ? "it is" : "they are"}, ${plural(counts.in_part, "range")} in part.`;
  return `${plural(counts.by_id, "file")} in this index ${counts.by_id === 1 ? "comes" : "come"} from there.`;
}

function unknownAuthors({ counts }) {
  if (!counts.authors_unknown) return "";
  return el("p", { class: "soft" }, `Of ${plural(counts.authors_unknown, "file")} the text is not stored, so nobody can tell whether they name this author; ask by repository or SWHID.`);
}

function item({ path, lines, kind, similarity, source, license, places }, facts) {
  const likeness = kind ? `${LIKENESS[kind] ?? kind}${kind === "identical" ? "" : `, ${percent(similarity)} alike`}` : "";
  return el(
    "li",
    { class: "card" },
    el("h3", { class: "file" }, el("bdi", {}, ...shown(path ?? source.path)), lines ? el("span", { class: "soft" }, `:${lines.join("–")}`) : ""),
    el("p", { class: "meta" }, licence(license.expression, facts.categories[license.expression]), likeness && el("span", {}, likeness), link(source.origin, ...shown(source.origin)), places > 1 && el("span", { class: "soft" }, `in ${count(places)} places`)),
    swhid(source.swhid),
  );
}

function listOf({ opt_out_list: list }) {
  const text = el("pre", { class: "text", tabindex: 0, "aria-label": "Opt-out list" }, ...shown(list));
  return el("section", { class: "opt-list" }, el("div", { class: "line" }, el("h3", {}, "The list to opt out with"), copyButton(list, "opt-out list")), text);
}

function optOut() {
  return el(
    "aside",
    { class: "note", "aria-labelledby": "opt-out-title" },
    el("h2", { id: "opt-out-title" }, "If you want out"),
    el(
      "ol",
      {},
      el("li", {}, "Ask above, look at the list, and delete the lines of what is not yours."),
      el("li", {}, "Send it to whoever keeps this index. A repository or an account in it covers what is still to come."),
      el("li", {}, "They run ", el("code", {}, "sc-attrib index remove --index DIR --list FILE"), ": from then on nothing of it is found. ", el("code", {}, "sc-attrib index compact"), " erases it from every file; only the id remains, so that it stays out. Training reads the same lists."),
    ),
  );
}
