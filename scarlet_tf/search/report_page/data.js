// The search, as columns: network i of all evaluated is genotype[i], generation[i], and so on.
const data = JSON.parse(byId("data").textContent);
const networks = data.networks;
const count = networks.genotype.length;
const onFront = new Set(data.front);
const pickNames = new Map(Object.entries(data.picks).map(([name, index]) => [index, name]));

const MEASURES = {
  acc: { name: "accuracy", axis: "accuracy (%)", unit: "%", scale: 100, better: "max" },
  madds: { name: "MAdds", axis: "multiply-adds (M)", unit: "M", scale: 1e-6, better: "min" },
  params: { name: "params", axis: "parameters (M)", unit: "M", scale: 1e-6, better: "min" },
  latency: { name: "latency", axis: "latency (ms)", unit: "ms", scale: 1, better: "min" },
};
const measures = Object.keys(networks.measures);
for (const objective of data.objectives) MEASURES[objective.measure].better = objective.direction;

const OPERATORS = {
  seed: "seed", sample: "uniform sample", sample_reduced: "sample cut to the budget", crossover: "crossover",
  random: "random mutation", reinforced: "reinforced mutation", prior_regulated: "prior-regulated mutation",
};

const fourFigures = (value) => String(Number(value.toPrecision(4)));
const shown = (measure, index) => networks.measures[measure][index] * MEASURES[measure].scale;

function format(measure, value) {
  const scaled = value * MEASURES[measure].scale;
  const digits = measure === "acc" ? 2 : Math.max(0, 3 - Math.floor(Math.log10(scaled || 1))); // four figures
  const number = scaled.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return number + (measure === "acc" ? "%" : ` ${MEASURES[measure].unit}`);
}

const measured = (measure, index) => format(measure, networks.measures[measure][index]);
const choicesOf = (index) => networks.genotype[index].split("-").map(Number);
const nameOf = (index) => pickNames.get(index) ?? `network ${index + 1} of ${count.toLocaleString("en")}`;
const describe = (index) => `${measured("acc", index)}, ${measured("madds", index)}`;

const isSkip = (choice) => !choice.kernel; // all else is a convolution or has one

function choiceName(choice) {
  const { expansion, kernel, se } = data.space.choices[choice];
  if (!expansion) return kernel ? `conv ${kernel}x${kernel}` : "skip";
  return `E${expansion} K${kernel}${se ? " SE" : ""}`;
}
