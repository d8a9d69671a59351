// The page works without this script. It shows the runs of one verdict, and reloads a served page when a run lands.
"use strict";

function showRuns(verdict) {
  const rows = [...document.querySelectorAll("tr[data-verdict]")];
  for (const row of rows) row.hidden = verdict !== "all" && row.dataset.verdict !== verdict;
  const none = document.querySelector(".none-shown");
  if (none) none.classList.toggle("shown", rows.every((row) => row.hidden));
}

for (const choice of document.querySelectorAll(".filter input")) {
  choice.addEventListener("change", () => showRuns(choice.value));
  if (choice.checked) showRuns(choice.value);
}

// A link into a folded part opens it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target && target.closest("details");
  if (folded) folded.open = true;
}
addEventListener("hashchange", unfold);
unfold();

// Further rows that are opened join the table above them: one head, and columns of one width.
function join(rest) {
  const above = rest.previousElementSibling?.querySelector("tbody");
  const rows = [...rest.querySelectorAll("tbody tr")];
  if (!above || !rows.length) return;
  const chosen = rest.contains(document.activeElement); // by keyboard, whose place must not be lost
  above.append(...rows);
  rest.remove();
  stops(); // the rows may be wider than those above
  if (!chosen) return;
  rows[0].tabIndex = -1;
  rows[0].focus({ preventScroll: true });
}
for (const rest of document.querySelectorAll(".rest")) rest.addEventListener("toggle", () => join(rest));

// Tables wider than the screen can be scrolled by keyboard; others are no stop on the way through the page.
function stops() {
  for (const region of document.querySelectorAll(".scroll")) {
    if (region.scrollWidth > region.clientWidth) region.tabIndex = 0;
    else region.removeAttribute("tabindex");
  }
}
addEventListener("resize", stops);
document.addEventListener("toggle", stops, true);
stops();

// Printed pages show what was found, but not anew every rule that holds and every feature that did not move.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll(".finding, .further:not(.unmoved)")) folded.open = true;
  document.querySelectorAll(".rest").forEach(join); // now, as the event of opening comes after the printing
});
