// The steps and the answers as tables, for where they are opened.
import { count, make, pairs, table } from "./make.js";

export function steps(desk) {
  const root = make("details", "steps"), summary = make("summary"), rows = make("div", "rows");
  let listed = null;
  root.append(summary, rows);
  const paint = (status) => {
    root.hidden = !status.steps && !status.answers?.length;
    summary.textContent = count(status.steps || 0, "step");
    if (!root.open || (listed?.[0] === status.rows && listed[1] === status.answers)) return;
    listed = [status.rows, status.answers];
    rows.replaceChildren(stepTable(status), status.answers?.length ? answerTable(status.answers) : "");
  };
  root.ontoggle = () => { listed = null; paint(desk.status()); };
  return { root, paint };
}

function stepTable({ rows = [], steps: all = 0 }) {
  const models = rows.some(({ used }) => used) ? ["models"] : [];
  const made = table(["#", "node", "update", "went on to", ...models, "seconds"], rows.map((row) => [
    row.step, row.task, pairs(row.update),
    row.edges.map(({ target, reason }) => (reason ? `${target}: ${reason}` : target)).join("\n"),
    ...models.map(() => row.used || ""), row.seconds?.toFixed(2) ?? ""]));
  if (all > rows.length) made.createCaption().textContent = `the first ${count(all - rows.length, "step")} left out here`;
  return made;
}

function answerTable(answers) {
  return table(["asked by", "answer", "note", "given by", "at"], answers.map((one) => [
    one.task, one.option, one.note, one.by, new Date(one.at * 1000).toLocaleString()]));
}
