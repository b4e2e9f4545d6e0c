// The ways through what is drawn: what comes after and before each node, past the dots where a graph begins and ends.
export function waysOf({ nodes = [], edges = [] }, drawn) {
  const after = new Map(), before = new Map(), size = nodes.length;
  const shown = (place) => drawn.has(nodes[place].name), ends = (place) => ["start", "end"].includes(nodes[place].kind);
  const out = (place) => (nodes[place].open && shown(place) ? place + size : place); // one leaves a cluster elsewhere
  const join = (from, to) => { put(after, from, to); put(before, to, from); };
  edges.forEach(([from, to]) => shown(from) && shown(to) && join(out(from), to));
  nodes.forEach(({ name, cluster }, place) => cluster && shown(place) && enclose(nodes.findIndex((each) => each.name === cluster), place));
  function enclose(around, place) {
    if (!before.has(place)) join(around, place);
    if (!after.has(out(place))) join(out(place), around + size);
  }
  const met = (map, place, seen = new Set()) => [...map.get(place) || []].flatMap((next) => {
    if (seen.has(next)) return [];
    seen.add(next);
    return next < size && !ends(next) ? [nodes[next].name] : met(map, next, seen);
  });
  const named = (map, from) => new Map(nodes.map(({ name }, place) => [name, [...new Set(met(map, from(place)))]]));
  return { after: named(after, (place) => inward(nodes, after, place, out)), before: named(before, (place) => place) };
}

// into a cluster that has anything in it, else on from the node itself
const inward = (nodes, after, place, out) => (nodes[place].open && after.has(place) ? place : out(place));

function put(map, key, value) {
  if (!map.has(key)) map.set(key, new Set());
  map.get(key).add(value);
}
