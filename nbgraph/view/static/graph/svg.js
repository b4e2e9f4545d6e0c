// SVG from the kernel: only known elements and attributes are built anew; ids become data, since a page holds many pictures.
const SVG = "http://www.w3.org/2000/svg";
const ELEMENTS = new Set("svg g path polygon polyline ellipse circle rect text tspan".split(" "));
const ATTRIBUTES = new Set("class viewBox width height transform d points text-anchor x y dx dy cx cy r rx ry".split(" "));

export function rebuilt(text) {
  const root = new DOMParser().parseFromString(text || "", "image/svg+xml").documentElement;
  return root.localName === "svg" ? copy(root) : document.createElementNS(SVG, "svg");
}

function copy(source) {
  const made = document.createElementNS(SVG, source.localName);
  for (const { name, value } of source.attributes) {
    if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
    if (name === "id" && /^[nec]\d+$/.test(value)) made.dataset.id = value;
  }
  for (const child of source.childNodes) {
    if (child.nodeType === Node.TEXT_NODE && /^(text|tspan)$/.test(source.localName)) made.append(child.nodeValue);
    if (child.nodeType === Node.ELEMENT_NODE && ELEMENTS.has(child.localName)) made.append(copy(child));
  }
  return made;
}
