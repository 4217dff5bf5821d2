// An explorer on a page without a kernel: all frames are files, one is shown.
for (const figure of document.querySelectorAll("figure.sdbook-explorer")) {
  const page = document.documentElement;
  const data = JSON.parse(figure.querySelector("script").textContent);
  const image = figure.querySelector("img");
  const caption = figure.querySelector("figcaption");
  const theme = () => (page.dataset.theme === "dark" ? "dark" : "light");
  const url = (index) => data.folder + data[theme()][index];
  const index = (position) => position.reduce((sum, i, k) => sum * controls.sizes[k] + i, 0);

  const controls = sdbookControls(figure, { moved: () => show(), taken: (k) => fetchAhead(k) });
  const show = () => {
    const i = index(controls.position());
    image.src = url(i);
    image.alt = data.messages[i];
    // Written only when it changes, because a screen reader speaks what is written here.
    if (caption.textContent !== data.messages[i]) caption.textContent = data.messages[i];
  };
  // Who takes hold of a control will move it: fetch the frames that it leads to.
  const fetchAhead = (k) => {
    const position = controls.position();
    for (let i = 0; i < controls.sizes[k]; i++) {
      position[k] = i;
      new Image().src = url(index(position));
    }
  };

  image.hidden = false;
  show();
  new MutationObserver(show).observe(page, { attributeFilter: ["data-theme"] });
}
