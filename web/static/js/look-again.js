// While an answer is still being applied the page loads itself again, a few times and ever more slowly; its link does the same by hand.
const key = "gatehouse-look-again";
if (document.querySelector("[data-look-again]")) {
  const looks = Number(sessionStorage.getItem(key) ?? 0);
  if (looks < 12) {
    sessionStorage.setItem(key, String(looks + 1));
    setTimeout(() => location.reload(), Math.min(5000 * 1.3 ** looks, 30000));
  }
} else {
  sessionStorage.removeItem(key);
}
