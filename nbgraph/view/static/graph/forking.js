// Forking the run after the step that was chosen, with another state: what changes is shown before it is sent.
import { deltaPage } from "./delta.js";
import { goSoon } from "./family.js";
import { button, make, named } from "./make.js";

const PAUSE = 250; // milliseconds after the last key, until it is asked what would change

export function forking(desk) {
  const root = make("div", "forking"), bar = desk.forkbar = make("div", "forkbar"), where = make("span", "dim");
  const at = { desk, box: make("form", "forkform"), asked: 0 };
  const open = disclosing(bar, at.box, "Fork here", (on) => openForm(at, on && stepOf(desk)));
  at.box.onsubmit = (event) => { event.preventDefault(); sendFork(at); };
  at.close = () => open.click();
  bar.append(where);
  root.append(bar, at.box);
  const paint = () => {
    const step = stepOf(desk);
    root.hidden = !desk.live().run?.status;
    open.disabled = step === null && at.box.hidden;
    where.textContent = step === null ? "once it rests, or a step is chosen" : step ? `after step ${step}` : "before the first step";
  };
  return { root, paint, moment: paint, refused: () => at.submit && (at.submit.disabled = false) };
}

// a button that opens and closes a box; Escape in there closes it
export function disclosing(bar, box, label, act) {
  const made = button("tool", label, "", () => {
    box.hidden = !box.hidden;
    made.setAttribute("aria-expanded", !box.hidden);
    act(!box.hidden);
  });
  made.setAttribute("aria-expanded", "false");
  box.hidden = true;
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { made.click(); made.focus(); }
    if (event.key !== "Tab") event.stopPropagation(); // the notebook has shortcuts of its own
  });
  bar.append(made);
  return made;
}

function stepOf(desk) {
  if (desk.moment) return desk.moment.step;
  return desk.live().run?.status === "running" ? null : desk.live().steps || 0;
}

function openForm(at, step) {
  at.box.replaceChildren();
  if (step !== false) at.desk.ask("form", { step }).then(({ form }) => paintForm(at, form));
}

function paintForm(at, form) {
  const buttons = make("div", "formbuttons"), submit = Object.assign(button("resume", "Fork", "", () => {}), { type: "submit" });
  Object.assign(at, { step: form.step, edits: {}, submit, preview: make("div", "preview") });
  at.preview.setAttribute("aria-live", "polite");
  at.box.setAttribute("aria-label", form.title);
  buttons.append(submit, button("", "Close", "", at.close));
  at.box.replaceChildren(make("h4", "", form.title), make("p", "dim", form.next), ...form.fields.map((field) => fieldOf(at, field)),
    make("p", "dim", form.left), at.preview, buttons);
  (at.box.querySelector(":is(input, textarea):enabled") ?? submit).focus();
  checkForm(at);
}

function fieldOf(at, { key, label: name, hint, value, rows, locked }) {
  const row = make("div", "forkfield"), label = make("label", "", name), wrong = make("p", "wrong"), tick = rows === 0;
  const control = make(rows > 1 ? "textarea" : "input"), now = () => (tick ? control.checked : control.value);
  Object.assign(control, { id: named(), disabled: locked, ...(tick ? { type: "checkbox", checked: value } : { value, rows }) });
  Object.assign(wrong, { id: `${control.id}-wrong`, role: "alert" });
  label.htmlFor = control.id;
  control.setAttribute("aria-describedby", wrong.id);
  control.dataset.key = key;
  const before = now(); // as the page holds it, which has line breaks of its own
  control.oninput = () => {
    if (now() === before) delete at.edits[key];
    else at.edits[key] = now();
    at.submit.disabled = true;
    clearTimeout(at.timer);
    at.timer = setTimeout(() => checkForm(at), PAUSE);
  };
  label.append(make("span", "dim", hint));
  row.append(label, control, wrong);
  return row;
}

// what was entered so far: told beside its field where it is wrong, else as a difference
function checkForm(at) {
  const asked = (at.asked += 1);
  at.submit.disabled = true;
  at.desk.ask("changes", { step: at.step, entered: at.edits }).then(({ wrong, page }) => {
    if (asked !== at.asked) return;
    tellWrong(at, wrong);
    at.preview.replaceChildren(make("strong", "", page.rows.length ? "What changes" : "Nothing changes"), deltaPage(at.desk, "", page));
  });
}

function tellWrong(at, wrong) {
  at.submit.disabled = Object.keys(wrong).length > 0;
  at.box.querySelectorAll("[data-key]").forEach((control) => {
    const sentence = Object.hasOwn(wrong, control.dataset.key) ? wrong[control.dataset.key] : "";
    control.setAttribute("aria-invalid", Boolean(sentence));
    if (control.nextSibling.textContent !== sentence) control.nextSibling.textContent = sentence;
  });
}

function sendFork(at) {
  if (at.submit.disabled) return;
  at.submit.disabled = true;
  at.desk.ask("fork", { step: at.step, entered: at.edits }).then(({ wrong, run }) => {
    if (!run) return tellWrong(at, wrong);
    at.close();
    goSoon(run);
  });
}
