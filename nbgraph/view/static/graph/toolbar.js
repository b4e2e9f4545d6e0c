// What can be done with the picture: a quiet line above it, and what opens from there.
import { exporting } from "./export.js";
import { KEYS } from "./keys.js";
import { legend } from "./legend.js";
import { button, make, table } from "./make.js";
import { neighbourhood } from "./near.js";
import { search } from "./search.js";

const REACH = ["", "its neighbours", "theirs too"], FACTOR = 1.25;
const TURNED = { LR: ["TB", "Top down"], TB: ["LR", "Left to right"] };
const PANELS = { legend: ["Legend", legend], keys: ["Keys", keyTable], export: ["Export", exporting] };

export function toolbar(desk) {
  const root = make("div", "tools"), bar = make("div", "toolbar"), shown = make("div", "toolpanel"), { canvas } = desk;
  const tool = (label, tip, act) => button("tool", label, tip, act);
  const named = (label, name, tip, act) => {
    const made = tool(label, tip, act);
    made.setAttribute("aria-label", name);
    return made;
  };
  const focus = tool("Focus", "only a node and its neighbours (f)", () => canvas.near.next(desk.selected ?? canvas.keys.at()));
  const turn = tool("", "lay the picture out the other way", () => desk.model.send({ kind: "turn", direction: TURNED[canvas.direction][0] }));
  const field = search(desk), panels = panelsOf(desk, shown, tool);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "picture");
  bar.append(
    named("\u2212", "zoom out", "zoom out (-)", () => canvas.zoom.by(1 / FACTOR)),
    named("+", "zoom in", "zoom in (+)", () => canvas.zoom.by(FACTOR)),
    tool("Fit", "the whole picture (0)", () => canvas.zoom.fit()),
    focus, turn, ...panels.buttons, field.root);
  root.append(bar, shown);
  canvas.near = neighbourhood(desk, (hops, centre) => {
    focus.textContent = hops ? `Focus: ${REACH[hops]}` : "Focus";
    focus.setAttribute("aria-pressed", hops > 0);
    focus.title = hops ? `${centre}, and ${REACH[hops]} (f)` : "only a node and its neighbours (f)";
  });
  Object.assign(canvas, {
    search: field,
    panel: panels.toggle,
    close: () => panels.close() || canvas.near.off() || field.clear() || desk.select(null),
  });
  root.onkeydown = (event) => event.key === "Escape" && panels.close();
  return {
    root,
    draw(drawing) {
      turn.hidden = !TURNED[drawing.direction];
      turn.textContent = TURNED[drawing.direction]?.[1] || "";
      queueMicrotask(() => { field.draw(drawing); canvas.near.again(); }); // when the picture below is drawn
    },
  };
}

function panelsOf(desk, shown, tool) {
  let open = null;
  const buttons = Object.fromEntries(Object.entries(PANELS).map(([name, [label]]) => [name, tool(label, "", () => toggle(name))]));
  const put = (name) => {
    if (open) buttons[open].setAttribute("aria-expanded", "false");
    open = name;
    shown.hidden = name === null;
    shown.replaceChildren(...(name ? [PANELS[name][1](desk)] : []));
    if (name) buttons[name].setAttribute("aria-expanded", "true");
  };
  const toggle = (name) => put(open === name ? null : name);
  const close = () => {
    const was = open;
    if (was && shown.contains(document.activeElement)) buttons[was].focus();
    put(null);
    return was !== null;
  };
  Object.values(buttons).forEach((each) => each.setAttribute("aria-expanded", "false"));
  put(null);
  return { buttons: Object.values(buttons), toggle, close };
}

function keyTable() {
  const root = make("div", "keys");
  root.append(table(["key", "in the picture"], KEYS));
  return root;
}
