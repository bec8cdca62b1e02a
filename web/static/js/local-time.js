// Times come in the payer's zone; a reader elsewhere gets them in the zone of the clock on the wall.
const shapes = {
  moment: { year: "numeric", month: "long", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" },
  short: { year: "numeric", month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZoneName: "short" },
  clock: { hour: "numeric", minute: "2-digit", timeZoneName: "short" },
};

for (const element of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(element.dateTime);
  if (Number.isNaN(moment.valueOf())) continue;
  element.title = element.textContent;
  // US English whatever the browser's language is: the page around it is written in it.
  element.textContent = new Intl.DateTimeFormat("en-US", shapes[element.dataset.local]).format(moment).replace(" at ", ", ");
}
