// How many questions wait for a person, here and in all of the notebook; and a notification of the browser, if it may.
import { button, count, grouped, make } from "./make.js";

const REMEMBERED = "nbgraph-notify", FIELDS = ":is(textarea, input, select, button):enabled";
const REFUSED = "the browser does not allow notifications of this page";

export function asks(desk) {
  const root = make("span", "asks"), before = { here: null };
  const here = button("asks-here", "", "go to the first of them, below", () => firstQuestion(desk)?.focus());
  const all = button("asks-all", "", "show all open questions of the notebook below this run", () => desk.ask("questions"));
  const bell = notifier();
  root.append(here, all, bell);
  return {
    root,
    paint() {
      const asked = desk.model.get("asks") || {}, elsewhere = (asked.all || 0) - (asked.here || 0);
      here.hidden = !asked.here;
      here.textContent = `${count(asked.here || 0, "question")} for you`;
      all.hidden = elsewhere <= 0 && !(asked.all > 1);
      all.textContent = `${grouped(asked.all || 0)} in the notebook`;
      bell.hidden = !("Notification" in window) || !["running", "waiting", "paused"].includes(desk.live().run?.status);
      if (before.here !== null && asked.here > before.here) notify(desk, asked.latest);
      before.here = asked.here || 0; // what was asked before this page came is no news
    },
  };
}

// the nearest to this view: a run of a list has its questions in the same output as others
function firstQuestion({ root }) {
  for (let around = root.parentElement; around; around = around.parentElement) {
    const found = around.querySelector(`.nbgraph-approval:not(.nbgraph-settled) ${FIELDS}`);
    if (found) return found;
    if (around.matches(".jp-Cell")) return null;
  }
  return null;
}

function notifier() {
  const bell = button("bell", "Notify me", "", () => (wished() ? wish("off") : allow()).then(() => paintBell(bell)));
  paintBell(bell);
  return bell;
}

function paintBell(bell) {
  const refused = window.Notification?.permission === "denied";
  bell.setAttribute("aria-pressed", wished() && !refused);
  bell.disabled = refused;
  bell.title = refused ? REFUSED : "a notification of the browser when a run asks you while you look elsewhere";
}

const allow = () => Notification.requestPermission().then((said) => wish(said === "granted" ? "on" : "off"));

// a page without storage of its own asks again
const wished = () => { try { return localStorage.getItem(REMEMBERED) === "on"; } catch { return false; } };
const wish = async (what) => { try { localStorage.setItem(REMEMBERED, what); } catch { /* it is not remembered */ } };

function notify(desk, latest = "") {
  if (!wished() || window.Notification?.permission !== "granted" || (!document.hidden && document.hasFocus())) return;
  const { name = "" } = desk.model.get("drawing") || {};
  const told = new Notification(`${name} asks you`, { body: latest, tag: `nbgraph ${name} ${latest}` });
  told.onclick = () => {
    window.focus();
    firstQuestion(desk)?.focus();
    told.close();
  };
}
