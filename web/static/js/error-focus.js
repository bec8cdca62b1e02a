// After a refused form the reader starts at the explanation, and its links go to the field itself.
const summary = document.querySelector("[data-error-summary]");

if (summary) {
  summary.focus();
  summary.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const target = link && document.getElementById(link.hash.slice(1));
    if (!target) return;
    event.preventDefault();
    const place = target.closest("[data-field]") ?? target;
    place.scrollIntoView({ block: "start" });
    target.focus({ preventScroll: true });
  });
}
