// act.js -- what a reader does with a report, and whether the page answers; see run.sh.
"use strict";
(() => {
  const findings = [];
  const check = (what, holds) => findings.push((holds ? "ok " : "FAILED ") + what);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const complain = console.error;
  addEventListener("error", event => check("no error: " + event.message, false));
  console.error = (...words) => { check("no console error: " + words.join(" "), false); complain(...words); };

  const table = document.querySelector("#runs table");
  const numbers = column => all("tbody tr", table).map(row => Number(row.cells[column].dataset.value));
  const rising = list => list.every((x, i) => !i || list[i - 1] <= x);
  const button = all("th button", table)[1];
  button.click();
  check("a column sorts upwards", rising(numbers(1)) && numbers(1).length === 6);
  button.click();
  check("and downwards", rising(numbers(1).reverse()));
  all("th button", table)[0].click();
  check("names sort", all("tbody th", table)[0].textContent === "fp4-42");

  const tip = document.getElementById("tip");
  for (const section of ["curves", "fronts", "parameters"]) {
    const point = document.querySelector("#" + section + " [data-tip]");
    point.scrollIntoView({ block: "center" });
    const mark = point.querySelector(".dot") || point, box = mark.getBoundingClientRect();
    if (point.querySelector(".dot")) {
      const hit = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
      check(section + ": the pointer meets a point", hit && hit.closest("[data-tip]"));
    }
    point.dispatchEvent(new PointerEvent("pointerenter"));
    const at = tip.getBoundingClientRect();
    check(section + ": its numbers are shown", getComputedStyle(tip).display === "block" && /loss \d/.test(tip.textContent));
    check(section + ": inside the window", at.left >= 0 && at.right <= innerWidth && at.top >= 0 && at.bottom <= innerHeight);
    point.dispatchEvent(new PointerEvent("pointerleave"));
    check(section + ": and hidden again", getComputedStyle(tip).display === "none");
  }

  const legend = document.querySelector(".legend button");
  legend.click();
  check("a name hides its runs", all("svg .g0:not(.front)").every(mark => getComputedStyle(mark).display === "none"));
  legend.click();
  check("and shows them", all("#curves svg .g0").every(mark => getComputedStyle(mark).display !== "none"));

  const recipe = document.querySelector("#recipes details");
  recipe.open = true;
  recipe.querySelector(".copy").click();
  check("a command can be copied", recipe.querySelector("code").textContent.startsWith("lorac train --"));
  check("nothing is wider than the window", document.documentElement.scrollWidth <= innerWidth);
  check("nothing is fetched", performance.getEntriesByType("resource").length === 0);
  check("covered attributes are marked or listed", all("#texts .chips span").length > 0);
  check("every chart has a name", all("svg").every(svg => svg.getAttribute("aria-label")));
  setTimeout(() => { // errors of promises come later
    const out = document.createElement("pre");
    out.id = "findings";
    out.textContent = "\n" + findings.join("\n") + "\nok acted\n";
    document.body.append(out);
  }, 500);
})();
