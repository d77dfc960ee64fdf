// Fetches the page again and puts in what has changed. Without this script the page is the same, and stands still.
const live = document.getElementById("live");
live.parentElement.hidden = false;

const details = (root) => [...root.querySelectorAll("main details")];
const stops = (root) => [...root.querySelectorAll("main summary, main [tabindex], main a")];

// What something is in the next page too, where there may be more or fewer of its kind.
const name = (element) =>
  element && `${element.tagName} ${element.closest("details")?.dataset.key ?? element.ariaLabel ?? element.textContent}`;

async function renew() {
  if (!live.checked || document.hidden || String(getSelection())) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = new Map(details(document).map((element) => [element.dataset.key, element.open]));
  for (const element of details(page)) element.open = open.get(element.dataset.key) ?? element.open;
  const focused = stops(document).includes(document.activeElement) ? name(document.activeElement) : null;
  document.getElementById("main").replaceWith(page.getElementById("main"));
  stops(document).find((element) => name(element) === focused)?.focus({ preventScroll: true });
}

setInterval(() => renew().catch(() => {}), 2000);
