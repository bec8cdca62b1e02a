// Copy buttons appear only where the browser allows copying; the result is spoken by the status beside them.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const status = document.createElement("span");
    status.setAttribute("role", "status");
    status.className = "copy-status";
    button.after(status);
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        status.textContent = "Copied";
      } catch {
        status.textContent = "Please copy it by hand";
      }
      setTimeout(() => (status.textContent = ""), 4000);
    });
  }
}
