// What a visit changed: keys that are new, keys with another value, texts by lines and words.
import { button, count, make } from "./make.js";
import { valueLine } from "./values.js";

export function deltaPage(desk, task, page) {
  const box = make("div", "delta");
  box.append(...page.rows.map((row) => changedKey(desk, task, row)));
  const rest = [page.left > 0 && `${count(page.left, "more key")} changed`, `${count(page.unchanged, "key")} unchanged`];
  box.append(make("p", "dim", rest.filter(Boolean).join(" \u00B7 ")));
  return box;
}

function changedKey(desk, task, row) {
  const box = make("div", `changed is-${row.sign}`), head = make("p", "changedkey");
  head.append(make("span", "mark", row.sign === "added" ? "+" : "~"), make("strong", "", row.key), make("span", "dim", row.more ? `${count(row.more, "item")} more` : row.sign));
  box.append(head);
  if (row.diff) box.append(deltaRows(row.diff, (offset) => desk.ask("tab", { task, tab: "diff", key: row.name, offset })));
  else box.append(sides(desk, task, row));
  return box;
}

function sides(desk, task, { before, after }) {
  if (before && !before.open && !after.open) return make("p", "fromto", `${before.short} \u2192 ${after.short}`);
  const list = make("ul", "values");
  if (before) list.append(valueLine(desk, { task, part: "before" }, [], { ...before, label: "before" }));
  list.append(valueLine(desk, { task, part: "after" }, [], { ...after, label: before ? "after" : "" }));
  return list;
}

// rows of text with signs: also what is read without colours says what came and what went
function deltaRows(diff, fetch) {
  const box = make("div"), rows = make("div", "lines");
  rows.tabIndex = 0;
  rows.setAttribute("role", "group");
  rows.setAttribute("aria-label", "what changed in the text");
  const add = (page) => rows.append(...page.rows.map(deltaRow));
  add(diff);
  box.append(rows);
  if (!diff.more) return box;
  const more = button("more", "show more", "", () => fetch(rows.childElementCount).then(({ page }) => {
    add(page);
    if (!page.more) more.remove();
  }));
  box.append(more);
  return box;
}

function deltaRow({ sign, spans, count: left }) {
  const row = make("div", "row");
  row.dataset.sign = sign;
  row.append(make("span", "mark", sign === "=" || sign === "\u2026" ? "" : sign));
  const text = make("span", "spans");
  text.append(...(left ? [make("span", "dim", `\u2026 ${count(left, "line")} as before`)] : spans.map(span)));
  row.append(text);
  return row;
}

function span([sign, text]) {
  return sign === "+" ? make("ins", "", text) : sign === "-" ? make("del", "", text) : document.createTextNode(text);
}
