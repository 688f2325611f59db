// All that needs a script: the theme, a key for the search, and news. Every page works without.
"use strict";

const THEMES = ["system", "light", "dark"];
const EVERY = 5000; // the watcher tells the history of changes within seconds; to ask takes a millisecond

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

// Asks whether something has changed. Who reads is told and chooses when, so that nothing moves under their eyes; a page
// in a window that nobody works in follows by itself.
function follow(main) {
  let version = "";
  let shown = main.innerHTML;
  let ended = false;
  let away = false;
  let offered = null;
  const news = document.getElementById("news");
  const say = (text, ...more) => news.replaceChildren(text, ...more);

  async function get(address) {
    let answer = null;
    try {
      answer = await fetch(address, { cache: "no-store" });
    } catch { /* nobody is there: see below */ }
    if (answer && answer.status === 401) {
      ended = true;
      say("The session has ended. Load the page again to log in.");
      return null;
    }
    if (!answer || answer.status >= 500) {
      if (!away) say("The dashboard does not answer. What is shown may be old.");
      away = true;
      return null;
    }
    if (away) {
      away = false;
      if (offered) offer(offered);
      else say("");
    }
    return answer.ok ? answer : null;
  }

  function show(fresh) {
    offered = null;
    shown = fresh.innerHTML;
    main.replaceChildren(...fresh.childNodes);
    say(`Updated at ${new Date().toLocaleTimeString()}`);
  }

  function offer(fresh) {
    offered = fresh;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Show";
    button.addEventListener("click", () => {
      main.focus({ preventScroll: true }); // the button goes
      show(fresh);
    });
    say("Something has changed. ", button);
  }

  async function ask() {
    if (ended || document.hidden) return;
    const answer = await get("/api/v1/version");
    if (!answer) return;
    const found = (await answer.json()).version;
    if (!version) version = found;
    if (found === version) return;
    const page = await get(location.href);
    if (away) return; // it is asked for again
    version = found;
    if (!page) return;
    const fresh = new DOMParser().parseFromString(await page.text(), "text/html").getElementById("main");
    if (!fresh || fresh.innerHTML === shown) return; // it is nothing that stands here
    if (document.hasFocus()) offer(fresh);
    else show(fresh);
  }

  ask();
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
