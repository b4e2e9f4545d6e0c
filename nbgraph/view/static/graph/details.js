// What is known of the node that was chosen.
import { button, count, make, own, pairs } from "./make.js";
import { STOPS, WORDS, stopsAt } from "./words.js";

export function details(desk) {
  const root = make("div", "panel"), about = make("div", "about"), stops = make("div", "stops"), more = make("div", "more");
  let seen = "";
  root.setAttribute("role", "region");
  stops.setAttribute("role", "group");
  stops.append(...STOPS.map((when) => button("stop", `Pause ${when}`, "", (clicked) => {
    const pressed = clicked.getAttribute("aria-pressed") === "true";
    desk.model.send({ kind: "break", node: desk.selected, when: pressed ? null : when });
  })));
  root.append(about, stops, more);
  const show = (told) => showDetails(desk, root, { about, stops, more }, told);
  const fetch = () => desk.ask("node", { node: desk.selected }).then((told) => told.node === desk.selected && show(told));
  return {
    root,
    select(name) {
      root.hidden = name === null;
      if (name === null) return;
      paintStops(desk, stops);
      show({ node: name });
      fetch();
    },
    paint({ run, nodes }) {
      paintStops(desk, stops);
      const now = JSON.stringify([run, own(nodes, desk.selected)]), changed = now !== seen;
      seen = now;
      if (desk.selected !== null && changed) fetch();
    },
  };
}

function paintStops(desk, stops) {
  const status = desk.status(), pressed = stopsAt(status, desk.selected);
  stops.hidden = !desk.model.get("actions") || ["done", "cancelled", undefined].includes(status.run?.status);
  STOPS.forEach((when, place) => stops.children[place].setAttribute("aria-pressed", pressed.includes(when)));
}

function showDetails(desk, root, { about, stops, more }, { node, signature, marks, used, attempt, code, cell, why, update = {}, log, error, where }) {
  const now = own(desk.status().nodes, node) || { state: "idle", visits: 0 };
  const said = [WORDS[now.state] || now.state, now.visits > 1 && count(now.visits, "visit"), now.note, attempt, cell];
  const dim = [said, [marks], [used]].map((words) => words.filter(Boolean).join(" \u00B7 ")).filter(Boolean);
  root.setAttribute("aria-label", `details of ${node}`);
  stops.setAttribute("aria-label", `breakpoints of ${node}`);
  about.replaceChildren(make("h4", "", signature || node), ...dim.map((line) => make("p", "dim", line)));
  more.replaceChildren();
  part(more, "Why not yet", why, "prose");
  part(more, "Error", error && [error, where].filter(Boolean).join("\n"), "error");
  part(more, "Last update", pairs(update));
  part(more, "Log", log);
  part(more, "Code", code);
}

function part(panel, title, text, className = "") {
  if (text) panel.append(make("h5", "", title), make("pre", className, text));
}
