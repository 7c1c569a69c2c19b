"use strict";
// Sorts a table by the column whose head is pressed; pressed again, the other way round.
const units = { kg: "", g: "e-3", t: "e3", h: "" };
const key = (row, at) => {
  const cell = row.cells[at];
  const text = (cell.dataset.v ?? cell.textContent).trim();
  const number = text.replace(/[$,+%]/g, "").replace("\u2212", "-").replace(/ (kg|g|t|h)$/, (_, unit) => units[unit]);
  return text === "" ? [2, ""] : isNaN(number) ? [1, text] : [0, Number(number)];
};
const compare = ([kindA, a], [kindB, b]) => kindA - kindB || (a < b ? -1 : a > b ? 1 : 0);
const upgrade = (table) => {
  const heads = [...table.tHead.rows[0].cells];
  for (const [at, head] of heads.entries()) {
    if (head.tagName !== "TH") continue;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const way = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows].map((row) => [key(row, at), row]);
      rows.sort((x, y) => sign * compare(x[0], y[0]));
      table.tBodies[0].append(...rows.map((row) => row[1]));
    });
  }
};
for (const table of document.querySelectorAll("table[data-sort]")) {
  const fold = table.closest("details");
  // What is folded is made ready when it is opened: there may be a thousand.
  if (fold) fold.addEventListener("toggle", () => upgrade(table), { once: true });
  else upgrade(table);
}
