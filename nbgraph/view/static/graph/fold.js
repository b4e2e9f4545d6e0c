// Snapshots of a run with later changes folded in, as in folding.py and talk.py.
import { own } from "./make.js";

const ROWS = 200, BARS = 500;
export const TAIL = 2000;

export function merged(status, { kind, ...changes }) {
  return {
    ...status, ...changes,
    nodes: { ...status.nodes, ...changes.nodes },
    edges: { ...status.edges, ...changes.edges },
    rows: appended(status.rows, changes.rows, "step"),
    answers: appended(status.answers, changes.answers, "number"),
    talk: heard(status.talk, changes.talk),
    bars: newest(status.bars, changes.bars),
  };
}

function newest(before = {}, news) {
  if (!news) return before;
  const bars = { ...before, ...news }, numbers = Object.keys(bars); // which are in their order
  numbers.slice(0, Math.max(0, numbers.length - BARS)).forEach((number) => delete bars[number]);
  return bars;
}

function appended(rows = [], more = [], number) {
  if (!more.length) return rows;
  const last = rows.length ? rows[rows.length - 1][number] : -1;
  return [...rows, ...more.filter((row) => row[number] > last)].slice(-ROWS);
}

function heard(before = {}, news) {
  if (!news) return before;
  const told = Object.entries(news).map(([name, voice]) => [name, joined(own(before, name), voice)]);
  return Object.fromEntries(Object.entries({ ...before, ...Object.fromEntries(told) }).filter(([, voice]) => voice));
}

function joined(before, news) {
  if (!before || !news || before.turn !== news.turn) return news;
  const more = [...news.text], fresh = news.length - before.length;
  if (fresh < 0 || fresh > more.length) return fresh < 0 ? before : news;
  return { ...news, text: [...before.text, ...more.slice(more.length - fresh)].slice(-TAIL).join("") };
}
