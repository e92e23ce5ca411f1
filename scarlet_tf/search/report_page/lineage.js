// From a network back to the first generation. A parent is an index, or a genotype where it was not evaluated.
const earlier = (index) => networks.parents[index].filter((parent) => typeof parent === "number" && parent < index);

// Steps from the network itself to its first ancestor, through the more accurate parent of each.
function descent(index) {
  const steps = [];
  for (let at = index; at !== undefined; ) {
    const [next, other] = earlier(at).sort((a, b) => networks.measures.acc[b] - networks.measures.acc[a]);
    steps.push({ index: at, other: other === next ? undefined : other });
    at = next;
  }
  return steps;
}

function ancestors(index) {
  const met = new Set();
  const open = [index];
  while (open.length) {
    for (const parent of earlier(open.pop())) {
      if (!met.has(parent)) {
        met.add(parent);
        open.push(parent);
      }
    }
  }
  return met.size;
}

function showLineage(index, select) {
  const link = (other) => {
    if (other === undefined) return "";
    const button = make("button", { type: "button", "data-network": other }, describe(other));
    button.addEventListener("click", () => select(other));
    return button;
  };
  const steps = descent(index);
  const number = ancestors(index);
  const unknown = networks.parents[index].filter((parent) => typeof parent === "string");
  byId("lineage-note").textContent =
    (number
      ? `${number.toLocaleString("en")} ancestor${number > 1 ? "s" : ""} in all; below, back through the more accurate parent.`
      : unknown.length ? "" : "It has no parents.") + (unknown.length ? ` Not evaluated: ${unknown.join(", ")}.` : "");
  const head = ["gen.", "made by", "network", "other parent"].map((text) => make("th", { scope: "col" }, text));
  const rows = steps.map((step, place) =>
    make(
      "tr",
      {},
      make("td", {}, String(networks.generation[step.index])),
      make("td", {}, operatorName(step.index)),
      make("td", {}, place ? link(step.index) : describe(step.index)),
      make("td", {}, link(step.other)),
    ),
  );
  byId("lineage").replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows));
}
