// A field that finds nodes by their names, also those in subgraphs that are closed.
import { make } from "./make.js";

export function search(desk) {
  const root = make("span", "search"), field = make("input"), told = make("span", "matches");
  let matches = [], at = -1, names = [];
  Object.assign(field, { type: "search", placeholder: "Find a node", title: "find a node (/)" });
  field.setAttribute("aria-label", "find a node");
  told.setAttribute("role", "status");
  root.append(field, told);

  function paint() {
    const marks = new Map(matches.map((name, place) => [shownAs(desk, name), place]));
    const here = at >= 0 ? shownAs(desk, matches[at]) : null;
    desk.drawn.nodes.forEach((group, name) => {
      group.classList.toggle("nbgraph-match", marks.has(name));
      group.classList.toggle("nbgraph-at", name === here);
    });
    told.textContent = field.value && (at < 0 ? String(matches.length || "none") : `${at + 1} of ${matches.length}`);
    told.title = at < 0 ? "" : matches[at];
  }

  function find() {
    const wanted = field.value.trim().toLowerCase();
    matches = wanted ? names.filter((name) => name.toLowerCase().includes(wanted)) : [];
    at = -1;
    paint();
  }

  function walk(by) {
    if (!matches.length) return;
    at = (at + by + matches.length + (at < 0 && by < 0 ? 1 : 0)) % matches.length;
    paint();
    const name = shownAs(desk, matches[at]);
    if (name === undefined) return;
    desk.canvas.zoom.reveal(desk.drawn.nodes.get(name));
    desk.canvas.keys.put(name);
  }

  function clear() {
    field.value = "";
    find();
    desk.canvas.keys.focus();
  }

  field.oninput = find;
  field.onkeydown = (event) => {
    event.stopPropagation(); // the notebook has commands of its own for keys
    const act = { Enter: () => walk(event.shiftKey ? -1 : 1), Escape: clear, ArrowDown: () => desk.canvas.keys.focus() }[event.key];
    if (act) event.preventDefault();
    act?.();
  };
  return {
    root,
    focus: () => field.select(),
    draw({ nodes = [] }) {
      names = nodes.filter(({ kind }) => kind !== "start" && kind !== "end").map(({ name }) => name);
      find();
    },
    clear: () => { field.value = ""; find(); },
  };
}

// the node itself, or the closed subgraph that it is in
function shownAs(desk, name) {
  const parts = name.split("/");
  while (parts.length && !desk.drawn.nodes.has(parts.join("/"))) parts.pop();
  return parts.length ? parts.join("/") : undefined;
}
