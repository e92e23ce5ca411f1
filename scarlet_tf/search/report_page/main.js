// Puts the page together: what the search was, and the one network that is selected.
const operatorName = (index) => OPERATORS[networks.operator[index]] ?? networks.operator[index];

function showSearch() {
  document.title = `Search of ${data.space.name}`;
  byId("title").textContent = `Search of ${data.space.name}`;
  const goals = data.objectives.map(({ measure, direction, weight }) => {
    const verb = direction === "max" ? "maximise" : "minimise";
    return `${verb} ${MEASURES[measure].name} (weight ${Number(weight.toFixed(3))})`;
  });
  const limits = data.constraints.map(({ measure, direction, bound }) =>
    `${MEASURES[measure].name} ${direction === "max" ? "below" : "above"} ${format(measure, bound)}`);
  const size = `${data.space.slots.length} slots of ${data.space.choices.length} choices, ${data.image_size} px`;
  const lines = [size, goals.join(", "), limits.join(", ")].filter(Boolean);
  byId("goals").append(...lines.map((line) => make("li", {}, line)));

  const entry = (name, value, detail) =>
    byId("summary").append(make("div", {}, make("dt", {}, name), make("dd", {}, value, make("small", {}, detail))));
  const number = (value) => value.toLocaleString("en");
  const reasons = Object.entries(data.rejected).filter(([, times]) => times);
  const rejected = reasons.reduce((sum, [, times]) => sum + times, 0);
  const byReason = reasons.map(([reason, times]) => `${number(times)} by ${MEASURES[reason]?.name ?? reason}`).join(", ");
  const last = data.history[data.history.length - 1];
  entry("evaluated", number(count), `in ${data.history.length} generations`);
  entry("rejected", number(rejected), byReason);
  entry("on the front", number(data.front.length), `${data.objectives.length} objectives`);
  entry("hypervolume", fourFigures(last.hypervolume), "of the objectives' box");
  const best = data.front.reduce((a, b) => (networks.measures.acc[b] > networks.measures.acc[a] ? b : a));
  entry("best accuracy", measured("acc", best), `at ${measured("madds", best)} MAdds`);
}

function showNetwork(index) {
  const isPick = pickNames.has(index);
  byId("network-kind").textContent = isPick ? "Picked" : onFront.has(index) ? "On the Pareto front" : "Evaluated";
  byId("network-name").textContent = isPick ? pickNames.get(index) : nameOf(index);
  byId("network-genotype").textContent = networks.genotype[index];
  const rank = networks.rank[index];
  const fails = networks.violated[index].map((measure) => MEASURES[measure].name).join(", ");
  const numbers = [
    ...measures.map((measure) => [MEASURES[measure].name, measured(measure, index)]),
    ["rank", rank === null ? `none: fails ${fails}` : rank === 0 ? "0, the front" : String(rank)],
    ["generation", String(networks.generation[index])],
    ["made by", operatorName(index), "wide"],
  ];
  byId("numbers").replaceChildren(
    ...numbers.map(([name, value, style = ""]) => make("div", { class: style }, make("dt", {}, name), make("dd", {}, value))),
  );
  const words = exportCommand(index).flatMap((word) => [make("span", {}, word), " "]);
  byId("command").replaceChildren(...words.slice(0, -1));
  byId("command-note").hidden = data.export.weights !== null;
}

function start() {
  showSearch();
  let selected = null;
  const announce = (text) => (byId("status").textContent = text);
  const select = (index) => {
    selected = index;
    showNetwork(index);
    showLineage(index, select);
    drawDiagram(byId("diagram"), index, byId("diagram").clientWidth);
    scatter.select(index);
    front.select(index);
    announce(`${nameOf(index)} selected: ${measures.map((one) => `${MEASURES[one].name} ${measured(one, index)}`).join(", ")}`);
  };
  const scatter = new Scatter(byId("scatter"), select);
  const front = new FrontTable(byId("front"), select);
  for (const [axis, chosen] of [["x", "madds"], ["y", "acc"]]) {
    const list = byId(`${axis}-axis`);
    list.append(...measures.map((measure) => make("option", { value: measure }, MEASURES[measure].name)));
    list.value = chosen;
    list.addEventListener("change", () => scatter.setAxes(byId("x-axis").value, byId("y-axis").value));
  }
  setUpCopying(byId("copy"), byId("command"), announce);
  drawDiagramKey(byId("diagram-key"));
  drawToWidth(byId("hypervolume"), (width) => drawHypervolume(byId("hypervolume"), width));
  drawToWidth(byId("skips"), (width) => drawSkips(byId("skips"), byId("skips-note"), width));
  const slider = byId("generation");
  Object.assign(slider, { min: 0, max: seen.length - 1, value: seen.length - 1 });
  const showGeneration = () => {
    byId("generation-shown").textContent = seen[slider.value].generation;
    drawChoices(byId("choices"), slider.value, byId("choices").clientWidth);
  };
  slider.addEventListener("input", showGeneration);
  drawToWidth(byId("choices"), showGeneration);
  const picks = Object.values(data.picks);
  select(picks[Math.floor(picks.length / 2)] ?? data.front[0] ?? 0);
  drawToWidth(byId("diagram"), (width) => drawDiagram(byId("diagram"), selected, width));
}

start();
