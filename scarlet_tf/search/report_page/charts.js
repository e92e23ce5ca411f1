// Curves by generation, and the choices of the survivors.
const CHART = { height: 220, left: 48, top: 8, bottom: 182 };

// Before anybody met the constraints there is nothing to see.
const seen = data.history.filter((record) => record.survivors.length);

function chartFrame(width, low, high, percent) {
  const { height, left, top, bottom } = CHART;
  const right = width - 10;
  const generations = seen.map((record) => record.generation);
  const first = generations[0], last = Math.max(generations[generations.length - 1], first + 1);
  const x = (value) => left + ((value - first) / (last - first)) * (right - left);
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  const factor = percent ? 100 : 1;
  for (const { value, text } of ticks(low * factor, high * factor, 5)) {
    const level = y(value / factor);
    picture.append(draw("line", { class: "grid", x1: left, x2: right, y1: level, y2: level }));
    picture.append(draw("text", { class: "faint", x: left - 6, y: level + 4, "text-anchor": "end" }, text + (percent ? "%" : "")));
  }
  for (const { value, text } of ticks(first, last, Math.min(width / 60, last - first))) {
    picture.append(draw("text", { class: "faint", x: x(value), y: bottom + 16, "text-anchor": "middle" }, text));
  }
  picture.append(draw("text", { x: (left + right) / 2, y: height - 4, "text-anchor": "middle" }, "generation"));
  const curve = (values) => generations.map((generation, place) => `${x(generation)} ${y(values[place])}`);
  return { picture, curve };
}

function drawHypervolume(frame, width) {
  const values = seen.map((record) => record.hypervolume);
  const low = Math.min(...values), high = Math.max(...values);
  const margin = (Math.max(high - low, high * 0.02) || 0.02) * 0.06;
  const { picture, curve } = chartFrame(width, Math.max(0, low - margin), Math.min(1, high + margin), false);
  picture.append(draw("path", { class: "curve", d: `M${curve(values).join("L")}h0.01` }));
  picture.setAttribute("aria-label", `Hypervolume by generation, from ${fourFigures(values[0])} to ${fourFigures(values[values.length - 1])}`);
  frame.replaceChildren(picture);
}

function quantile(sorted, share) {
  const at = share * (sorted.length - 1), below = Math.floor(at);
  return sorted[below] + (at - below) * ((sorted[below + 1] ?? sorted[below]) - sorted[below]);
}

function skipRatios(record) {
  const skip = data.space.choices.findIndex(isSkip);
  return record.survivors
    .map((index) => choicesOf(index).filter((choice) => choice === skip).length / data.space.slots.length)
    .sort((a, b) => a - b);
}

function drawSkips(frame, note, width) {
  if (!data.space.choices.some(isSkip)) {
    note.textContent = "No choice of this space is a skip: its networks are all equally deep.";
    return;
  }
  const ratios = seen.map(skipRatios);
  const means = ratios.map((all) => all.reduce((sum, one) => sum + one, 0) / all.length);
  const quartiles = [0.25, 0.75].map((share) => ratios.map((all) => quantile(all, share)));
  const { picture, curve } = chartFrame(width, 0, Math.min(1, Math.max(...quartiles[1], 0.1) * 1.08), true);
  const outline = [...curve(quartiles[0]), ...curve(quartiles[1]).reverse()];
  picture.append(draw("path", { class: "band", d: `M${outline.join("L")}Z` }));
  picture.append(draw("path", { class: "curve", d: `M${curve(means).join("L")}h0.01` }));
  const [from, to] = [means[0], means[means.length - 1]].map((mean) => `${(100 * mean).toFixed(1)}%`);
  picture.setAttribute("aria-label", `Mean skip ratio of the survivors by generation, from ${from} to ${to}`);
  note.textContent = "Share of its slots that a survivor skips: mean, and the middle half of the survivors.";
  frame.replaceChildren(picture);
}

// How many of the survivors hold each choice in each slot; in words, the most frequent of each slot.
function drawChoices(frame, place, width) {
  const { survivors, generation } = seen[place];
  const { slots, choices } = data.space;
  const held = choices.map(() => slots.map(() => 0));
  for (const index of survivors) choicesOf(index).forEach((choice, slot) => held[choice][slot]++);
  const left = 72, cell = (width - left) / slots.length;
  const high = Math.max(14, Math.min(44, 196 / choices.length));
  const height = high * choices.length + 38;
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
  const favourites = [];
  choices.forEach((_, choice) => {
    const y = high * choice;
    picture.append(draw("text", { x: left - 8, y: y + high / 2 + 4, "text-anchor": "end" }, choiceName(choice)));
    slots.forEach((_, slot) => {
      const share = held[choice][slot] / survivors.length;
      const fill = share ? `fill: rgba(var(--heat), ${0.08 + 0.92 * share})` : "fill: var(--soft)";
      const title = `slot ${slot}, ${choiceName(choice)}: ${(100 * share).toFixed(0)}%`;
      const rect = { x: left + cell * slot, y, width: cell - 1.5, height: high - 1.5, rx: 1.5, style: fill };
      picture.append(draw("rect", rect, draw("title", {}, title)));
      if (!favourites[slot] || share > favourites[slot].share) favourites[slot] = { share, title };
    });
  });
  const step = Math.ceil(24 / cell);
  slots.forEach((_, slot) => {
    if (slot % step) return;
    const x = left + cell * (slot + 0.5);
    picture.append(draw("text", { class: "faint", x, y: height - 22, "text-anchor": "middle" }, slot));
  });
  picture.append(draw("text", { x: (left + width) / 2, y: height - 4, "text-anchor": "middle" }, "slot"));
  const most = favourites.map((one) => one.title).join("; ");
  picture.setAttribute("aria-label", `Most frequent choices after generation ${generation}: ${most}`);
  frame.replaceChildren(picture);
}
