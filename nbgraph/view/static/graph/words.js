// States and statuses, for eyes and for ears.
export const ICONS = { active: "\u25B6\uFE0E", waiting: "?", failed: "\u2717\uFE0E", handled: "\u2717\uFE0E", cancelled: "\u00D7", done: "\u2713\uFE0E" };
export const WORDS = { idle: "not run yet", active: "running", waiting: "waiting for a person", handled: "failed, and the run went on" };
export const STOPS = ["before", "after"];
export const stopsAt = ({ breaks }, name) => STOPS.filter((when) => breaks?.[when]?.includes(name));
