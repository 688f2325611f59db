// All that needs a script: the theme, a key for the search, and news. Every page works without.
"use strict";

const THEMES = ["system", "light", "dark"];
const EVERY = 15000; // the watcher tells the history of changes within seconds; a page is asked for four times a minute

function chosenTheme() {
  try {
    const chosen = localStorage.getItem("theme");
    return THEMES.includes(chosen) ? chosen : "system";
  } catch {
    return "system"; // storage may be forbidden
  }
}

function wear(theme) {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
}

// At once: the page is not painted yet.
wear(chosenTheme());

function offerThemes(button) {
  const show = () => { button.textContent = `Theme: ${chosenTheme()}`; };
  button.hidden = false;
  show();
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(chosenTheme()) + 1) % THEMES.length];
    try { localStorage.setItem("theme", next); } catch { /* it holds for this page */ }
    wear(next);
    show();
  });
}

function offerSearch() {
  document.addEventListener("keydown", (event) => {
    const busy = event.target.closest("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey;
    const field = document.querySelector("[data-search]");
    if (event.key === "/" && !busy && field) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
}

// Asks for the same page again, and takes over what has changed: never under the hands of somebody who fills in a form.
function follow(main) {
  let tag = "";
  let ended = false;
  const say = (text) => { document.getElementById("news").textContent = text; };
  const busy = () => main.contains(document.activeElement) && document.activeElement !== main;
  async function ask() {
    if (ended || document.hidden || busy() || String(getSelection())) return;
    let answer;
    try {
      answer = await fetch(location.href, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    } catch {
      say("The dashboard does not answer. What is shown may be old.");
      return;
    }
    if (answer.status === 401) {
      ended = true;
      say("The session has ended. Load the page again to log in.");
    }
    if (!answer.ok) return;
    const text = await answer.text();
    if (busy()) return;
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("main");
    tag = answer.headers.get("ETag") || "";
    if (fresh && fresh.innerHTML !== main.innerHTML) {
      main.replaceChildren(...fresh.childNodes);
      say(`Updated at ${new Date().toLocaleTimeString()}`);
    }
  }
  setInterval(ask, EVERY);
  document.addEventListener("visibilitychange", ask);
  document.addEventListener("auditor:ask", ask);
}

document.addEventListener("DOMContentLoaded", () => {
  offerThemes(document.getElementById("theme"));
  offerSearch();
  const main = document.querySelector("main[data-live]");
  if (main) follow(main);
});
