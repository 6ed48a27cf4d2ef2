// The four views, the keys, the colours.

import { indexFacts } from "./api.js";
import { checkView } from "./check.js";
import { count } from "./dom.js";
import { heldView } from "./held.js";
import { indexView } from "./index.js";
import { searchView } from "./search.js";

const VIEWS = { check: checkView, search: searchView, held: heldView, index: indexView };
const TITLES = { check: "Check code", search: "Search", held: "Am I in it?", index: "The index" };
const main = document.getElementById("main");
const made = new Map();
let current = null;

/** Show the view that the address names; each is made once, and keeps what was typed into it. */
function show() {
  const [name, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
  if (name === "main") return main.focus();
  const chosen = name in VIEWS ? name : "check";
  if (!made.has(chosen)) made.set(chosen, VIEWS[chosen]());
  const changed = current !== chosen;
  current = chosen;
  main.replaceChildren(made.get(chosen).node);
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.hash === `#${chosen}`) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  document.title = `${TITLES[chosen]} · sc-attrib`;
  made.get(chosen).open?.(rest.join("/"));
  if (changed && made.size > 1) main.focus({ preventScroll: true });
  if (changed) window.scrollTo(0, 0);
}

/** Keys of one letter, unless somebody types or has switched them off. */
function press(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (!document.getElementById("single-keys").checked) return;
  const views = Object.keys(VIEWS);
  if (event.key >= "1" && event.key <= "4") location.hash = views[event.key - 1];
  else if (event.key === "/") location.hash = "search";
  else if (event.key === "?") document.getElementById("keys-dialog").showModal();
  else if (!made.get(current)?.press?.(event)) return;
  event.preventDefault();
}

const THEMES = ["system", "light", "dark"];
const SIGNS = { system: "◐", light: "○", dark: "●" };

function paint(theme) {
  const button = document.getElementById("theme");
  document.documentElement.dataset.theme = theme;
  button.firstElementChild.textContent = SIGNS[theme];
  button.setAttribute("aria-label", `Colours: ${theme === "system" ? "as the system has them" : theme}`);
  button.title = button.getAttribute("aria-label");
}

function nextTheme() {
  const theme = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  localStorage.setItem("sc-attrib-theme", theme);
  paint(theme);
}

const kept = localStorage.getItem("sc-attrib-theme");
paint(THEMES.includes(kept) ? kept : "system");
document.getElementById("theme").addEventListener("click", nextTheme);
document.getElementById("keys").addEventListener("click", () => document.getElementById("keys-dialog").showModal());
addEventListener("hashchange", show);
addEventListener("keydown", press);
show();
indexFacts().then(
  (facts) => {
    const known = `sc-attrib ${facts.version} · ${count(facts.index.documents)} known files`;
    document.getElementById("known").textContent = known;
  },
  () => {},
);
