// Small helps; every page works without them, but for what happens live.
"use strict";

const STATES = new Set(["asked", "answered", "concluded", "failed", "interrupted", "cancelled"]);

function show(event) {
  const { kind, data } = event;
  const state = document.getElementById("state");
  if (kind === "queued") state.textContent = `It waits: place ${data.place} in the queue.`;
  if (kind === "began") state.textContent = "It runs.";
  const item = document.getElementById(`step-${data.step}`);
  if (!item || !kind.startsWith("check ")) return;
  item.dataset.state = kind === "check began" ? "began" : "ended";
  item.querySelector(".badge").textContent = kind === "check began" ? "running" : data.label || data.status.replaceAll("_", " ");
  const ended = document.querySelectorAll("#live [data-state=ended]").length;
  state.textContent = `It runs: ${ended} of ${document.querySelectorAll("#live li").length} checks have ended.`;
}

async function understand() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, fresh] = [document.getElementById("understood"), page.getElementById("understood")];
  if (fresh && old && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
}

function arrived() {
  if (!document.activeElement?.matches("input, textarea, select")) {
    location.reload();
    return;
  }
  const state = document.getElementById("state"); // somebody writes: nothing is taken from under their hands
  const link = document.createElement("a");
  link.href = location.pathname;
  link.textContent = "Something has changed: show it.";
  state.replaceChildren(link);
}

function follow(list) {
  const after = Number(list.dataset.after);
  const source = new EventSource(list.dataset.events);
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    if (event.sequence <= after) return;
    show(event);
    if (event.kind === "understood") understand();
    if (STATES.has(event.kind)) {
      source.close();
      setTimeout(arrived, 150); // the report is written a moment after the event's check
    }
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(arrived, 5000);
  };
}

function reveal() {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  if (!target.hasAttribute("tabindex")) target.tabIndex = -1;
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(new URL(button.dataset.copy, location.href).href);
    button.textContent = "Copied";
  });
}
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // come back to by the browser's button: it may have gone on
});
addEventListener("hashchange", reveal);
reveal();
const live = document.querySelector("#live[data-events]");
if (live) follow(live);
