// How long the run has been under way, how far and how fast: told now and then, and counted on here meanwhile.
import { count, grouped, make } from "./make.js";

const LONG = 20; // a rate of steps says little about fewer
const TIP = "time under way; the time in which it waits for somebody does not count";

export function pace(desk) {
  const root = Object.assign(make("span", "pace"), { title: TIP }), bar = make("progress"), said = make("span");
  let ticking = 0;
  const tick = () => {
    const told = desk.live().pace || {}, now = Date.now() / 1000;
    said.textContent = spoken(told, desk.live().steps || 0, now);
    if (!told.since || !root.isConnected) ticking = clearInterval(ticking) || 0;
  };
  root.append(bar, said);
  return {
    root,
    paint() {
      const { since, over = 0, items = 0 } = desk.live().pace || {};
      bar.hidden = !items;
      Object.assign(bar, { max: items || 1, value: over });
      bar.setAttribute("aria-label", `${over} of ${count(items, "item")}`);
      tick();
      if (since && !ticking) ticking = setInterval(tick, 1000);
    },
  };
}

function spoken({ seconds, since, over = 0, items = 0, begun }, steps, now) {
  if (seconds === undefined) return "";
  const elapsed = seconds + (since ? Math.max(0, now - since) : 0);
  const mapping = Math.max(0, now - begun), left = over && since ? (mapping / over) * (items - over) : 0;
  const far = items ? [`${grouped(over)}/${grouped(items)} items`, since && speed(over, mapping)]
    : [steps >= LONG && count(steps, "step"), steps >= LONG && speed(steps, elapsed)];
  return [face(elapsed), ...far, left > 1 && `about ${face(left)} left`].filter(Boolean).join(" · ");
}

function face(seconds) {
  const whole = Math.floor(seconds), two = (number) => String(number % 60).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60);
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(whole)}`;
}

function speed(number, seconds) {
  const each = number / seconds;
  if (!(each > 0) || !Number.isFinite(each)) return "";
  if (each < 1) return `${Math.round(each * 60)}/min`;
  return `${each >= 10 ? grouped(Math.round(each)) : each.toFixed(1)}/s`;
}
