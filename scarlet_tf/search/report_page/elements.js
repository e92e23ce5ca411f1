// Making elements. All text goes in as text, never as markup.
const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

// Calls drawAt(width) now, and again whenever `frame` has another width.
function drawToWidth(frame, drawAt) {
  let width = frame.clientWidth;
  drawAt(width);
  new ResizeObserver(() => {
    if (frame.clientWidth === width) return; // what was drawn changed its height
    width = frame.clientWidth;
    drawAt(width);
  }).observe(frame);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
