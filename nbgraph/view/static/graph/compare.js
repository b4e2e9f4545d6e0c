// This run beside another one: what they took, their steps each beside its like, and the keys that came out differently.
import { deltaPage } from "./delta.js";
import { disclosing } from "./forking.js";
import { button, make, named, table } from "./make.js";

const SIGNS_BESIDE = { first: ["\u25B8", "the first difference"], unlike: ["\u2260", "different"], "": ["", "the same"] };

export function compare(desk) {
  const root = make("section", "compare"), choice = make("select"), label = make("label", "", "compare with ");
  const at = { desk, choice, box: make("div") };
  const opener = disclosing(desk.forkbar, root, "Compare", (on) => on && offer(at));
  desk.compare = (id) => {
    at.wanted = id;
    if (root.hidden) opener.click();
    else offer(at);
  };
  choice.id = label.htmlFor = named();
  choice.onchange = () => lookBeside(at);
  root.setAttribute("aria-label", "comparison of two runs");
  label.append(choice);
  root.append(label, at.box);
  return { root };
}

function offer(at) {
  at.desk.ask("others").then(({ runs }) => {
    const was = at.wanted ?? at.choice.value, option = (value, text) => Object.assign(make("option", "", text), { value });
    at.choice.replaceChildren(option("", runs.length ? "choose a run" : "there is no other run"), ...runs.map(({ id, label }) => option(id, `${id} (${label})`)));
    at.choice.value = runs.some(({ id }) => id === was) ? was : "";
    at.choice.focus();
    lookBeside(at);
  });
}

function lookBeside(at, offset = null) {
  const other = at.choice.value;
  if (!other) return at.box.replaceChildren();
  at.desk.ask("compare", { other, offset }).then(({ page }) => other === at.choice.value && paintCompared(at, other, page));
}

function paintCompared(at, other, { said, rows, turns, keys, facts }) {
  const ids = [at.desk.root.dataset.run, other], aside = make("div", "facts"), say = make("p", "firstsaid", said);
  const steps = make("div", "pairs"), list = make("ol"), pages = make("div", "formbuttons");
  say.setAttribute("role", "status");
  steps.tabIndex = 0; // so that it can be scrolled by keyboard
  steps.setAttribute("role", "group");
  steps.setAttribute("aria-label", "steps side by side");
  list.append(...rows.map((row) => pairOf("li", row, ids)));
  steps.append(pairOf("div", { mark: "", cells: ids.map((id) => ["", id, "", ""]) }), list);
  pages.append(...turns.map(([label, to]) => button("", label, "", () => lookBeside(at, to))));
  aside.append(table(["", ...ids], facts));
  at.box.replaceChildren(aside, say, steps, pages, make("h4", "", keys.rows.length ? `What differs in the end: ${ids.join(" \u2192 ")}` : "The same state in the end"), deltaPage(at.desk, "", keys));
  const first = list.querySelector(".nbgraph-first");
  if (first) steps.scrollTop = first.offsetTop - steps.clientHeight / 3;
}

function pairOf(tag, { mark, cells }, ids = []) {
  const item = make(tag, mark ? `pair ${mark}` : "pair"), sign = make("span", "pairmark", SIGNS_BESIDE[mark][0]);
  sign.setAttribute("role", "img");
  sign.setAttribute("aria-label", SIGNS_BESIDE[mark][1]);
  item.append(sign, ...cells.map((cell, place) => cellOf(cell, ids[place])));
  return item;
}

function cellOf(cell, id) {
  const box = make("div", "paircell"), [number, task, went, update] = cell ?? [`no such step in ${id}`, "", "", ""];
  box.append(make("span", "dim", number), make("strong", "", task), make("span", "dim", went), make("span", "update", update));
  return box;
}
