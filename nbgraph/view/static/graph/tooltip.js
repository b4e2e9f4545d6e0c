// A tooltip for what is pointed at or focused: asked for then, hidden by Escape, and it stays while it is pointed at.
import { grouped, make, named } from "./make.js";

const SLOW = 150, LINGER = 250;

export function tooltip(desk) {
  const root = make("div", "tip");
  Object.assign(root, { id: named(), hidden: true });
  root.setAttribute("role", "tooltip");
  desk.tip = { root, for: null, timer: 0 };
  root.onpointerenter = () => clearTimeout(desk.tip.timer);
  root.onpointerleave = () => hideTip(desk);
  return { root, draw: () => desk.drawn.edges.forEach(({ group }, index) => pointable(desk, group, index)), moment: () => hideTip(desk) };
}

// says more on an element: `ask()` promises what stands in its tooltip
export function explain(desk, element, ask, pointed = () => {}) {
  const show = (wait) => {
    clearTimeout(desk.tip.timer);
    desk.tip.timer = setTimeout(() => showTip(desk, element, ask), wait);
    pointed(true);
  };
  const leave = () => {
    pointed(false);
    clearTimeout(desk.tip.timer);
    desk.tip.timer = setTimeout(() => hideTip(desk), LINGER);
  };
  element.addEventListener("pointerenter", () => show(SLOW));
  element.addEventListener("pointerleave", leave);
  element.addEventListener("focus", () => show(0));
  element.addEventListener("blur", leave);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || desk.tip.root.hidden) return;
    event.stopPropagation();
    hideTip(desk);
  });
}

function showTip(desk, element, ask) {
  desk.tip.for?.removeAttribute("aria-describedby");
  desk.tip.for = element;
  ask().then((parts) => {
    if (desk.tip.for !== element || !element.isConnected) return;
    desk.tip.root.replaceChildren(...parts);
    desk.tip.root.hidden = false;
    element.setAttribute("aria-describedby", desk.tip.root.id);
    placeTip(desk, element.getBoundingClientRect(), element.matches(".nbgraph-keyname"));
  });
}

function hideTip(desk) {
  desk.tip.for?.removeAttribute("aria-describedby");
  Object.assign(desk.tip, { for: null });
  desk.tip.root.hidden = true;
}

// below the element or, where others stand below it, beside it
function placeTip(desk, { left, right, top, bottom, height }, beside) {
  const { root } = desk.tip, page = desk.root.getBoundingClientRect();
  const wanted = beside ? right + 8 : (left + right - root.offsetWidth) / 2;
  const down = beside ? top : 6 + (height > 60 ? top + height / 2 : bottom); // of a long edge below its middle
  root.style.left = `${Math.max(0, Math.min(wanted - page.left, page.width - root.offsetWidth))}px`;
  root.style.top = `${down - page.top}px`;
}

// an edge of the picture is a thin line: a wider one that nobody sees is what is pointed at
function pointable(desk, group, index) {
  const line = group.querySelector("path");
  if (!line || group.querySelector(".nbgraph-hit")) return;
  const hit = line.cloneNode();
  hit.setAttribute("class", "nbgraph-hit");
  group.prepend(hit);
  explain(desk, group, () => edgeTold(desk, index), (on) => group.classList.toggle("nbgraph-pointed", on));
}

export function edgeTold(desk, index) {
  if (!desk.live().run?.status) return new Promise(() => {}); // there is no run that could say why
  return desk.ask("edge", { index, step: desk.moment?.step ?? null }).then(({ edge: told }) => {
    const last = told.why && told.taken ? `the last time it ${told.why}` : told.why;
    const times = told.taken ? `taken ${grouped(told.taken)}\u00D7` : "not taken";
    return [make("p", "tiphead", [told.name, told.label].filter(Boolean).join("  ")), make("p", "dim", times),
      ...told.last.map(({ step, reason }) => make("p", "", `${step ? `step ${step}` : "at the start"}: ${reason || "always"}`)),
      ...(last ? [make("p", "", last)] : [])];
  });
}

export function keyTold(desk, key, within = "") {
  return desk.ask("uses", { key, within }).then(({ uses }) => {
    const more = uses.written - uses.last.length;
    const wrote = uses.last.map(({ step, task }) => `${task} (step ${step})`).join(", ");
    return [make("p", "tiphead", uses.key),
      make("p", "", wrote ? `written by ${more > 0 ? `${more} earlier, then ` : ""}${wrote}` : "given as an input"),
      make("p", "", uses.readers.length ? `read by ${uses.readers.join(", ")}` : "read by no node")];
  });
}
