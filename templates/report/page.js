// What helps to read a page. The page says all of it without this script too.
(() => {
  "use strict";
  // A link to the card of a rule or a run opens it.
  const open = () => {
    const card = document.getElementById(location.hash.slice(1));
    if (card instanceof HTMLDetailsElement) card.open = true;
  };
  addEventListener("hashchange", open);
  open();
  // A line under the pointer, with the time and each rule's value there.
  const lanes = document.querySelector(".lanes");
  if (!lanes) return;
  const [start, first, last] = ["start", "first", "last"].map((name) => Number(lanes.dataset[name]));
  const rows = [...lanes.querySelectorAll(".lane")].map((lane) => {
    const path = lane.querySelector("path.line");
    const [low, high, top, bottom] = ["low", "high", "top", "bottom"].map((name) => Number(lane.dataset[name]));
    const points = path ? [...path.getAttribute("d").matchAll(/([\d.]+) ([\d.]+)/g)].map((found) => [Number(found[1]), Number(found[2])]) : [];
    const reach = Number(lane.dataset.reach);
    return { output: lane.querySelector("output"), points, reach, value: (y) => low + ((bottom - y) / (bottom - top)) * (high - low) };
  });
  const axis = lanes.querySelector(".axis svg");
  const said = lanes.querySelector(".axis .who");
  const words = said.textContent;
  const cross = document.createElement("div");
  cross.className = "cross";
  cross.hidden = true;
  lanes.append(cross);
  const short = (value) => (Math.abs(value) < 1e6 ? String(Number(value.toPrecision(3))) : value.toExponential(2));
  const since = (seconds) => {
    const rest = Math.abs(seconds);
    const parts = [[Math.floor(rest / 3600), "h"], [Math.floor(rest / 60) % 60, "m"], [rest % 60, "s"]];
    return (seconds < 0 ? "-" : "+") + (parts.filter(([count]) => count).map((part) => part.join("")).join("") || "0s");
  };
  const hide = () => {
    cross.hidden = true;
    said.textContent = words;
    for (const row of rows) if (row.output) row.output.textContent = "";
  };
  lanes.addEventListener("pointermove", (event) => {
    const box = axis.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    if (part < 0 || part > 1) return hide();
    const t = first + part * (last - first);
    cross.hidden = false;
    cross.style.left = `${event.clientX - lanes.getBoundingClientRect().left - lanes.clientLeft}px`;
    said.textContent = `${new Date(t * 1000).toISOString().slice(0, 19)}Z, ${since(Math.round(t - start))}`;
    for (const row of rows) {
      if (!row.output || !row.points.length) continue;
      const near = row.points.reduce((best, one) => (Math.abs(one[0] - part * 1000) < Math.abs(best[0] - part * 1000) ? one : best));
      row.output.textContent = Math.abs(near[0] - part * 1000) > row.reach ? "no data" : `≈ ${short(row.value(near[1]))}`;
    }
  });
  lanes.addEventListener("pointerleave", hide);
})();
