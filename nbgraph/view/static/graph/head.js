// The line above the picture: the run's name, where it is and why, what its models took, and what can be done with it.
import { asks } from "./asks.js";
import { button, make } from "./make.js";
import { pace } from "./pace.js";

const BUTTONS = { pause: ["running"], resume: ["paused", "failed"], next: ["paused"], cancel: ["running", "waiting", "paused"] };
const TIPS = { next: "run what is ready now, then pause again" };

export function head(desk) {
  const root = make("div", "head"), name = make("span", "name"), say = make("span", "say");
  const status = make("span", "status"), reason = make("span", "reason"), buttons = make("span", "buttons");
  const used = Object.assign(make("span", "used"), { title: "calls of models, tokens of their input + output, US dollars" });
  say.setAttribute("aria-live", "polite");
  say.append(status, reason);
  const time = pace(desk), asked = asks(desk);
  root.append(name, say, time.root, used, asked.root, buttons);
  return {
    root,
    draw: ({ name: drawn = "" }) => { name.textContent = drawn; },
    paint({ run = { status: "", reason: "" } }) {
      root.hidden = !desk.root.classList.toggle("nbgraph-live", Boolean(run.status || desk.model.get("actions")));
      paintButtons(desk, buttons, desk.moment ? "" : run.status); // nothing can be done to what is past
      time.paint();
      asked.paint();
      used.textContent = run.used || "";
      if (desk.root.dataset.status === run.status && reason.textContent === run.reason) return;
      desk.root.dataset.status = status.textContent = run.status;
      reason.textContent = run.reason;
      desk.refuse("");
    },
    refused: () => buttons.querySelectorAll("button").forEach((each) => { each.disabled = false; }),
  };
}

function paintButtons(desk, buttons, status) {
  const wanted = Object.keys(BUTTONS).filter((action) => desk.model.get("actions") && BUTTONS[action].includes(status));
  if (buttons.dataset.shown === `${wanted} ${status}`) return;
  buttons.dataset.shown = `${wanted} ${status}`;
  buttons.replaceChildren(...wanted.map((action) => button(action, action[0].toUpperCase() + action.slice(1), TIPS[action], (clicked) => {
    clicked.disabled = true;
    desk.model.send({ kind: "act", action });
  })));
}
