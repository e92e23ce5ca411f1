// The front as a table: sorted by a click on a heading, one row at a time in the order of the Tab key.
class FrontTable {
  constructor(table, onSelect) {
    this.onSelect = onSelect;
    this.columns = [
      ...(pickNames.size ? [{ name: "pick", key: (i) => pickNames.get(i) ?? "" }] : []),
      ...measures.map((measure) => ({
        name: MEASURES[measure].name, style: "number", key: (i) => networks.measures[measure][i], text: (i) => measured(measure, i),
      })),
      { name: "generation", style: "number", key: (i) => networks.generation[i] },
      { name: "made by", key: operatorName },
      { name: "genotype", key: (i) => networks.genotype[i], style: "genes" },
    ];
    const heads = this.columns.map((column) => {
      const button = make("button", { type: "button" }, column.name);
      column.head = make("th", { scope: "col", class: column.style ?? "" }, button);
      button.addEventListener("click", () => this.sort(column));
      return column.head;
    });
    this.rows = new Map(data.front.map((index) => [index, this.row(index)]));
    this.body = make("tbody", {}, ...this.rows.values());
    this.body.firstElementChild?.setAttribute("tabindex", "0");
    table.append(make("thead", {}, make("tr", {}, ...heads)), this.body);
    this.sorted = this.columns.find((column) => column.name === "MAdds");
    this.sorted.head.setAttribute("aria-sort", "ascending");
    this.body.addEventListener("keydown", (event) => this.press(event));
  }

  row(index) {
    const cells = this.columns.map((column) =>
      make("td", { class: column.style ?? "" }, String((column.text ?? column.key)(index))),
    );
    const row = make("tr", { tabindex: "-1", "data-network": index }, ...cells);
    row.addEventListener("click", () => this.onSelect(index));
    return row;
  }

  sort(column) {
    const descends = this.sorted === column && column.head.getAttribute("aria-sort") === "ascending";
    this.sorted.head.removeAttribute("aria-sort");
    this.sorted = column;
    column.head.setAttribute("aria-sort", descends ? "descending" : "ascending");
    const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
    const order = [...this.rows.keys()].sort((a, b) => compare(column.key(a), column.key(b)) * (descends ? -1 : 1));
    this.body.replaceChildren(...order.map((index) => this.rows.get(index)));
  }

  press(event) {
    const row = event.target.closest("tr");
    const next = { ArrowUp: row.previousElementSibling, ArrowDown: row.nextElementSibling,
      Home: this.body.firstElementChild, End: this.body.lastElementChild }[event.key];
    if (event.key === "Enter" || event.key === " ") this.onSelect(Number(row.dataset.network));
    else if (next) this.enter(next);
    else if (next === undefined) return;
    event.preventDefault();
  }

  enter(row) {
    this.reach(row);
    row.focus();
  }

  reach(row) {
    this.body.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    row.setAttribute("tabindex", "0");
  }

  select(index) {
    this.body.querySelector("[aria-current='true']")?.removeAttribute("aria-current");
    const row = this.rows.get(index);
    if (!row) return;
    row.setAttribute("aria-current", "true");
    this.reach(row);
    const scroll = this.body.closest(".scroll");
    const [top, bottom] = [row.offsetTop - 32, row.offsetTop + row.offsetHeight];
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    else if (bottom > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = bottom - scroll.clientHeight;
  }
}
