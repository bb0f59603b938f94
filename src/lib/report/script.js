// script.js -- the page of lorac report without a framework: tables that sort, names that hide their runs,
// numbers of the point under the pointer, commands to copy. The page reads the same without it.
"use strict";

function sortBy(head) {
  const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
  const down = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => {
    const cell = row.cells[column], value = cell.dataset.value;
    return value === undefined ? cell.textContent : value === "" ? NaN : Number(value);
  };
  const order = (a, b) => {
    const x = key(a), y = key(b);
    if (typeof x === "string") return x.localeCompare(y, undefined, { numeric: true }) * (down ? -1 : 1);
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y); // what has no number comes last either way
    return (x - y) * (down ? -1 : 1);
  };
  body.append(...[...body.rows].sort(order));
}

const tip = document.getElementById("tip");

function showTip(mark) {
  const box = mark.getBoundingClientRect(), wide = document.documentElement.clientWidth;
  tip.textContent = mark.dataset.tip;
  tip.style.display = "block";
  const middle = box.left + box.width / 2 - tip.offsetWidth / 2;
  const left = Math.min(Math.max(8, middle), wide - tip.offsetWidth - 8);
  const above = box.top - tip.offsetHeight - 6;
  tip.style.left = left + "px";
  tip.style.top = (above > 4 ? above : box.bottom + 6) + "px";
}

function hideTip() {
  tip.style.display = "none";
}

function toggle(button) {
  const off = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!off));
  for (const mark of document.querySelectorAll("svg .g" + button.dataset.group + ":not(.front)"))
    mark.classList.toggle("hidden", off);
}

// A page opened from a file may not be allowed to use the clipboard: then the text is selected, to copy by hand.
function copyFrom(button) {
  const code = button.parentNode.querySelector("code");
  const done = word => {
    button.textContent = word;
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  };
  const select = () => {
    getSelection().selectAllChildren(code);
    done("selected");
  };
  if (navigator.clipboard) navigator.clipboard.writeText(code.textContent).then(() => done("copied"), select);
  else select();
}

document.addEventListener("click", event => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.closest(".sortable th")) sortBy(button.closest("th"));
  else if (button.dataset.group !== undefined) toggle(button);
  else if (button.classList.contains("copy")) copyFrom(button);
});
for (const mark of document.querySelectorAll("[data-tip]")) {
  mark.addEventListener("pointerenter", () => showTip(mark));
  mark.addEventListener("pointerleave", hideTip);
  mark.addEventListener("focus", () => showTip(mark));
  mark.addEventListener("blur", hideTip);
}
addEventListener("scroll", hideTip, { passive: true });
addEventListener("beforeprint", () => {
  for (const closed of document.querySelectorAll("details")) closed.open = true;
});
