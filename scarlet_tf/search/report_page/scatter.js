// All networks on two measures. Thousands of points are drawn once, on a canvas kept aside; what is hovered over and
// selected is drawn over a copy of it.
class Scatter {
  constructor(frame, onSelect) {
    this.frame = frame;
    this.canvas = frame.querySelector("canvas");
    this.tip = byId("tip");
    this.points = document.createElement("canvas");
    this.onSelect = onSelect;
    this.x = "madds";
    this.y = "acc";
    this.selected = this.hovered = null;
    new ResizeObserver(() => this.redraw()).observe(frame);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    frame.addEventListener("pointermove", (event) => this.hover(this.at(event)));
    frame.addEventListener("pointerleave", () => this.hover(null));
    frame.addEventListener("click", (event) => {
      const found = this.at(event);
      if (found !== null) onSelect(found);
    });
    frame.addEventListener("keydown", (event) => this.press(event));
  }

  setAxes(x, y) {
    Object.assign(this, { x, y });
    this.redraw();
  }

  select(index) {
    this.selected = index;
    this.paint();
  }

  range(measure) {
    let low = Infinity, high = -Infinity;
    for (let i = 0; i < count; i++) {
      const value = shown(measure, i);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    const margin = (high - low || Math.abs(high) || 1) * 0.05;
    return [low - margin, high + margin];
  }

  // Members of the front that no other beats in both measures of the axes, by x.
  bestLine() {
    const sign = (measure) => (MEASURES[measure].better === "max" ? -1 : 1);
    const key = (measure, index) => sign(measure) * shown(measure, index);
    const sorted = [...data.front].sort((a, b) => key(this.x, a) - key(this.x, b) || key(this.y, a) - key(this.y, b));
    let best = Infinity;
    const line = sorted.filter((index) => key(this.y, index) < best && ((best = key(this.y, index)), true));
    return sign(this.x) < 0 ? line.reverse() : line;
  }

  redraw() {
    const ratio = devicePixelRatio || 1;
    this.width = this.frame.clientWidth;
    this.height = this.frame.clientHeight;
    for (const canvas of [this.canvas, this.points]) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    const box = (this.box = { left: 56, top: 12, right: this.width - 14, bottom: this.height - 42 });
    const [xLow, xHigh] = (this.xRange = this.range(this.x));
    const [yLow, yHigh] = (this.yRange = this.range(this.y));
    this.px = new Float64Array(count);
    this.py = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      this.px[i] = box.left + ((shown(this.x, i) - xLow) / (xHigh - xLow)) * (box.right - box.left);
      this.py[i] = box.bottom - ((shown(this.y, i) - yLow) / (yHigh - yLow)) * (box.bottom - box.top);
    }
    this.line = this.bestLine();
    this.drawPoints(this.points.getContext("2d"));
    this.paint();
  }

