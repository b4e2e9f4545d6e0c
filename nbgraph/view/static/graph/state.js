// The state after the step that was chosen, or as it is while the run rests; asked for where it is opened.
import { button, make } from "./make.js";
import { explain, keyTold } from "./tooltip.js";
import { valuePage } from "./values.js";

export function state(desk) {
  const root = make("details", "state"), summary = make("summary"), box = make("div", "statebox");
  const seen = { shown: null };
  root.append(summary, box);
  const paint = () => paintState(desk, root, summary, box, seen);
  root.ontoggle = paint;
  return { root, paint, moment: paint };
}

function paintState(desk, root, summary, box, seen) {
  const live = desk.live(), step = desk.moment?.step ?? live.steps ?? 0;
  root.hidden = !live.run?.status;
  const rests = desk.moment !== null || live.run?.status !== "running";
  summary.textContent = rests ? `State after step ${step}` : "State";
  const shown = `${step} ${live.run?.status === "running"}`;
  if (!root.open || !rests || seen.shown === shown) return;
  seen.shown = shown;
  const fetch = (given) => desk.ask("value", { step, path: [], ...given }).then(({ page }) => page);
  fetch({}).then((page) => seen.shown === shown && box.replaceChildren(valuePage(desk, { step }, [], page, fetch, (line) => keyName(desk, line))));
}

function keyName(desk, { label }) {
  const name = button("keyname", label, "", () => {});
  explain(desk, name, () => keyTold(desk, label));
  return name;
}
