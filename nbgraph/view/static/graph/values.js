// Values: each a line, opened on demand, page by page; nothing of them is there before it was asked for.
import { button, grouped, make } from "./make.js";

// Lines of what is in a value. `of` says to the kernel which value is meant, `path` the way to it; `about(line)` may
// give what stands for the name of a line.
export function valueList(desk, of, path, lines, about) {
  const list = make("ul", "values");
  list.append(...lines.map((line) => valueLine(desk, of, path, line, about)));
  return list;
}

export function valueLine(desk, of, path, line, about) {
  const item = make("li", "datum"), way = line.path ?? [...path, line.at], name = make("span", "term", line.label);
  const words = [make("span", `short is-${line.type || "none"}`, line.short), make("span", "dim", [line.type, line.size].filter(Boolean).join(" \u00B7 "))];
  const box = make("div", "inside"), row = make(line.open ? "button" : "span", "line");
  row.append(...(about ? [] : [name]), ...words);
  item.append(...(about ? [about(line)] : []), row, box);
  box.hidden = true;
  if (line.open) beDisclosure(row, box, () => openValue(desk, of, way, box));
  return item;
}

function beDisclosure(row, box, fill) {
  row.type = "button";
  row.setAttribute("aria-expanded", "false");
  row.onclick = () => {
    box.hidden = !box.hidden;
    row.setAttribute("aria-expanded", !box.hidden);
    if (!box.hidden && !box.hasChildNodes()) fill();
  };
}

function openValue(desk, of, path, box) {
  const fetch = (given) => desk.ask("value", { ...of, path, ...given }).then(({ page }) => page);
  fetch({}).then((page) => box.replaceChildren(valuePage(desk, of, path, page, fetch)));
}

// `fetch({offset, across})` gives another page of the same value
export function valuePage(desk, of, path, page, fetch, about) {
  return PAGES[page.kind]({ desk, of, path, fetch, about }, page);
}

const PAGES = {
  none: (_, { note }) => make("p", "dim", note),
  text: (at, page) => textPage(page, at.fetch),
  image: (_, { image, note }) => {
    const figure = make("div", "image");
    figure.append(Object.assign(make("img"), { src: image, alt: `image, ${note}` }), make("p", "dim", note));
    return figure;
  },
  parts({ desk, of, path, fetch, about }, page) {
    if (!page.length) return make("p", "dim", "nothing");
    const list = valueList(desk, of, path, page.parts, about), box = make("div");
    box.append(list);
    moreOf(box, page, "lines", fetch, (next) => list.append(...next.parts.map((line) => valueLine(desk, of, path, line, about))));
    return box;
  },
  table({ fetch }, page) {
    const box = make("div", "grid");
    paintGrid(box, page, fetch);
    return box;
  },
};

export function textPage(page, fetch) {
  if (page.kind === "none") return make("p", "dim", page.note);
  const box = make("div"), text = make("pre", "", page.text);
  text.tabIndex = 0; // so that a long text can be scrolled by keyboard
  box.append(text);
  moreOf(box, page, "characters", fetch, (next) => text.append(next.text));
  return box;
}

function moreOf(box, page, what, fetch, add) {
  if (page.shown >= page.length) return;
  const say = () => `show more (${grouped(page.shown)} of ${grouped(page.length)} ${what})`;
  const more = button("more", say(), "", () => fetch({ offset: page.shown }).then((next) => {
    page = next;
    add(next);
    if (next.shown >= next.length) more.remove();
    else more.textContent = say();
  }));
  box.append(more);
}

function paintGrid(box, page, fetch) {
  const grid = make("table"), body = grid.createTBody(), wrap = make("div", "gridrows");
  wrap.tabIndex = 0;
  wrap.setAttribute("role", "group");
  wrap.setAttribute("aria-label", "table");
  grid.createTHead().insertRow().append(...["", ...page.columns].map((name) => make("th", "", name)));
  page.rows.forEach(([label, ...cells]) => body.insertRow().append(make("th", "", label), ...cells.map((cell) => make("td", "", cell))));
  wrap.append(grid);
  const go = (given) => fetch({ offset: page.offset, across: page.across, ...given }).then((next) => paintGrid(box, next, fetch));
  box.replaceChildren(wrap, pager("rows", page.offset, page.rows.length, page.length, 20, (offset) => go({ offset })),
    pager("columns", page.across, page.columns.length, page.width, 12, (across) => go({ across })), make("span", "dim", page.note));
}

function pager(what, from, shown, all, size, go) {
  const root = make("span", "pager"), said = `${what} ${grouped(from + 1)}\u2013${grouped(from + shown)} of ${grouped(all)}`;
  if (shown >= all) return root;
  const turn = (sign, label, to, can) => Object.assign(button("turn", sign, label, () => go(to)), { disabled: !can });
  root.append(turn("\u2039", `${what} before`, Math.max(from - size, 0), from > 0), make("span", "dim", said),
    turn("\u203A", `${what} after`, from + size, from + shown < all));
  root.querySelectorAll("button").forEach((each) => each.setAttribute("aria-label", each.title));
  return root;
}
