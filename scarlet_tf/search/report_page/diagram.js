// The blocks of a network, drawn slot by slot.

// What each layer of the exported network puts out. A skipped slot is gone, so its stride falls to the next block.
function layers(index) {
  const { stem, slots, head, choices, projects } = data.space;
  const down = (size, stride) => Math.ceil(size / stride);
  let size = down(data.image_size, stem.stride);
  let channels = stem.filters;
  const drawn = [
    { text: ["image"], channels: 3, from: data.image_size, to: data.image_size },
    { text: ["conv", "3x3"], channels, from: data.image_size, to: size },
  ];
  if (stem.separable_filters) {
    channels = stem.separable_filters;
    drawn.push({ text: ["sep", "3x3"], channels, from: size, to: size });
  }
  let nominal = channels, stage = 0, pending = 1, blockBefore = false;
  choicesOf(index).forEach((choice, slot) => {
    const { filters, stride, entry } = slots[slot];
    const starts = entry || stride !== 1 || filters !== nominal;
    nominal = filters;
    if (starts) [stage, blockBefore] = [stage + 1, false];
    if (entry) {
      const to = down(size, stride);
      channels = filters;
      drawn.push({ text: [stride > 1 ? "pool +" : "conv", "1x1"], channels, from: size, to, stage });
      size = to;
    }
    const { expansion, kernel, se } = choices[choice];
    if (isSkip(choices[choice]) && !(starts && projects)) {
      pending *= entry ? 1 : stride;
      drawn.push({ text: ["skip"], channels, from: size, to: size, slot, stage, skipped: true });
      return;
    }
    const from = size;
    if (kernel && !expansion) {
      drawn.push({ text: ["conv", `${kernel}x${kernel}`], channels, from, to: size, slot, stage, kernel });
      return;
    }
    [channels, size] = [filters, down(size, pending * stride)];
    const layer = { channels, from, to: size, slot, stage };
    if (expansion) {
      Object.assign(layer, { text: [`E${expansion}`, `K${kernel}`], expansion, kernel, se, shortcut: blockBefore });
    } else {
      layer.text = ["conv", "1x1"];
    }
    drawn.push(layer);
    [pending, blockBefore] = [1, true];
  });
  if (head.filters) {
    drawn.push({ text: ["conv", "1x1"], channels: head.filters, from: size, to: down(size, pending) });
  }
  drawn.push(
    { text: ["pool"], channels: head.filters ?? channels, from: down(size, pending), to: 1 },
    { text: ["dense"], channels: data.num_classes, from: 1, to: 1 },
  );
  return drawn;
}

function layerTitle(layer) {
  const place = layer.slot === undefined ? "" : `slot ${layer.slot}: `;
  const extras = (layer.se ? " SE" : "") + (layer.shortcut ? ", shortcut" : "");
  return `${place}${layer.text.join(" ")}${extras}, ${layer.channels} channels, ${pixels(layer)} pixels`;
}

const pixels = ({ from, to }) => (from === to ? String(to) : `${from}→${to}`);

const ROW = { height: 168, axis: 62, slot: 121, channels: 136, pixels: 150 };

