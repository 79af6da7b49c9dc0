// What the page cannot know: how long ago it was made, and what has gone silent since.
(() => {
  "use strict";
  const now = Date.now() / 1000;
  const told = (seconds) => {
    const units = [[86400, "d"], [3600, "h"], [60, "m"]];
    const [size, unit] = units.find(([size]) => seconds >= size) ?? [1, "s"];
    return `${Math.floor(seconds / size)}${unit}`;
  };
  for (const time of document.querySelectorAll("time[data-age]")) {
    const age = now - Number(time.dataset.age);
    if (age >= 60) time.after(` (${told(age)} ago by this browser's clock)`);
  }
  const sign = (within) => within.querySelector("use")?.setAttribute("href", "#sign-error");
  let late = 0;
  for (const part of document.querySelectorAll(".standing[data-due]")) {
    const since = now - Number(part.dataset.due);
    const word = part.querySelector(".standing-word");
    if (since <= 0 || word.textContent === "Stale") continue;
    late += 1;
    part.className = "standing error";
    part.querySelector(".chip").className = "chip error";
    sign(part);
    word.textContent = "Stale by now:";
    const more = document.createElement("p");
    more.textContent = `This page knows of no run for ${told(since)} since the next one was due. Make it again, or look at the schedule.`;
    part.append(more);
  }
  const whole = document.getElementById("whole");
  if (late && !whole.classList.contains("failed")) {
    whole.className = "verdict error";
    sign(whole);
    whole.querySelector("h1").textContent = "Stale by now";
  }
})();