  drawAxes(context) {
    const { left, top, right, bottom } = this.box;
    context.font = "12px system-ui, sans-serif";
    context.lineWidth = 1;
    context.strokeStyle = colour("line");
    context.fillStyle = colour("muted");
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (const { value, text } of ticks(...this.xRange, Math.max(3, this.width / 110))) {
      const x = Math.round(left + ((value - this.xRange[0]) / (this.xRange[1] - this.xRange[0])) * (right - left)) + 0.5;
      context.stroke(new Path2D(`M${x} ${top}V${bottom}`));
      context.fillText(text, x, bottom + 13);
    }
    context.textAlign = "right";
    for (const { value, text } of ticks(...this.yRange, 7)) {
      const y = Math.round(bottom - ((value - this.yRange[0]) / (this.yRange[1] - this.yRange[0])) * (bottom - top)) + 0.5;
      context.stroke(new Path2D(`M${left} ${y}H${right}`));
      context.fillText(text, left - 8, y);
    }
    context.textAlign = "center";
    context.fillStyle = colour("ink");
    context.fillText(MEASURES[this.x].axis, (left + right) / 2, this.height - 9);
    context.save();
    context.translate(9, (top + bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(MEASURES[this.y].axis, 0, 0);
    context.restore();
  }

  drawPoints(context) {
    context.clearRect(0, 0, this.width, this.height);
    this.drawAxes(context);
    const dots = (indices, radius) => {
      const path = new Path2D();
      for (const i of indices) {
        path.moveTo(this.px[i] + radius, this.py[i]);
        path.arc(this.px[i], this.py[i], radius, 0, 2 * Math.PI);
      }
      return path;
    };
    context.fillStyle = colour("evaluated");
    context.globalAlpha = count > 2000 ? 0.3 : 0.45;
    for (let i = 0; i < count; i++) if (!onFront.has(i)) context.fill(dots([i], 2.2)); // one by one, so that overlaps show
    context.globalAlpha = 1;
    context.fillStyle = colour("front");
    context.globalAlpha = onFront.size > 200 ? 0.5 : 0.85;
    context.fill(dots(data.front, 2.4));
    context.globalAlpha = 1;
    context.strokeStyle = colour("front");
    context.lineWidth = 1.3;
    context.beginPath();
    for (const i of this.line) context.lineTo(this.px[i], this.py[i]);
    context.stroke();
    context.fill(dots(this.line, 3.4));
    this.drawPicks(context);
  }

  drawPicks(context) {
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.lineJoin = "round";
    const taken = [...pickNames.keys()].map((index) => {
      const [x, y] = [this.px[index], this.py[index]];
      return { left: x - 5, right: x + 5, middle: y };
    });
    const labels = [...pickNames].map(([index, name]) => {
      const place = this.freePlace(this.px[index], this.py[index], context.measureText(name).width, taken);
      taken.push(place);
      return [index, name, place];
    });
    for (const [index, name, { left, right, middle }] of labels) {
      const x = this.px[index], y = this.py[index];
      context.lineWidth = 1;
      context.strokeStyle = colour("muted");
      context.stroke(new Path2D(`M${x} ${y}L${Math.min(Math.max(x, left), right)} ${middle}`));
      context.lineWidth = 4;
      context.strokeStyle = colour("panel");
      context.strokeText(name, left, middle);
      context.fillStyle = colour("ink");
      context.fillText(name, left, middle);
    }
    for (const index of pickNames.keys()) {
      const x = this.px[index], y = this.py[index];
      const diamond = new Path2D(`M${x} ${y - 7}L${x + 7} ${y}L${x} ${y + 7}L${x - 7} ${y}Z`);
      context.lineWidth = 1.2;
      context.fillStyle = colour("pick");
      context.strokeStyle = colour("ink");
      context.fill(diamond);
      context.stroke(diamond);
    }
  }

  // Where around (x, y) a text of that width hides the fewest points, and none of `taken`. Returns its left end and its
  // middle; near, where that is as good.
  freePlace(x, y, width, taken) {
    let best = { left: x + 12, right: x + 12 + width, middle: y }, least = Infinity;
    for (const gap of [12, 24, 40, 60]) {
      for (const [right, down] of [[-1, -1], [1, 1], [0, -1.5], [0, 1.5], [1, -1], [-1, 1], [-1, 0], [1, 0]]) {
        const left = x + right * gap - (right < 0 ? width : right ? 0 : width / 2), middle = y + down * gap;
        if (left < this.box.left || left + width > this.box.right || middle < this.box.top + 8 || middle > this.box.bottom - 8) continue;
        let cost = gap / 4;
        for (const other of taken) {
          if (other.left < left + width + 4 && left < other.right + 4 && Math.abs(other.middle - middle) < 16) cost += 1000;
        }
        for (let i = 0; i < count && cost < least; i++) {
          if (this.px[i] > left - 4 && this.px[i] < left + width + 4 && Math.abs(this.py[i] - middle) < 9) cost += onFront.has(i) ? 5 : 1;
        }
        if (cost < least) [best, least] = [{ left, right: left + width, middle }, cost];
      }
    }
    return best;
  }

  paint() {
    if (!this.box) return;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    context.drawImage(this.points, 0, 0, this.width, this.height);
    context.strokeStyle = colour("accent");
    if (this.selected !== null) {
      const line = descent(this.selected).map((step) => step.index);
      context.lineWidth = 1.5;
      context.globalAlpha = 0.55;
      context.beginPath();
      for (const i of line) context.lineTo(this.px[i], this.py[i]);
      context.stroke();
      context.globalAlpha = 1;
      context.lineWidth = 2.5;
      this.ring(context, this.selected, 9);
    }
    if (this.hovered !== null) {
      context.lineWidth = 1.5;
      context.strokeStyle = colour("ink");
      this.ring(context, this.hovered, 6);
    }
  }

  ring(context, index, radius) {
    context.beginPath();
    context.arc(this.px[index], this.py[index], radius, 0, 2 * Math.PI);
    context.stroke();
  }

  // The network under the pointer: the nearest, with an advantage for picks and for the front.
  at(event) {
    const { left, top } = this.frame.getBoundingClientRect();
    const x = event.clientX - left, y = event.clientY - top;
    let found = null, nearest = 12;
    for (let i = 0; i < count; i++) {
      const dx = this.px[i] - x, dy = this.py[i] - y;
      if (Math.abs(dx) > 18 || Math.abs(dy) > 18) continue;
      const distance = Math.hypot(dx, dy) - (pickNames.has(i) ? 5 : onFront.has(i) ? 2 : 0);
      if (distance < nearest) [found, nearest] = [i, distance];
    }
    return found;
  }

  hover(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.paint();
    this.tip.hidden = index === null;
    if (index === null) return;
    const values = [this.y, this.x].map((measure) => `${MEASURES[measure].name} ${measured(measure, index)}`);
    this.tip.textContent = [...(pickNames.has(index) ? [pickNames.get(index)] : []), ...values].join(" · ");
    const x = this.px[index] + 14, y = this.py[index] - 30;
    this.tip.style.left = `${Math.max(0, Math.min(x, this.width - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${Math.max(0, y)}px`;
  }

  press(event) {
    const next = {
      ArrowLeft: () => this.alongLine(-1), ArrowRight: () => this.alongLine(1), Home: () => this.line[0],
      End: () => this.line[this.line.length - 1], ArrowUp: () => this.upOrDown(-1), ArrowDown: () => this.upOrDown(1),
    }[event.key];
    if (!next || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const index = next();
    if (index !== undefined && index !== null) this.onSelect(index);
  }

  alongLine(direction) {
    const place = this.line.indexOf(this.selected);
    if (place >= 0) return this.line[place + direction];
    const beyond = this.line.filter((i) => (this.px[i] - this.px[this.selected]) * direction > 0);
    return direction > 0 ? beyond[0] : beyond[beyond.length - 1];
  }

  // The nearest network within 45 degrees of straight up or down.
  upOrDown(direction) {
    let found = null, nearest = Infinity;
    for (let i = 0; i < count; i++) {
      const dx = Math.abs(this.px[i] - this.px[this.selected]);
      const dy = (this.py[i] - this.py[this.selected]) * direction;
      if (dy > 0 && dx <= dy && Math.hypot(dx, dy) < nearest) [found, nearest] = [i, Math.hypot(dx, dy)];
    }
    return found;
  }
}
