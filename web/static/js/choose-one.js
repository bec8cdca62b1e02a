// Of several fields only the chosen one is shown and sent. Without this script all are shown, to fill in exactly one.
for (const group of document.querySelectorAll("[data-choose-one]")) {
  const radios = [...group.querySelectorAll("[data-choose-radios] input[type=radio]")];
  const show = () => {
    for (const radio of radios) {
      const part = group.querySelector(`[data-choice="${radio.value}"]`);
      part.hidden = !radio.checked;
      for (const input of part.querySelectorAll("input")) input.disabled = !radio.checked;
    }
  };
  group.querySelector("[data-choose-radios]").hidden = false;
  for (const text of group.querySelectorAll("[data-without-script]")) text.hidden = true;
  for (const radio of radios) radio.addEventListener("change", show);
  show();
  // A page brought back by the browser may have its radio restored after this ran.
  addEventListener("pageshow", show);
}
