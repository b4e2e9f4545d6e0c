// The family of the run, where there is one: a lane for each run, from the step where it was forked to where it is.
import { button, count, make } from "./make.js";

const FIND_MS = 100, FIND_TRIES = 50; // while a run that was opened comes to be shown

export function family(desk) {
  const root = make("ul", "family");
  let shown = null;
  root.setAttribute("aria-label", "family of runs");
  return {
    root,
    paint() {
      const told = desk.model.get("family") || {}, { run = "", lanes = [] } = told;
      if (told === shown) return;
      shown = told;
      const focused = root.contains(document.activeElement) && document.activeElement.dataset.name;
      const most = Math.max(1, ...lanes.map(({ steps }) => steps));
      desk.root.dataset.run = run;
      root.hidden = !lanes.length;
      root.replaceChildren(...lanes.map((lane) => laneOf(desk, lane, lane.id === run, most)));
      if (focused) [...root.querySelectorAll("button")].find(({ dataset }) => dataset.name === focused)?.focus();
    },
  };
}

function laneOf(desk, { id, depth, at, steps, status, sign, cost }, current, most) {
  const item = make("li", "kin"), made = button("member", "", "", () => goTo(id) || desk.ask("open", { run: id }).then(() => goSoon(id)));
  const track = make("span", "kintrack"), bar = make("span", "kinspan"), other = button("tool", "Compare", "", () => desk.compare(id));
  Object.assign(bar.style, { left: `${(100 * (depth ? at : 0)) / most}%`, right: `${100 - (100 * steps) / most}%` });
  track.append(bar);
  item.dataset.stands = status;
  made.style.marginLeft = `${14 * depth}px`;
  made.dataset.name = `go ${id}`;
  if (current) made.setAttribute("aria-current", "true");
  made.append(make("span", "status", `${sign} ${status}`), make("span", "runid", id),
    make("span", "dim", [depth && `forked after step ${at}`, count(steps, "step"), cost].filter(Boolean).join(" \u00B7 ")));
  other.dataset.name = `compare ${id}`;
  other.setAttribute("aria-label", `compare with ${id}`);
  other.disabled = current;
  item.append(made, track, other);
  return item;
}

export function goSoon(id, tries = FIND_TRIES) {
  if (!goTo(id) && tries) setTimeout(() => goSoon(id, tries - 1), FIND_MS);
}

// to the view of a run, where it is on the page
function goTo(id) {
  const view = [...document.querySelectorAll(".nbgraph-graph")].find((each) => each.dataset.run === id && each.offsetParent);
  view?.setAttribute("tabindex", -1);
  view?.focus({ preventScroll: true });
  view?.scrollIntoView({ block: "nearest" });
  return view;
}
