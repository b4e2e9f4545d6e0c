// The picture as a file: as it looks here, or in words that other programs draw.
import { button, make } from "./make.js";

const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "paint-order", "opacity"];
const LETTERS = ["font-family", "font-size", "font-weight", "letter-spacing"];
const LIGHT = {
  ink: "#1f2328", dim: "#656d76", paper: "#ffffff", brand: "#1976d2", good: "#388e3c", bad: "#d32f2f", wait: "#d96c00",
};
const MARKS = ["selected", "faded", "match", "at", "pointed"].map((each) => `nbgraph-${each}`);
const SIDE = 12000, SHARP = 2, RIM = 8; // notes stand a little outside

export function exporting(desk) {
  const root = make("div", "export"), white = make("label", "white"), box = make("input");
  const name = () => desk.model.get("drawing").name || "graph";
  const written = (form, ending) => desk.ask("export", { form }).then(({ text }) => {
    save(new Blob([text], { type: "text/plain" }), `${name()}.${ending}`);
  });
  box.type = "checkbox";
  white.append(box, "on white");
  root.append(
    button("save", "SVG", "as it looks here", () => save(new Blob([inlined(desk, box.checked)], { type: "image/svg+xml" }), `${name()}.svg`)),
    button("save", "PNG", "as it looks here", () => toPng(desk, inlined(desk, box.checked)).then((blob) => save(blob, `${name()}.png`))),
    white,
    button("save", "DOT", "for Graphviz", () => written("dot", "dot")),
    button("save", "Mermaid", "for a README", () => written("mermaid", "mmd")));
  return root;
}

// SVG text with all styles in it, so that it looks the same anywhere
function inlined(desk, white) {
  const root = desk.root.cloneNode(false), svg = desk.canvas.root.firstElementChild.cloneNode(true);
  const frame = desk.canvas.root.cloneNode(false), colour = colours();
  if (white) Object.entries(LIGHT).forEach(([each, value]) => root.style.setProperty(`--${each}`, value));
  Object.assign(root.style, { position: "absolute", visibility: "hidden", animation: "none" });
  svg.querySelectorAll(".nbgraph-hit").forEach((each) => each.remove());
  svg.querySelectorAll("*").forEach((each) => each.classList.remove(...MARKS));
  root.append(frame);
  frame.append(svg);
  desk.root.after(root);
  const all = [...svg.querySelectorAll("*")], looks = all.map((each) => lookOf(each, colour));
  const paper = colour(getComputedStyle(root).getPropertyValue("--paper"));
  root.remove();
  all.forEach((each, place) => dress(each, looks[place]));
  return finished(svg, paper);
}

function lookOf(element, colour) {
  const style = getComputedStyle(element), names = element.matches("text, tspan") ? [...LOOKS, ...LETTERS] : LOOKS;
  if (style.display === "none" || (element.localName === "text" && !element.textContent)) return null;
  return element.localName === "g" ? [["opacity", style.opacity]] : names.map((each) => [each, colour(style.getPropertyValue(each))]);
}

function dress(element, look) {
  if (look === null) return element.remove();
  [...element.attributes].forEach(({ name }) => /^(class|style|role|tabindex|data-|aria-)/.test(name) && element.removeAttribute(name));
  const plain = ([each, value]) => value === "normal" || `${each} ${value}` === "stroke-dasharray none" || (value === "1" && each.endsWith("opacity"));
  look.filter((each) => !plain(each)).forEach(([each, value]) => element.setAttribute(each, value));
}

function finished(svg, paper) {
  const [left, top, width, height] = svg.getAttribute("viewBox").split(" ").map((side, place) => Number(side) + (place < 2 ? -RIM : 2 * RIM));
  const frame = { width, height, viewBox: [left, top, width, height].join(" ") };
  Object.entries(frame).forEach(([name, value]) => svg.setAttribute(name, value));
  const ground = document.createElementNS(svg.namespaceURI, "rect");
  Object.entries({ x: left, y: top, width, height, fill: paper }).forEach(([name, value]) => ground.setAttribute(name, value));
  [...svg.attributes].forEach(({ name }) => /^(class|style|role|aria-)/.test(name) && svg.removeAttribute(name));
  svg.prepend(ground);
  return new XMLSerializer().serializeToString(svg);
}

// `color-mix` and the like as what every program reads
function colours() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const known = new Map(), pen = canvas.getContext("2d", { willReadFrequently: true });
  return (value) => {
    if (!/^(color|oklch|oklab|lab|lch|hsl|hwb|rgb)|^(?!none)[a-z]+$|^#/.test(value) || /^(?:normal|stroke)$/.test(value)) return value;
    if (!known.has(value)) known.set(value, painted(pen, value));
    return known.get(value);
  };
}

function painted(pen, value) {
  pen.clearRect(0, 0, 1, 1);
  pen.fillStyle = value;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pen.getImageData(0, 0, 1, 1).data;
  return alpha === 255 ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${(alpha / 255).toFixed(3)})`;
}

async function toPng(desk, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" })), image = new Image();
  try {
    image.src = address;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image, scale = Math.min(SHARP, SIDE / Math.max(width, height));
    const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve));
  } finally {
    URL.revokeObjectURL(address);
  }
}

function save(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