function drawLayer(layer, x, foot, tallest, pitch) {
  const height = layer.expansion ? 40 + 44 * (layer.expansion / tallest) : 40;
  const width = pitch - 10, top = foot + ROW.axis - height / 2, left = x - width / 2;
  const group = draw("g", {}, draw("title", {}, layerTitle(layer)));
  const text = (y, content, attributes = {}) =>
    group.append(draw("text", { x, y, "text-anchor": "middle", ...attributes }, content));
  const box = { x: left, y: top, width, height, rx: 2 };
  if (layer.shortcut) {
    const [start, end, level] = [x - pitch / 2, x + pitch / 2, foot + ROW.axis];
    group.append(draw("path", { class: "wire", d: `M${start} ${level}V${top - 6}H${end}V${level}` }));
  }
  group.append(draw("rect", { ...box, class: "cover" }));
  const coloured = layer.kernel > 1;
  const style = coloured ? { style: `fill: var(--kernel-${layer.kernel})` } : {};
  group.append(draw("rect", { ...box, ...style, class: layer.skipped ? "box skipped" : "box" }));
  const ink = coloured
    ? { style: `fill: var(--on-${layer.kernel})` }
    : { style: "font-size: 10px", class: layer.skipped ? "faint" : "" };
  layer.text.forEach((line, row) => text(foot + ROW.axis + 4 + (row - (layer.text.length - 1) / 2) * 13 - (layer.se ? 5 : 0), line, ink));
  if (layer.se) {
    group.append(draw("rect", { class: "se", x: left, y: top + height - 12, width, height: 12, rx: 2 }));
    text(top + height - 2.8, "SE", { class: "se-text" });
  }
  if (layer.slot !== undefined) text(foot + ROW.slot, layer.slot, { class: "faint" });
  const shade = layer.skipped ? { class: "faint" } : {};
  text(foot + ROW.channels, layer.channels, shade);
  text(foot + ROW.pixels, pixels(layer), { ...shade, style: "font-size: 10px" });
  return group;
}

function drawRow(drawn, foot, left, pitch, tallest, last) {
  const row = draw("g");
  const xs = drawn.map((_, place) => left + pitch * (place + 0.5));
  for (const stage of new Set(drawn.map((layer) => layer.stage).filter(Boolean))) {
    const first = drawn.findIndex((layer) => layer.stage === stage);
    const members = drawn.filter((layer) => layer.stage === stage).length;
    if (stage % 2 === 0) continue;
    const band = { x: left + pitch * first, y: foot + 2, width: pitch * members, height: ROW.height - 12, rx: 4 };
    row.append(draw("rect", { class: "stage", ...band }));
  }
  const end = xs[xs.length - 1] + (last ? 0 : pitch / 2);
  row.append(draw("path", { class: "wire", d: `M${xs[0] - (foot ? pitch / 2 : 0)} ${foot + ROW.axis}H${end}` }));
  ["slot", "channels", "pixels"].forEach((name) =>
    row.append(draw("text", { class: "faint", x: left - 6, y: foot + ROW[name], "text-anchor": "end" }, name)),
  );
  drawn.forEach((layer, place) => row.append(drawLayer(layer, xs[place], foot, tallest, pitch)));
  return row;
}

function drawDiagram(frame, index, space) {
  const drawn = layers(index);
  const labels = 58;
  const room = Math.max(320, space) - labels - 4;
  const lines = Math.ceil(drawn.length / Math.floor(room / 44));
  const length = Math.ceil(drawn.length / lines);
  const pitch = Math.min(56, room / length);
  const tallest = Math.max(...data.space.choices.map((choice) => choice.expansion ?? 1));
  const [width, height] = [labels + length * pitch + 4, lines * ROW.height];
  const label = `Blocks of ${nameOf(index)}: ${drawn.map(layerTitle).join("; ")}`;
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label });
  for (let line = 0; line < lines; line++) {
    const part = drawn.slice(line * length, (line + 1) * length);
    picture.append(drawRow(part, line * ROW.height, labels, pitch, tallest, line === lines - 1));
  }
  frame.replaceChildren(picture);
}

// A swatch for each mark that networks of this space can have.
function drawDiagramKey(list) {
  const { choices } = data.space;
  const entry = (text, name, style = "") => list.append(make("li", {}, make("i", { class: `swatch ${name}`, style }), text));
  for (const kernel of [3, 5, 7]) {
    if (choices.some((choice) => choice.kernel === kernel)) entry(`kernel ${kernel}x${kernel}`, "", `background: var(--kernel-${kernel})`);
  }
  if (choices.some((choice) => choice.se)) entry("squeeze-excite", "", "background: var(--se)");
  if (choices.some((choice) => choice.expansion)) entry("shortcut", "line");
  if (choices.some(isSkip)) entry("skipped", "skipped");
}
