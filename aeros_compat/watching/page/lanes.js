// Fetches the page again and puts in what has changed. Without this script the page is the same, and stands still.
const live = document.getElementById("live");
live.parentElement.hidden = false;

const details = (root) => [...root.querySelectorAll("main details")];
const stops = (root) => [...root.querySelectorAll("main summary, main [tabindex]")];

async function renew() {
  if (!live.checked || document.hidden || String(getSelection())) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [before, after] = [details(document), details(page)];
  if (before.length === after.length) after.forEach((element, index) => { element.open = before[index].open; });
  const focused = stops(document).indexOf(document.activeElement);
  document.getElementById("main").replaceWith(page.getElementById("main"));
  stops(document)[focused]?.focus({ preventScroll: true });
}

setInterval(() => renew().catch(() => {}), 2000);
