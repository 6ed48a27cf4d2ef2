// Searching known files by their words, with filters by language and licence.

import { ask, indexFacts } from "./api.js";
import { announce, el, link, plural, shown, swhid } from "./dom.js";
import { licence } from "./verdicts.js";

export function searchView() {
  const words = el("input", {
    type: "search", id: "words", name: "q", autocomplete: "off", spellcheck: "false", placeholder: "e.g. chunked upload retry",
  });
  const language = choice("All languages");
  const license = choice("All licences");
  const output = el("output", { class: "soft" });
  const results = el("ol", { class: "results", role: "list" });
  const problem = el("p", { class: "problem", role: "alert", hidden: true });
  const form = el(
    "form",
    { class: "search", role: "search" },
    el("label", { class: "field grow" }, "Words of code", words),
    el("label", { class: "field" }, "Language", language.node),
    el("label", { class: "field" }, "Licence", license.node),
    el("button", { class: "primary" }, "Search"),
  );
  const node = el(
    "section",
    { class: "view", "aria-labelledby": "search-title" },
    el("h1", { id: "search-title" }, "Search known files by their words"),
    el("p", { class: "lead" }, "Ranked by BM25: rare words count most, their order does not matter."),
    form, problem, output, results,
  );
  let latest = 0;

  async function search() {
    const number = (latest += 1);
    if (!words.value.trim()) return words.focus();
    const asked = new URLSearchParams({ q: words.value, limit: "25" });
    if (language.value) asked.set("language", language.value);
    if (license.value) asked.set("license", license.value);
    problem.hidden = true;
    try {
      const [found, facts] = await Promise.all([ask(`/v1/search?${asked}`), indexFacts()]);
      if (number !== latest) return undefined;
      language.offer(found.counts.languages);
      license.offer(found.counts.licenses);
      results.replaceChildren(...found.results.map((result) => item(result, facts)));
      output.textContent = told(found);
      announce(output.textContent);
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      output.textContent = "";
      results.replaceChildren();
    }
    return undefined;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    language.reset();
    license.reset();
    search();
  });
  language.node.addEventListener("change", search);
  license.node.addEventListener("change", search);
  return {
    node,
    open: (asked) => {
      if (asked) {
        words.value = asked;
        search();
      }
      words.focus();
    },
  };
}

function told({ counts, results }) {
  if (!counts.found) return "No known file holds any of these words.";
  if (!results.length) return "None of the best files is like that.";
  const shownOf = results.length < counts.chosen ? `The best ${results.length} of ` : "";
  return `${shownOf}${plural(counts.chosen, "file")}${counts.chosen < counts.found ? `, out of ${counts.found} without the filters` : ""}`;
}

/** A choice with how many files each value has. */
function choice(all) {
  const node = el("select", {}, el("option", { value: "" }, all));
  return {
    node,
    get value() {
      return node.value;
    },
    reset: () => (node.value = ""),
    offer: (counts) => {
      const chosen = node.value;
      const options = Object.entries(counts).map(([name, count]) => el("option", { value: name }, `${name} (${count})`));
      node.replaceChildren(el("option", { value: "" }, all), ...options);
      node.value = chosen;
    },
  };
}

function item({ source, license, language }, facts) {
  const more = el("div", { class: "more" });
  const button = el("button", { type: "button", class: "small", "aria-expanded": "false" }, "Show the text");
  const asked = source.swhid.split(";")[0];
  button.addEventListener("click", async () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    button.textContent = open ? "Show the text" : "Hide the text";
    more.replaceChildren(...(open ? [] : [await textOf(asked)]));
  });
  const folder = source.path.split("/").slice(0, -1).join("/");
  const name = source.path.split("/").pop();
  return el(
    "li",
    { class: "card" },
    el("h2", { class: "file" }, el("bdi", {}, el("span", { class: "soft" }, ...shown(folder ? `${folder}/` : "")), ...shown(name))),
    el("p", { class: "meta" }, licence(license.expression, facts.categories[license.expression]), el("span", {}, language), link(source.origin, ...shown(source.origin)), source.revision && el("span", { class: "soft" }, source.revision)),
    swhid(source.swhid, button),
    more,
  );
}

async function textOf(core) {
  try {
    const { stored, text } = await ask(`/v1/swhid/${core}?text=true`);
    if (!stored) return el("p", { class: "empty" }, "The text is not stored in this index; the archive shows it where it has it.");
    if (text === undefined) return el("p", { class: "empty" }, "The text is not UTF-8, so it is not shown.");
    return el("pre", { class: "text", tabindex: 0, "aria-label": "Known text" }, ...shown(text));
  } catch (error) {
    return el("p", { class: "problem" }, error.message);
  }
}
