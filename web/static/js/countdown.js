// Says how long is left, in words, beside a time that the page states anyway. Not announced: it changes by itself.
const words = (milliseconds) => {
  const minutes = Math.ceil(milliseconds / 60000);
  if (minutes <= 0) return null;
  if (minutes === 1) return "less than a minute";
  if (minutes < 90) return `${minutes} minutes`;
  return `about ${Math.round(minutes / 60)} hours`;
};

for (const element of document.querySelectorAll("[data-countdown]")) {
  const until = Date.parse(element.dataset.countdown);
  const tick = () => {
    const left = words(until - Date.now());
    element.textContent = left ? ` (${element.dataset.words.replace("#", left)})` : ` (${element.dataset.over})`;
    if (left) setTimeout(tick, 10000);
  };
  tick();
}
